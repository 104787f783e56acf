"""HR takes back a bank transfer that it announced and will not make.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATES = "'pending', 'confirming', 'confirmed', 'returned', 'cancelled'"


def upgrade() -> None:
    op.execute(f"""
        ALTER TABLE top_up DROP CONSTRAINT top_up_status_known,
            ADD CONSTRAINT top_up_status_known CHECK (status IN ({STATES})) NOT VALID;
        ALTER TABLE top_up VALIDATE CONSTRAINT top_up_status_known;
        GRANT UPDATE (status, resolved_by, resolved_at) ON top_up TO beatrice_hr;
    """)
