"""Programmes of collective agreements know their deadline, people are reminded before credit dies, approvers by mandate.

Revision ID: 0019
Revises: 0014
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

AGREEMENTS = """
    ALTER TABLE programme
        ADD COLUMN agreement_code TEXT,
        ADD COLUMN agreement_year INTEGER,
        ADD COLUMN due_by DATE,
        ADD CONSTRAINT programme_agreement_whole CHECK (
            num_nonnulls(agreement_code, agreement_year, due_by) IN (0, 3));
    ALTER TABLE credit_grant ADD COLUMN generality_note TEXT;
    CREATE INDEX programme_due_by_idx ON programme (due_by) WHERE due_by IS NOT NULL;

    CREATE TABLE deadline_reminder (
        programme_id UUID NOT NULL,
        days_before INTEGER NOT NULL,
        company_id UUID NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT deadline_reminder_pkey PRIMARY KEY (programme_id, days_before),
        CONSTRAINT deadline_reminder_company_id_programme_id_fkey FOREIGN KEY(company_id, programme_id)
            REFERENCES programme (company_id, id)
    );
    CREATE INDEX deadline_reminder_programme_idx ON deadline_reminder (company_id, programme_id);
    GRANT SELECT, INSERT ON deadline_reminder TO beatrice_app, beatrice_worker;
    GRANT SELECT ON grant_revocation, revoked_line TO beatrice_worker;
"""

REMINDERS = """
    ALTER TABLE lot ADD COLUMN reminders SMALLINT NOT NULL DEFAULT 0;
    GRANT UPDATE (reminders) ON lot TO beatrice_app, beatrice_worker;
"""

MANDATES = """
    CREATE TABLE approval_mandate (
        id UUID NOT NULL,
        company_id UUID NOT NULL,
        alliance_id UUID NOT NULL,
        given_by UUID NOT NULL,
        given_at TIMESTAMP WITH TIME ZONE NOT NULL,
        from_at TIMESTAMP WITH TIME ZONE NOT NULL,
        ended_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT approval_mandate_pkey PRIMARY KEY (id),
        CONSTRAINT approval_mandate_company_id_fkey FOREIGN KEY(company_id) REFERENCES company (organisation_id),
        CONSTRAINT approval_mandate_alliance_id_fkey FOREIGN KEY(alliance_id) REFERENCES alliance (id),
        CONSTRAINT approval_mandate_begins_later CHECK (from_at >= given_at)
    );
    CREATE UNIQUE INDEX approval_mandate_open_key ON approval_mandate (company_id) WHERE ended_at IS NULL;
    CREATE INDEX approval_mandate_company_id_idx ON approval_mandate (company_id);
    CREATE INDEX approval_mandate_alliance_id_idx ON approval_mandate (alliance_id);
    GRANT SELECT, INSERT, UPDATE (ended_at) ON approval_mandate TO beatrice_app;
"""


def upgrade() -> None:
    op.execute(AGREEMENTS)
    op.execute(MANDATES)
    op.execute(REMINDERS)
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY lot_reminders_idx ON lot (reminders, expires_on) WHERE ended_at IS NULL"
        )
