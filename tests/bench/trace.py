"""What one booking sends to PostgreSQL: statements and values from the driver, messages from libpq's own trace."""

import tempfile
from dataclasses import dataclass
from typing import Any

from psycopg.adapt import PyFormat, Transformer
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from app import ids
from tests.bench.stage import Job, Stage, client_of

SUPPRESS_TIMESTAMPS = 1


@dataclass(frozen=True)
class Statement:
    """SQL as the driver got it, `%(name)s` for values; the types are those that the driver declares."""

    sql: str
    values: dict[str, Any]
    types: dict[str, str]


@dataclass(frozen=True)
class Traced:
    """One booking on a warm connection: from BEGIN to COMMIT."""

    statements: tuple[Statement, ...]
    round_trips: int
    """How often the server said ReadyForQuery: the client waited for each."""
    sent: int
    """Statements executed on the client's demand, BEGIN and COMMIT among them."""


async def book(stage: Stage, job: Job) -> None:
    async with client_of(stage) as client:
        answer = await client.post(
            "/v1/me/bookings",
            json={"quote_id": ids.encode("qte", job.quote_id)},
            headers={"Authorization": job.booker.authorization, "Idempotency-Key": job.key},
        )
    assert answer.status_code == 201, answer.text


async def traced(stage: Stage, job: Job) -> Traced:
    """Make a booking and watch it; the pool has one connection, so it is the watched one."""
    engine = stage.database.bind
    assert isinstance(engine, AsyncEngine)
    captured: list[Statement] = []

    def capture(_connection: Any, _cursor: Any, sql: str, values: Any, *_rest: Any) -> None:
        dumper = Transformer(None)
        dumper.dump_sequence(list(values.values()), [PyFormat.TEXT] * len(values))
        registry = dumper.adapters.types
        named = {}
        for name, value, oid in zip(values, values.values(), dumper.types or (), strict=True):
            found = registry.get(oid) if oid else None
            if found is not None:
                named[name] = f"{found.regtype}[]" if isinstance(value, list) else found.regtype
        captured.append(Statement(sql, dict(values), named))

    async with engine.connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        wire = driver.pgconn
    with tempfile.TemporaryFile() as file:
        wire.trace(file.fileno())
        wire.set_trace_flags(SUPPRESS_TIMESTAMPS)
        event.listen(engine.sync_engine, "before_cursor_execute", capture)
        await book(stage, job)
        event.remove(engine.sync_engine, "before_cursor_execute", capture)
        wire.untrace()
        file.seek(0)
        messages = [line.split("\t") for line in file.read().decode(errors="replace").splitlines()]
    return _count(messages, captured)


def _count(messages: list[list[str]], captured: list[Statement]) -> Traced:
    kinds = [(each[0], each[2]) for each in messages if len(each) > 2]
    sent = kinds.count(("F", "Execute")) + kinds.count(("F", "Query"))
    texts = [part for each in messages if each[0] == "F" for part in each[3:]]
    control = sum('"BEGIN"' in part for part in texts), sum('"COMMIT"' in part for part in texts)
    if control != (1, 1) or sent != len(captured) + 2:
        raise RuntimeError(f"a booking is no longer BEGIN, statements, COMMIT on one connection: {control}, {sent}")
    return Traced(tuple(captured), kinds.count(("B", "ReadyForQuery")), sent)
