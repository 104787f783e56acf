"""How the demo world makes rows: ids that follow from names, instants of its own, one statement per table."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Text, column, func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Model

SEED = "beatrice demo 1"
EPOCH = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
"""The time in the ids of things that are no events."""

Row = Mapping[str, object]


def _digest(name: str) -> int:
    return int.from_bytes(sha256(f"{SEED} {name}".encode()).digest()[:8])


def make_id(kind: str, *key: object, at: datetime = EPOCH, order: int = 0) -> UUID:
    """Return the UUIDv7 of a named thing: its time is `at`, `order` (milliseconds) keeps lists in order."""
    milliseconds = int(at.timestamp() * 1000) + order
    digest = _digest(" ".join((kind, *map(str, key))))
    return UUID(int=milliseconds << 80 | 7 << 76 | (digest >> 52) << 64 | 2 << 62 | digest & (1 << 62) - 1)


class IdSource:
    """New ids for the product's own actions: in the order drawn, at the time the clock shows."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = 0

    def __call__(self) -> UUID:
        self.count += 1
        milliseconds = int(clock.now().timestamp() * 1000)
        digest = _digest(f"{self.name} {self.count}") & (1 << 48) - 1
        high, low = divmod(self.count, 1 << 14)
        return UUID(int=milliseconds << 80 | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low << 48 | digest)


def rome(day: date, at: time) -> datetime:
    """Return the instant of a local time on a day."""
    return datetime.combine(day, at, clock.ROME)


async def write(session: AsyncSession, model: type[Model], rows: Sequence[Row]) -> None:
    """Write rows in one statement; every row has the columns of the first."""
    if not rows:
        return
    names = list(rows[0])
    columns = model.__table__.columns
    given = (
        func.jsonb_to_recordset(literal(json.dumps(rows, default=_plain), Text).cast(JSONB))
        .table_valued(*[column(name, columns[name].type) for name in names])
        .render_derived(name="given", with_types=True)
    )
    await session.execute(insert(model).from_select(names, select(given)))


def _plain(value: object) -> str:
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return value.isoformat() if isinstance(value, date) else str(value)
