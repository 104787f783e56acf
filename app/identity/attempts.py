"""How often something may be tried: counted in PostgreSQL per account and per address, in windows of one hour.

Keys are hashed, so that the table tells nobody who tried. A refused try is counted although its request is refused:
what refuses is an error that commits.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, sealing
from app.db import APP, HR, NOTHING, Query
from app.errors import RateLimited

WINDOW = timedelta(hours=1)


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
    found = await WITHIN.all(session, keys=list(limits), over=now - WINDOW)
    _refuse([row.window_start for row in found if row.attempts >= limits[row.key]], now)


async def count(session: AsyncSession, limits: Limits) -> None:
    """Count one try; raise RateLimited when it is one too many (the count before it stands)."""
    now = clock.real()
    counted = await COUNT.all(session, keys=list(limits), now=now, over=now - WINDOW)
    _refuse([row.window_start for row in counted if row.attempts > limits[row.key]], now)


async def forget(session: AsyncSession, counted: bytes) -> None:
    await FORGET.run(session, key=counted)


def _refuse(windows: Sequence[datetime], now: datetime) -> None:
    if windows:
        raise RateLimited(retry_after=max(1, int((max(windows) + WINDOW - now).total_seconds()) + 1))
