"""The sequencer: committed events get their place in the feed of each organisation that may see them."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import APP, WORKER, Query
from app.jobs import Sweep

BATCH = 1_000
UNNUMBERED_SINCE = Query(datetime, "events.unnumbered_since", roles=(APP, WORKER))
NUMBER = Query(int, "events.number", roles=(APP, WORKER))


async def _due(session: AsyncSession, now: datetime) -> datetime | None:  # noqa: ARG001 - what is recorded has happened
    return await UNNUMBERED_SINCE.maybe(session)


async def _number(session: AsyncSession, upto: datetime) -> int:  # noqa: ARG001 - as above
    return await NUMBER.one(session, at_most=BATCH)


SWEEPS = (Sweep("events.number", _due, _number),)
