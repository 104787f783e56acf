"""The database: declarative base, engine, units of work."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from app import clock

NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s",
}
APP_TIMEOUTS = "-c statement_timeout=5s -c lock_timeout=1s -c idle_in_transaction_session_timeout=10s"
PSYCOPG = PGDialect_psycopg()  # type: ignore[no-untyped-call]
WORKER_TIMEOUTS = "-c statement_timeout=60s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"


Timestamp = TIMESTAMP(timezone=True)
"""An instant: every time column has it."""


def one_of(column: str, values: Sequence[str]) -> str:
    """Return the CHECK that a text column holds one of some words."""
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Model(DeclarativeBase):
    """Base of every table; constraint names are stable because clients' error codes hang on them."""

    metadata = MetaData(naming_convention=NAMING)


class Database:
    """A PostgreSQL database and its pool."""

    def __init__(self, bind: AsyncEngine | AsyncConnection) -> None:
        self.bind = bind
        nested: dict[str, Any] = {}
        if isinstance(bind, AsyncConnection):
            nested["join_transaction_mode"] = "create_savepoint"
        self._sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(bind, expire_on_commit=False, **nested)

    def session(self) -> AsyncSession:
        return self._sessions()

    @asynccontextmanager
    async def begin(self, role: str = "beatrice_app") -> AsyncIterator[AsyncSession]:
        """Open a unit of work outside a request (job, command): role and business time set, committed at the end."""
        async with self.session() as session:
            await open_unit_of_work(session, role)
            yield session
            await session.commit()

    async def dispose(self) -> None:
        if isinstance(self.bind, AsyncEngine):
            await self.bind.dispose()


async def open_unit_of_work(session: AsyncSession, role: str) -> None:
    """Set the database role and this task's business time from the shared offset."""
    row = await session.execute(
        text("SELECT set_config('role', :role, true), (SELECT offset_interval FROM clock_offset)"), {"role": role}
    )
    clock.set_offset(row.one()[1])


def create_database(url: str, *, pool_size: int = 10, timeouts: str = APP_TIMEOUTS) -> Database:
    """Connect lazily; statements carry no values into error texts."""
    return Database(
        create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            hide_parameters=True,
            connect_args={"options": f"{timeouts} -c timezone=UTC", "connect_timeout": 5},
        )
    )


async def raw_connection(session: AsyncSession) -> Any:  # noqa: ANN401 - psycopg's AsyncConnection, for procrastinate
    connection = await session.connection()
    return (await connection.get_raw_connection()).driver_connection


async def rows(session: AsyncSession, sql: str, /, **parameters: Any) -> Sequence[Any]:  # noqa: ANN401 - SQL values
    """Run one statement and return all its rows."""
    return (await session.execute(text(sql), parameters)).all()


class Direct:
    """A statement of the hottest requests, given to the driver on the session's own connection and transaction.

    SQLAlchemy costs more than the driver for a small statement: five of them were a quarter of a booking. Everything
    else is as with `text()`: named parameters, psycopg's types, SQLAlchemy's exceptions and its event before execution.
    """

    def __init__(self, sql: str) -> None:
        self._sql = str(text(sql).compile(dialect=PSYCOPG))

    async def rows(self, session: AsyncSession, values: dict[str, Any]) -> list[Any]:
        """Run it and return all rows as named tuples (none where it returns no rows); DBAPIError as SQLAlchemy's."""
        connection = await _connection_of(session)
        driver: Any = connection.connection.driver_connection
        try:
            cursor = driver.cursor(row_factory=namedtuple_row)
            connection.dispatch.before_cursor_execute(connection, cursor, self._sql, values, None, False)
            await cursor.execute(self._sql, values)
            return await cursor.fetchall() if cursor.description else []
        except psycopg.Error as error:
            if driver.closed:
                with suppress(DBAPIError):  # SQLAlchemy meets the same and empties its pool
                    await session.execute(text("SELECT"))
            raise DBAPIError.instance(
                self._sql, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=driver.closed
            ) from error


async def _connection_of(session: AsyncSession) -> Connection:
    """Return the connection of the session's transaction, asked for once in each."""
    known: tuple[object, Connection] | None = session.info.get("connection")
    if known is None or known[0] is not session.sync_session.get_transaction():
        connection = (await session.connection()).sync_connection
        if connection is None:
            raise RuntimeError("a session without a connection")
        known = session.info["connection"] = (session.sync_session.get_transaction(), connection)
    return known[1]
