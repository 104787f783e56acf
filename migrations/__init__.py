"""The database's history, and how it is brought up to date."""

from collections.abc import Callable
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from app import clock
from migrations import code
from migrations.roles import ensure_roles

HERE = Path(__file__).parent


class UnknownHistoryError(Exception):
    """Another version of this program made the database; the message says what to do."""


def configuration(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.attributes["url"] = url
    return config


def upgrade(url: str, report: Callable[[str], None] = lambda _line: None) -> None:
    """Create missing roles, run every migration that the database lacks, apply changed database code.

    Several at once wait for each other.
    """
    with psycopg.connect(plain(url), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(hashtext('beatrice migrations'))")
        ensure_roles(connection)
        report("roles are there")
        try:
            command.upgrade(configuration(url), "head")
        except CommandError as error:
            raise UnknownHistoryError(
                f"Another version of Beatrice made this database ({error}). Use that version or an empty database;"
                " the sandbox makes itself a new one when its data folder (BEATRICE_DATA_DIR) is gone."
            ) from None
        report("tables are up to date")
        applied = code.apply(connection)
        report(f"database code is up to date, files applied: {applied}")


def mark(url: str, mode: str) -> str:
    """Say what kind of database this is, unless it was said before; return what it is."""
    with psycopg.connect(plain(url), autocommit=True) as connection, connection.transaction():
        connection.execute("SET LOCAL ROLE beatrice_owner")
        connection.execute(
            "INSERT INTO installation (mode, marked_at) VALUES (%s, %s) ON CONFLICT DO NOTHING", [mode, clock.real()]
        )
        row = connection.execute("SELECT mode FROM installation").fetchone()
    return str(row[0]) if row is not None else mode


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://", 1)
