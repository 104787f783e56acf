"""What a piece of work sends to PostgreSQL: statements and values from the driver, messages from libpq's own trace."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from psycopg import AsyncCursor
from psycopg.adapt import PyFormat, Transformer
from sqlalchemy.ext.asyncio import AsyncEngine

from app import ids
from app.db import Database
from tests.bench.stage import Job, Stage, client_of

SUPPRESS_TIMESTAMPS = 1


@dataclass(frozen=True)
class Statement:
    """SQL as the driver got it, `%(name)s` for values; the types are those that the driver declares."""

    sql: str
    values: dict[str, Any]
    types: dict[str, str]


@dataclass
class Traced:
    """What went over one connection."""

    statements: list[Statement] = field(default_factory=list)
    """Without what the driver sends by itself (BEGIN, COMMIT)."""
    round_trips: int = 0
    """How often the client waited for the server: it had sent something, and then an answer came."""
    sent: int = 0
    """Statements executed on the client's demand, BEGIN and COMMIT among them."""
    texts: str = ""
    """The messages of the client."""


@asynccontextmanager
async def watched(database: Database) -> AsyncIterator[Traced]:
    """Watch what goes over the one connection of a pool of size one; the result is there when the block ends."""
    engine = database.bind
    assert isinstance(engine, AsyncEngine)
    seen = Traced()

    class Recording(AsyncCursor[Any]):
        async def execute(self, query: Any, params: Any = None, **options: Any) -> "Recording":
            seen.statements.append(_statement(str(query), params or {}))
            await super().execute(query, params, **options)
            return self

    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
    with tempfile.TemporaryFile() as file:
        driver.pgconn.trace(file.fileno())
        driver.pgconn.set_trace_flags(SUPPRESS_TIMESTAMPS)
        usual, driver.cursor_factory = driver.cursor_factory, Recording
        try:
            yield seen
        finally:
            driver.cursor_factory = usual
            driver.pgconn.untrace()
            file.seek(0)
            messages = [line.split("\t") for line in file.read().decode(errors="replace").splitlines()]
    messages = [each for each in messages if len(each) > 2]
    seen.round_trips = sum((one[0], other[0]) == ("F", "B") for one, other in pairwise(messages))
    seen.sent = sum(each[0] == "F" and each[2] in {"Execute", "Query"} for each in messages)
    seen.texts = " ".join(part for each in messages if each[0] == "F" for part in each[3:])


def _statement(sql: str, values: dict[str, Any]) -> Statement:
    dumper = Transformer(None)
    dumper.dump_sequence(list(values.values()), [PyFormat.TEXT] * len(values))
    types = {}
    for (name, value), oid in zip(values.items(), dumper.types or (), strict=True):
        found = dumper.adapters.types.get(oid) if oid else None
        if found is not None:
            types[name] = f"{found.regtype}[]" if isinstance(value, list) else found.regtype
    return Statement(sql, dict(values), types)


async def book(stage: Stage, job: Job) -> None:
    async with client_of(stage) as client:
        answer = await client.post(
            "/v1/me/bookings",
            json={"quote_id": ids.encode("qte", job.quote_id)},
            headers={"Authorization": job.booker.authorization, "Idempotency-Key": job.key},
        )
    assert answer.status_code == 201, answer.text


async def traced(stage: Stage, job: Job) -> Traced:
    """Make a booking and watch it."""
    async with watched(stage.database) as seen:
        await book(stage, job)
    control = seen.texts.count('"BEGIN"'), seen.texts.count('"COMMIT"')
    if control != (1, 1) or seen.sent != len(seen.statements) + 2:
        raise RuntimeError(f"a booking is no longer BEGIN, statements, COMMIT on one connection: {control}, {seen}")
    return seen
