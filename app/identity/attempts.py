"""How often something may be tried: counted in PostgreSQL per account, network and device, in windows of one hour.

Where a limit slows down (`slow`), one more try is allowed every half minute after it; else none until the window ends.
Keys are hashed, so that the table tells nobody who tried. A refused try is counted although its request is refused:
what refuses is an error that commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, sealing
from app.db import APP, HR, NOTHING, Query
from app.edge.network import network_of
from app.errors import RateLimited

WINDOW = timedelta(hours=1)
SLOW = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Counted:
    """How often one key was tried since its window began."""

    key: bytes
    attempts: int
    window_start: datetime


WITHIN = Query(Counted, "identity.attempts_within")
COUNT = Query(Counted, "identity.count_attempt", roles=(APP, HR))
FORGET = Query(NOTHING, "identity.forget_attempts")
Limits = Mapping[bytes, int]
"""Key of what is counted -> how many tries a window allows."""


def key(what: str, value: str) -> bytes:
    return sealing.keyed_hash("attempt", f"{what}:{value}".encode())


def by_address(what: str, address: str) -> bytes:
    """Return the key of a caller's network."""
    return key(f"{what} by address", network_of(address))


async def refuse_exhausted(session: AsyncSession, limits: Limits, *, slow: bool = False) -> None:
    """Raise RateLimited when a further try is not allowed now; counts nothing."""
    now = clock.real()
    found = await WITHIN.all(session, keys=list(limits), over=now - WINDOW)
    _refuse([_next_try(row.window_start, row.attempts - limits[row.key], now, slow=slow) for row in found])


async def is_exhausted(session: AsyncSession, limits: Limits) -> bool:
    """Tell whether a window's tries are used up."""
    found = await WITHIN.all(session, keys=list(limits), over=clock.real() - WINDOW)
    return any(row.attempts >= limits[row.key] for row in found)


async def count(session: AsyncSession, limits: Limits, *, slow: bool = False) -> frozenset[bytes]:
    """Count one try and return the keys whose tries this one used up.

    Raises RateLimited when it is one too many (the count before it stands).
    """
    now = clock.real()
    counted = await COUNT.all(session, keys=list(limits), now=now, over=now - WINDOW)
    _refuse([_next_try(row.window_start, row.attempts - 1 - limits[row.key], now, slow=slow) for row in counted])
    return frozenset(row.key for row in counted if row.attempts == limits[row.key])


async def forget(session: AsyncSession, *counted: bytes) -> None:
    await FORGET.run(session, keys=list(counted))


def _next_try(window_start: datetime, over: int, now: datetime, *, slow: bool) -> timedelta:
    """Return how long to wait when as many tries as `over` were made beyond the limit; negative: none at all."""
    if over < 0:
        return timedelta(0)
    return window_start + (min((over + 1) * SLOW, WINDOW) if slow else WINDOW) - now


def _refuse(waits: Sequence[timedelta]) -> None:
    longest = max(waits, default=timedelta(0))
    if longest > timedelta(0):
        raise RateLimited(retry_after=max(1, int(longest.total_seconds()) + 1))
