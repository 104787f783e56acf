"""Facts stay known as they were; a doubtful unit says until when it is resolved, a booking with which rules it was decided.

Revision ID: 0017
Revises: 0014
"""

from alembic import op

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

PAST = """
CREATE TABLE care.beneficiary_past (
    beneficiary_id UUID NOT NULL,
    version INTEGER NOT NULL,
    relation TEXT NOT NULL,
    sealed_details BYTEA NOT NULL,
    CONSTRAINT beneficiary_past_pkey PRIMARY KEY (beneficiary_id, version),
    CONSTRAINT beneficiary_past_beneficiary_id_fkey FOREIGN KEY (beneficiary_id) REFERENCES care.beneficiary (id)
);
GRANT SELECT ON care.beneficiary_past TO beatrice_app, beatrice_worker;
"""
REVIEW = """
ALTER TABLE care.unit ADD COLUMN review_by TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT unit_review_has_deadline CHECK (needs_review = (review_by IS NOT NULL)) NOT VALID,
    ADD CONSTRAINT unit_review_of_open CHECK (NOT needs_review OR status IN ('requested', 'confirmed')) NOT VALID;
ALTER TABLE care.unit VALIDATE CONSTRAINT unit_review_has_deadline;
ALTER TABLE care.unit VALIDATE CONSTRAINT unit_review_of_open;
ALTER TABLE care.booking ADD COLUMN rules_digest TEXT DEFAULT '' NOT NULL;
"""


def upgrade() -> None:
    op.execute(PAST)
    op.execute(REVIEW)
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY unit_review_by_idx ON care.unit (review_by) WHERE review_by IS NOT NULL")
        op.execute(
            "CREATE INDEX CONCURRENTLY booking_rules_digest_idx ON care.booking (rules_digest)"
            " WHERE status IN ('requested', 'confirmed', 'in_progress')"
        )
