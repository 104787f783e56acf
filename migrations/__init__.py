"""The database's history, and how it is brought up to date."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config

from migrations.roles import ensure_roles

HERE = Path(__file__).parent


def configuration(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["url"] = url
    return config


def upgrade(url: str, report: Callable[[str], None] = lambda _line: None) -> None:
    """Create missing roles, then run every migration that the database lacks; several at once wait for each other."""
    with psycopg.connect(_plain(url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('beatrice migrations'))")
        ensure_roles(connection)
        report("roles are there")
        command.upgrade(configuration(url), "head")
        report("tables are up to date")


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
