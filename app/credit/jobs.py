"""Sweeps of lots: what is over leaves once, booked at the midnight at which it was due."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.credit import queries
from app.credit.actions import end_lots
from app.jobs import Sweep

BATCH = 1_000


async def expiry_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest midnight at which a lot's validity ended that still stands."""
    return _midnight_after(await queries.expired_since(session, clock.day_of(now)))


async def expire(session: AsyncSession, upto: datetime) -> int:
    """Let the available rest of lots leave whose validity ended by an instant; return how many."""
    lots = await queries.expired_lots(session, clock.day_of(upto), BATCH)
    await end_lots(session, {lot.id: (lot, clock.end_of(lot.last_day)) for lot in lots})
    return len(lots)


async def leaving_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest midnight at which an employment ended whose lots still stand though they end with it."""
    return _midnight_after(await queries.left_since(session, clock.day_of(now)))


async def take_back(session: AsyncSession, upto: datetime) -> int:
    """Return the available rest of leavers' lots, where the programme says so; return how many lots ended."""
    lots = await queries.lots_of_leavers(session, clock.day_of(upto), BATCH)
    await end_lots(session, {lot.id: (lot, clock.end_of(lot.last_day)) for lot in lots})
    return len(lots)


def _midnight_after(day: date | None) -> datetime | None:
    return None if day is None else clock.end_of(day)


SWEEPS = (
    Sweep("credit.expire_lots", expiry_due, expire),
    Sweep("credit.return_leavers_credit", leaving_due, take_back),
)
