"""Sweeps of lots: what is over leaves once, booked at the instant at which it was due."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.credit import queries, reminders, returns
from app.credit.actions import end_lots
from app.jobs import Sweep
from app.mail import actions as mail
from app.mail.actions import NewMail

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
    """Take back the available rest of leavers' lots, where the source says so, and tell them; return how many ended."""
    lots = await queries.lots_of_leavers(session, clock.day_of(upto), BATCH)
    await end_lots(session, {lot.id: (lot, clock.end_of(lot.last_day)) for lot in lots})
    await _tell(session, "credit_ended", [lot.id for lot in lots])
    return len(lots)


async def revocation_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest revocation of a lot that still stands."""
    return await queries.REVOKED_SINCE.one(session, upto=now)


async def end_revoked(session: AsyncSession, upto: datetime) -> int:
    """Let the available rest of revoked lots leave and tell their owners; return how many ended."""
    lots = await queries.revoked_lots(session, upto, BATCH)
    await end_lots(session, {lot.id: (lot, lot.revoked_at) for lot in lots if lot.revoked_at is not None})
    await _tell(session, "credit_revoked", [lot.id for lot in lots])
    return len(lots)


async def restoring_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest instant at which a leaving was taken back whose lots have not come back yet."""
    found = await queries.LOTS_OF_RETURNERS.all(session, upto=now, today=clock.day_of(now), batch=1)
    return found[0].noted_at if found else None


async def restore(session: AsyncSession, upto: datetime) -> int:
    """Let lots live again whose leaving was taken back; return how many."""
    lots = await queries.LOTS_OF_RETURNERS.all(session, upto=upto, today=clock.day_of(upto), batch=BATCH)
    await returns.restore(session, lots)
    return len(lots)


async def _tell(session: AsyncSession, template: str, lot_ids: Iterable[UUID]) -> None:
    """Write to the owners of lots that something ended, naming nothing: each once, also where several lots did."""
    owners = await queries.OWNERS.all(session, ids=list(lot_ids))
    await mail.send_many(session, [NewMail(template, owner.email, owner.locale, {}) for owner in owners])


def _midnight_after(day: date | None) -> datetime | None:
    return None if day is None else clock.end_of(day)


SWEEPS = (
    Sweep("credit.expire_lots", expiry_due, expire),
    Sweep("credit.return_leavers_credit", leaving_due, take_back),
    Sweep("credit.return_revoked_credit", revocation_due, end_revoked),
    Sweep("credit.restore_credit", restoring_due, restore),
    Sweep("credit.remind", reminders.due, reminders.remind),
)
