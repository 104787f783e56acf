"""A programme can be put away: no grant is drafted for it any more.

Revision ID: 0022
Revises: 0014
"""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE programme ADD COLUMN archived_at timestamptz")
