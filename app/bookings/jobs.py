"""Deadlines of bookings: silence, automatic completion, units after an employment's last day."""

from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.bookings import actions, moves, queries
from app.jobs import Sweep

BATCH = 200


async def _expire(session: AsyncSession, until: datetime) -> int:
    rows = await queries.unanswered(session, until, BATCH)
    await moves.lock_ahead(session, [row.id for row in rows])
    for row in rows:
        await actions.expire(session, row.id, row.provider_id, row.confirm_by)
    return len(rows)


async def _complete(session: AsyncSession, until: datetime) -> int:
    rows = await queries.bookings_to_complete(session, until, BATCH)
    done = 0
    for row in rows:
        loaded = await moves.load(session, row.id, provider_id=row.provider_id)
        due = [
            (unit, unit.complete_at)
            for unit in loaded.units
            if unit.status == "delivered" and not unit.frozen and unit.complete_at and unit.complete_at <= until
        ]
        if due:
            await actions.complete(session, loaded, due)
            done += len(due)
    return done


async def _leavers_due(session: AsyncSession, now: datetime) -> datetime | None:
    late = _after_leaving(await queries.leavers_units(session, clock.day_of(now), BATCH))
    return clock.end_of(late[0].ended_on) if late else None


async def _cancel_leavers(session: AsyncSession, until: datetime) -> int:
    late = _after_leaving(await queries.leavers_units(session, clock.day_of(until), BATCH))
    await moves.lock_ahead(session, list({row.booking_id for row in late}))
    for (booking_id, provider_id, ended_on), rows in groupby(
        late, key=lambda row: (row.booking_id, row.provider_id, row.ended_on)
    ):
        unit_ids: list[UUID] = [row.id for row in rows]
        await actions.cancel_for_leaver(session, booking_id, provider_id, unit_ids, clock.end_of(ended_on))
    return len(late)


def _after_leaving(rows: Any) -> list[Any]:  # noqa: ANN401 - rows
    return [row for row in rows if row.starts_at >= clock.end_of(row.ended_on)]


SWEEPS = (
    Sweep("bookings.expire_unanswered", queries.earliest_unanswered, _expire),
    Sweep("bookings.complete_delivered", queries.earliest_to_complete, _complete),
    Sweep("bookings.cancel_leavers_units", _leavers_due, _cancel_leavers),
)
