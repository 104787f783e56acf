"""What integrators make carries their own ids and notes; lists can be asked what changed, and a provider's day by start.

Revision ID: 0011
Revises: 0007
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MADE_BY_INTEGRATORS = {
    "site": "provider_id",
    "slot": "provider_id",
    "top_up": "company_id",
    "programme": "company_id",
    "credit_grant": "company_id",
}
FOUND = {**MADE_BY_INTEGRATORS, "offering": "provider_id"}


def upgrade() -> None:
    for table in MADE_BY_INTEGRATORS:
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN external_id TEXT, ADD COLUMN metadata JSONB DEFAULT '{{}}'::jsonb NOT NULL"
        )
    op.execute("""
        ALTER TABLE offering ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE;
        ALTER TABLE employee ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE;
        GRANT INSERT (external_id, metadata) ON slot TO beatrice_app, beatrice_worker;
        GRANT UPDATE (external_id, metadata) ON site TO beatrice_app, beatrice_worker;
        GRANT UPDATE (updated_at) ON offering TO beatrice_app, beatrice_worker;
        GRANT UPDATE (updated_at) ON employee TO beatrice_hr;
    """)
    with op.get_context().autocommit_block():
        for table, owner in FOUND.items():
            op.execute(
                f"CREATE INDEX CONCURRENTLY {table}_external_id_idx ON {table} ({owner}, external_id)"
                " WHERE external_id IS NOT NULL"
            )
        op.execute("CREATE INDEX CONCURRENTLY unit_starts_at_idx ON care.unit (provider_id, starts_at, id)")
