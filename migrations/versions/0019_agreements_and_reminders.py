"""Programmes of collective agreements know their deadline, people are reminded before credit dies, approvers by mandate.

Revision ID: 0019
Revises: 0014
"""

from alembic import op

revision = "0019"
down_revision = "0017"
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


def upgrade() -> None:
    op.execute(AGREEMENTS)
