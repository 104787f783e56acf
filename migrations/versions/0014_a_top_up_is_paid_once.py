"""The ledger pays in a top-up once, whoever asks.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY transfer_top_up_once_key ON ledger.transfer (cause_id)"
            " WHERE reason = 'top_up'"
        )
