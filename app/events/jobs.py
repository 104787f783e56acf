"""The sequencer: committed events get their place in each feed that may show them; the old ones go."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.config import settings
from app.db import APP, WORKER, Query
from app.jobs import Sweep

BATCH = 1_000
KEPT = timedelta(days=30)
ANYTHING_TO_FORGET = Query(bool, "events.anything_to_forget", roles=(APP, WORKER))
FORGET = Query(int, "events.forget", roles=(APP, WORKER))
UNNUMBERED_SINCE = Query(datetime, "events.unnumbered_since", roles=(APP, WORKER))
NUMBER = Query(int, "events.number", roles=(APP, WORKER))


async def _due(session: AsyncSession, now: datetime) -> datetime | None:  # noqa: ARG001 - what is recorded has happened
    return await UNNUMBERED_SINCE.maybe(session)


async def _number(session: AsyncSession, upto: datetime) -> int:  # noqa: ARG001 - as above
    return await NUMBER.one(session, at_most=BATCH)


async def _forget_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Wait for nothing in a sandbox: there time is moved by months."""
    if settings().sandbox:
        return None
    return now if await ANYTHING_TO_FORGET.one(session, **_before(now)) else None


async def _forget(session: AsyncSession, _until: datetime) -> int:
    return await FORGET.one(session, **_before(clock.now()), limit=BATCH)


def _before(now: datetime) -> dict[str, object]:
    """Return what is old: recorded so long ago in real time, and happened so long ago in business time."""
    return {"recorded_before": ids.first_of(clock.real() - KEPT), "happened_before": now - KEPT}


SWEEPS = (Sweep("events.number", _due, _number, prompt=True), Sweep("events.forget", _forget_due, _forget))
