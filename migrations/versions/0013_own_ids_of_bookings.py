"""A booking carries the id and the notes of the system that made it; notes are sealed, as all words about care.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE care.booking ADD COLUMN external_id TEXT, ADD COLUMN sealed_metadata BYTEA")
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE INDEX CONCURRENTLY booking_external_id_idx ON care.booking (user_id, external_id)"
            " WHERE external_id IS NOT NULL"
        )
