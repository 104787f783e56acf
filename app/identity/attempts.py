"""How often something may be tried: counted in PostgreSQL per account and per address, in windows of one hour.

Keys are hashed, so that the table tells nobody who tried. A refused try is counted although its request is refused:
what refuses is an error that commits.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, config
from app.errors import RateLimited

WINDOW = timedelta(hours=1)
COUNT = text(
    "INSERT INTO attempt_count AS c (key, window_start, attempts)"
    # One order of keys for everybody: two callers cannot wait for each other.
    " SELECT k, :now, 1 FROM unnest(CAST(:keys AS bytea[])) AS k ORDER BY k"
    " ON CONFLICT (key) DO UPDATE SET"
    " attempts = CASE WHEN c.window_start > :over THEN c.attempts + 1 ELSE 1 END,"
    " window_start = CASE WHEN c.window_start > :over THEN c.window_start ELSE excluded.window_start END"
    " RETURNING c.key, c.attempts, c.window_start"
)
READ = text(
    "SELECT key, attempts, window_start FROM attempt_count"
    " WHERE key = ANY(CAST(:keys AS bytea[])) AND window_start > :over"
)

Limits = Mapping[bytes, int]
"""Key of what is counted -> how many tries a window allows."""


def key(what: str, value: str) -> bytes:
    return config.keyed_hash("attempt", f"{what}:{value}".encode())


def by_address(what: str, address: str) -> bytes:
    """Return the key of a caller's address; a household or firm has one IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return key(f"{what} by address", address)
    prefix = 64 if parsed.version == 6 else 32  # noqa: PLR2004 - IPv6
    return key(f"{what} by address", str(ipaddress.ip_network((parsed, prefix), strict=False)))


async def refuse_exhausted(session: AsyncSession, limits: Limits) -> None:
    """Raise RateLimited when a further try is not allowed; counts nothing."""
    now = clock.real()
    rows = (await session.execute(READ, {"keys": list(limits), "over": now - WINDOW})).all()
    _refuse([row.window_start for row in rows if row.attempts >= limits[bytes(row.key)]], now)


async def count(session: AsyncSession, limits: Limits) -> None:
    """Count one try; raise RateLimited when it is one too many (the count before it stands)."""
    now = clock.real()
    parameters = {"keys": list(limits), "now": now, "over": now - WINDOW}
    rows = (await session.execute(COUNT, parameters)).all()
    _refuse([row.window_start for row in rows if row.attempts > limits[bytes(row.key)]], now)


async def forget(session: AsyncSession, counted: bytes) -> None:
    await session.execute(text("DELETE FROM attempt_count WHERE key = :key"), {"key": counted})


def _refuse(windows: Sequence[datetime], now: datetime) -> None:
    if windows:
        raise RateLimited(retry_after=max(1, int((max(windows) + WINDOW - now).total_seconds()) + 1))
