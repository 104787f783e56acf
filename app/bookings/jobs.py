"""Deadlines of bookings: silence, automatic completion, units after a last day of work or that nobody reported."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

from procrastinate import JobContext
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.bookings import ending, lapsed, notices, queries, reviewing, state
from app.bookings.decisions import RELEASE_DAYS, REMINDER_DAYS, unreported_since
from app.bookings.queries import LeaversUnit
from app.db import Database
from app.jobs import WORKER_ROLE, Sweep, blueprint

BATCH = 200
QUOTES_KEPT = timedelta(days=30)
QUOTES_BATCH = 5_000


async def _expire(session: AsyncSession, until: datetime) -> int:
    rows = await queries.UNANSWERED.all(session, until=until, limit=BATCH)
    await state.lock_ahead(session, [row.id for row in rows])
    for row in rows:
        await ending.expire(session, row.id, row.provider_id, row.confirm_by)
    return len(rows)


async def _complete(session: AsyncSession, until: datetime) -> int:
    done = 0
    for row in await queries.BOOKINGS_TO_COMPLETE.all(session, until=until, limit=BATCH):
        loaded = await state.load(session, row.id, provider_id=row.provider_id)
        done += await ending.finish(session, loaded, until)
    return done


async def _reminder_due(session: AsyncSession, now: datetime) -> datetime | None:
    return await queries.earliest_unreported(session, dict(enumerate(REMINDER_DAYS)), now)


async def _remind(session: AsyncSession, until: datetime) -> int:
    asked = await queries.REMIND.all(
        session, steps=list(range(len(REMINDER_DAYS))), days=list(REMINDER_DAYS), until=until, limit=BATCH
    )
    last = len(REMINDER_DAYS) - 1
    await notices.remind_providers(session, {unit.provider_id for unit in asked if unit.step < last})
    await notices.ask_people(session, {unit.user_id for unit in asked if unit.step == last})
    return len(asked)


async def _release_due(session: AsyncSession, now: datetime) -> datetime | None:
    return await queries.earliest_unreported(session, {len(REMINDER_DAYS): RELEASE_DAYS}, now)


async def _release(session: AsyncSession, until: datetime) -> int:
    rows = await queries.UNREPORTED.all(
        session, reminders=len(REMINDER_DAYS), ended_by=unreported_since(until), limit=BATCH
    )
    await state.lock_ahead(session, [row.id for row in rows])
    released = 0
    for row in rows:
        released += await ending.release_unreported(session, row.id, row.provider_id, until)
    return released


async def _leavers_due(session: AsyncSession, now: datetime) -> datetime | None:
    late = await _after_leaving(session, now)
    return clock.end_of(late[0].ended_on) if late else None


async def _cancel_leavers(session: AsyncSession, until: datetime) -> int:
    late = await _after_leaving(session, until)
    await state.lock_ahead(session, list({unit.booking_id for unit in late}))
    for (booking_id, provider_id, ended_on), units in groupby(
        late, key=lambda unit: (unit.booking_id, unit.provider_id, unit.ended_on)
    ):
        unit_ids = [unit.id for unit in units]
        await ending.cancel_for_leaver(session, booking_id, provider_id, unit_ids, clock.end_of(ended_on))
    return len(late)


async def _after_leaving(session: AsyncSession, at: datetime) -> Sequence[LeaversUnit]:
    found = await queries.LEAVERS_UNITS.all(session, today=clock.day_of(at), limit=BATCH)
    return [unit for unit in found if unit.starts_at >= clock.end_of(unit.ended_on)]


@blueprint.periodic(cron="40 2 * * *")
@blueprint.task(name="bookings.forget", queue="default", queueing_lock="bookings.forget", pass_context=True)
async def forget_nightly(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Delete quotes that were never booked; no sweep, because telling them from booked ones reads them all."""
    await forget_quotes(context.additional_context["database"])


async def forget_quotes(database: Database) -> int:
    """Delete what nobody booked within a month; return how many."""
    deleted = 0
    while True:
        async with database.begin(WORKER_ROLE) as session:
            batch = await queries.FORGET_QUOTES.run(session, before=clock.now() - QUOTES_KEPT, limit=QUOTES_BATCH)
        deleted += batch
        if batch < QUOTES_BATCH:
            return deleted


SWEEPS = (
    Sweep("bookings.expire_unanswered", queries.earliest_unanswered, _expire),
    Sweep("bookings.complete_delivered", queries.earliest_to_complete, _complete),
    Sweep("bookings.cancel_leavers_units", _leavers_due, _cancel_leavers),
    Sweep("bookings.cancel_lapsed_units", lapsed.due, lapsed.cancel),
    Sweep("bookings.decide_again", reviewing.due, reviewing.review),
    Sweep("bookings.cancel_unresolved_units", queries.earliest_unresolved, reviewing.cancel_unresolved),
    Sweep("bookings.remind_unreported", _reminder_due, _remind),
    Sweep("bookings.release_unreported", _release_due, _release),
)
