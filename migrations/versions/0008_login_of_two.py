"""Login: a reason for roles of two people on one login; a lost second factor; what has ended is forgotten.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

REASONS = """
ALTER TABLE role_grant
    ADD COLUMN reason TEXT,
    ADD CONSTRAINT role_grant_reason_said CHECK (length(btrim(reason)) BETWEEN 10 AND 500) NOT VALID;
ALTER TABLE role_grant VALIDATE CONSTRAINT role_grant_reason_said;
ALTER TABLE invitation ADD COLUMN reason TEXT;
"""
LOST_FACTORS = """
CREATE TABLE second_factor_removal (
    user_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    requested_by UUID NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT second_factor_removal_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factor_removal_by_another CHECK (requested_by <> user_id),
    CONSTRAINT second_factor_removal_approved_by_a_third CHECK (approved_by <> user_id AND approved_by <> requested_by),
    CONSTRAINT second_factor_removal_waits
        CHECK (effective_at >= requested_at + CASE WHEN approved_by IS NULL THEN interval '24 hours' ELSE '0' END),
    CONSTRAINT second_factor_removal_user_id_fkey FOREIGN KEY (user_id) REFERENCES user_account (id),
    CONSTRAINT second_factor_removal_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT second_factor_removal_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES user_account (id),
    CONSTRAINT second_factor_removal_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES user_account (id)
);
CREATE INDEX second_factor_removal_organisation_id_idx ON second_factor_removal (organisation_id);
CREATE INDEX second_factor_removal_requested_by_idx ON second_factor_removal (requested_by);
CREATE INDEX second_factor_removal_approved_by_idx ON second_factor_removal (approved_by);
GRANT SELECT, INSERT, UPDATE (approved_by, effective_at), DELETE ON second_factor_removal TO beatrice_app;
GRANT SELECT, DELETE ON second_factor_removal TO beatrice_worker;
"""
RETENTION = """
GRANT DELETE ON invitation TO beatrice_worker;
GRANT SELECT, DELETE ON email_change, activation_failure TO beatrice_worker;
"""
INDEXES = (
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS email_change_over_idx ON email_change (coalesce(undo_until, expires_at))",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS invitation_over_idx ON invitation (coalesce(ended_at, expires_at))",
)


def upgrade() -> None:
    op.execute(REASONS)
    op.execute(LOST_FACTORS)
    op.execute(RETENTION)
    with op.get_context().autocommit_block():
        for index in INDEXES:
            op.execute(index)
