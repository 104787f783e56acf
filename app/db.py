"""The database: declarative base, engine, units of work."""

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, is_dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, ClassVar, Final, Generic, Literal, Self, TypeVar, get_args, get_type_hints

import psycopg
from psycopg.abc import PQGen
from psycopg.generators import send
from psycopg.pq import ConnStatus, PipelineStatus, TransactionStatus
from psycopg.rows import class_row, scalar_row
from pydantic import TypeAdapter
from sqlalchemy import Connection, MetaData
from sqlalchemy import text as sql_text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from app import clock
from app.config import settings

NAMING = {
    "pk": "%(table_name)s_pkey",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s",
}
APP_TIMEOUTS = "-c statement_timeout=5s -c lock_timeout=1s -c idle_in_transaction_session_timeout=10s"
APP_FOLDER = Path(__file__).parent
PSYCOPG = PGDialect_psycopg()  # type: ignore[no-untyped-call]
WORKER_TIMEOUTS = "-c statement_timeout=60s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s"


Timestamp = TIMESTAMP(timezone=True)
"""An instant: every time column has it."""


def one_of(column: str, words: object) -> str:
    """Return the CHECK that a text column holds one of the words of a Literal."""
    listed = get_args(words)
    return f"{column} IN ({', '.join(repr(word) for word in listed)})"


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
        # Entities are read, never written: no flush of its own, and a later read sees what statements have changed.
        self._sessions: async_sessionmaker[AsyncSession] = async_sessionmaker(
            bind, autoflush=False, expire_on_commit=False, execution_options={"populate_existing": True}, **nested
        )

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
        sql_text("SELECT set_config('role', :role, true), (SELECT offset_interval FROM clock_offset)"),
        {"role": role},
    )
    set_business_time(row.one()[1])


def set_business_time(offset: timedelta) -> None:
    """Let the current task see business time at the shared offset; that of production is real time, always."""
    clock.set_offset(offset if settings().sandbox else timedelta(0))


@dataclass(frozen=True, slots=True)
class Login:
    """Who is logged in to the database, and whether it could change the tables."""

    name: str
    is_superuser: bool
    may_be_owner: bool
    has_tables: bool


async def login_of(session: AsyncSession) -> Login:
    """Return the rights of this connection's login."""
    found = await session.execute(
        sql_text(
            "SELECT r.rolname, r.rolsuper, coalesce(pg_has_role(r.oid, c.relowner, 'MEMBER'), false), c.oid IS NOT NULL"
            " FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('public.organisation')"
            " WHERE r.rolname = session_user"
        )
    )
    return Login(*found.one())


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


R = TypeVar("R")
Role = Literal["beatrice_app", "beatrice_hr", "beatrice_worker"]
APP: Final[Role] = "beatrice_app"
HR: Final[Role] = "beatrice_hr"
WORKER: Final[Role] = "beatrice_worker"
NOTHING: Final[type[None]] = type(None)
"""The row of a statement that returns none."""


class Query(Generic[R]):
    """A named statement with typed rows, given to the driver on the session's own connection and transaction.

    `Query(Booked, "bookings.book")` is the block `-- name: book` in app/bookings/sql/queries*.sql; `:name` marks a
    parameter. Its rows are `Booked`: a frozen dataclass whose fields are the columns, or the type of the only column;
    a field that holds dataclasses is read from JSON. `roles` are the database roles that run it. A test prepares each
    on the migrated database under each of them and compares columns, types and privileges with the row. `replan` is for
    optional filters: the statement is planned for its values every time, never once for all. `text` is what somebody
    made of the block (`ListQuery` in listing.py: a list's pages).

    It is for what needs a lock, a set, several tables or the last microsecond: SQLAlchemy costs more than the driver
    for a small statement. Its exceptions are SQLAlchemy's, and so is its event before execution.
    """

    every: ClassVar[list["Query[Any]"]] = []

    def __init__(
        self,
        row: type[R],
        name: str,
        *,
        roles: Sequence[Role] = (APP,),
        replan: bool = False,
        text: str | None = None,
    ) -> None:
        module, _, block = name.partition(".")
        self.name, self.row, self.roles = name, row, tuple(roles)
        self._prepare = False if replan else None
        self.text = statements_of(module)[block] if text is None else text
        compiled = sql_text(self.text).compile(dialect=PSYCOPG)
        self.parameters = frozenset(compiled.params)
        self._sql = str(compiled)
        self._row_factory = _row_factory(row)
        Query.every.append(self)

    async def all(self, session: AsyncSession, /, **values: object) -> list[R]:
        """Return all rows; DBAPIError as SQLAlchemy's, TypeError where values and parameters differ in name."""
        cursor = await self._execute(session, values)
        rows: list[R] = await cursor.fetchall()
        return rows

    async def maybe(self, session: AsyncSession, /, **values: object) -> R | None:
        """Return the only row, or None; further rows are a mistake of the statement."""
        rows = await self.all(session, **values)
        if len(rows) > 1:
            raise MultipleResultsFound(self.name)
        return rows[0] if rows else None

    async def one(self, session: AsyncSession, /, **values: object) -> R:
        """Return the only row; NoResultFound without one."""
        rows = await self.all(session, **values)
        if len(rows) != 1:
            raise MultipleResultsFound(self.name) if rows else NoResultFound(self.name)
        return rows[0]

    async def run(self, session: AsyncSession, /, **values: object) -> int:
        """Return how many rows it touched."""
        cursor = await self._execute(session, values)
        touched: int = cursor.rowcount
        return touched

    async def run_and_commit(self, session: AsyncSession, /, **values: object) -> None:
        """Run a transaction's last statement and COMMIT, in one round trip; on an error of either nothing is kept."""
        await self._execute(session, values, commit=True)
        await session.commit()  # sends nothing more, but in a savepoint its release

    async def _execute(self, session: AsyncSession, values: dict[str, object], *, commit: bool = False) -> Any:  # noqa: ANN401 - psycopg's cursor
        if values.keys() != self.parameters:
            raise TypeError(f"{self.name} takes {sorted(self.parameters)}, not {sorted(values)}")
        connection = await _connection_of(session)
        driver: Any = connection.connection.driver_connection
        try:
            cursor = driver.cursor(row_factory=self._row_factory)
            connection.dispatch.before_cursor_execute(connection, cursor, self._sql, values, None, False)
            return await self._send(cursor, values, commit=commit and not connection.in_nested_transaction())
        except psycopg.Error as error:
            if driver.closed:
                with suppress(DBAPIError):  # SQLAlchemy meets the same and empties its pool
                    await session.execute(sql_text("SELECT"))
            raise DBAPIError.instance(
                self._sql, None, error, psycopg.Error, hide_parameters=True, connection_invalidated=driver.closed
            ) from error

    async def _send(self, cursor: Any, values: dict[str, object], *, commit: bool) -> Any:  # noqa: ANN401 - psycopg's
        """Execute; BEGIN goes in one round trip with a transaction's first statement, and COMMIT with its last."""
        driver = cursor.connection
        if not commit and driver.pgconn.transaction_status != TransactionStatus.IDLE:
            return await cursor.execute(self._sql, values, prepare=self._prepare)
        async with OneTrip(driver, commit=commit):
            await cursor.execute(self._sql, values, prepare=self._prepare)
        return cursor


class OneTrip(psycopg.AsyncPipeline):
    """What is executed in the block, sent at its end, the BEGIN that is due before it and, if wanted, COMMIT behind it.

    All answers are read then, and the first failure is raised. PostgreSQL skips what comes behind a failure: where the
    last statement failed there is no COMMIT. psycopg's own pipeline waits for BEGIN alone and sends each message by
    itself, which costs more processor time than round trips save.
    """

    def __init__(self, driver: psycopg.AsyncConnection[Any], *, commit: bool) -> None:
        super().__init__(driver)
        self.commit = commit

    async def __aenter__(self) -> Self:
        self._conn._pipeline = self  # noqa: SLF001 - where cursors look for the queue that they may add to
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *about: object) -> None:
        try:
            if kind is None:
                async with self._conn.lock:
                    await self._conn.wait(self._exchange())
        finally:
            self._conn._pipeline = None  # noqa: SLF001 - see above
            if self.status != PipelineStatus.OFF:
                self.pgconn.finish()  # answers were left unread: nobody else may get this connection

    def _communicate_gen(self) -> PQGen[None]:
        yield from ()  # nothing is sent before the end

    def _sync_gen(self) -> PQGen[None]:
        yield from ()  # nor waited for

    def _exchange(self) -> PQGen[None]:
        if self.commit:
            self.command_queue.append(partial(self.pgconn.send_query_params, b"COMMIT", None))
            self.result_queue.append(None)
        self._enqueue_sync()
        self.pgconn.enter_pipeline_mode()
        try:
            for command in self.command_queue:
                command()
            yield from send(self.pgconn)
            yield from self._fetch_gen(flush=False)
        finally:
            if self.pgconn.status != ConnStatus.BAD:
                self.pgconn.exit_pipeline_mode()


@cache
def statements_of(module: str) -> dict[str, str]:
    """Return the named statements of a module's sql/queries*.sql, comments left out."""
    found: dict[str, str] = {}
    for file in sorted((APP_FOLDER / module / "sql").glob("queries*.sql")):
        _, *blocks = re.split(r"^-- name: (\w+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
        for name, block in zip(blocks[::2], blocks[1::2], strict=True):
            if name in found:
                raise RuntimeError(f"{module}.{name} is there twice")
            lines = (line for line in block.splitlines() if not line.lstrip().startswith("--"))
            found[name] = "\n".join(lines).strip().removesuffix(";")
    return found


def _row_factory(row: type[R]) -> Callable[[Any], Callable[[Sequence[Any]], R]]:
    if not is_dataclass(row):
        return scalar_row
    nested = {name: TypeAdapter(hint) for name, hint in get_type_hints(row).items() if holds_dataclasses(hint)}
    if not nested:
        return class_row(row)

    def factory(cursor: Any) -> Callable[[Sequence[Any]], R]:  # noqa: ANN401 - psycopg's cursor
        names = [column.name for column in cursor.description or ()]

        def make(values: Sequence[Any]) -> R:
            fields = dict(zip(names, values, strict=True))
            return row(**fields | {name: adapter.validate_python(fields[name]) for name, adapter in nested.items()})

        return make

    return factory


def holds_dataclasses(hint: object) -> bool:
    """Whether a field's type is a dataclass or a collection or union with one: a JSON column."""
    return is_dataclass(hint) or any(holds_dataclasses(part) for part in get_args(hint))


async def _connection_of(session: AsyncSession) -> Connection:
    """Return the connection of the session's transaction, asked for once in each (that is what sets a savepoint)."""
    transaction = session.sync_session.get_nested_transaction() or session.sync_session.get_transaction()
    known: tuple[object, Connection] | None = session.info.get("connection")
    if known is None or known[0] is not transaction:
        connection = (await session.connection()).sync_connection
        if connection is None:
            raise RuntimeError("a session without a connection")
        transaction = session.sync_session.get_nested_transaction() or session.sync_session.get_transaction()
        known = session.info["connection"] = (transaction, connection)
    return known[1]
