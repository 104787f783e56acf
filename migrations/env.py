"""Alembic's entry: as the owner role, one transaction per migration, never waiting long for a lock."""

from alembic import context
from sqlalchemy import create_engine, pool, text

from app.db import Model
from migrations.tables import load_models

load_models()


def include_object(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:  # noqa: FBT001 - Alembic's signature
    """Leave procrastinate's tables alone; partial and functional indexes are compared by a test instead."""
    return not (kind == "table" and reflected and (name or "").startswith("procrastinate_"))


def run() -> None:
    engine = create_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("SET ROLE beatrice_owner"))
        connection.execute(text("SET lock_timeout = '500ms'"))
        connection.execute(text("SET timezone = 'UTC'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Model.metadata,
            include_schemas=True,
            include_object=include_object,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
