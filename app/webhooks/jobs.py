"""Prompt sweeps that plan deliveries and send a worker to each endpoint that waits; the errand that serves one."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, jobs
from app.db import Database
from app.webhooks import delivering
from app.webhooks.planning import plan
from app.webhooks.queries import ANYTHING_TO_PLAN, WAITING

DELIVER = "webhooks.deliver"
QUICK, SLOW = "webhooks", "webhooks_slow"
LANES: dict[str, tuple[int, ...]] = {QUICK: (43, 43, 42), SLOW: (32,)}
"""How many receivers a worker waits for at once: 128 and 32. Whoever failed or was slow waits with its like.

Errands are fetched one by one, each a few trips to the database: three fetch side by side.
"""
BATCH = 1_000


@jobs.errand(DELIVER)
async def deliver(database: Database, subject: str) -> None:
    await delivering.serve(database, UUID(subject))


async def _plan_due(session: AsyncSession, now: datetime) -> datetime | None:
    return now if await ANYTHING_TO_PLAN.one(session) else None


async def _plan(session: AsyncSession, _until: datetime) -> int:
    return await plan(session)


async def _send_due(session: AsyncSession, now: datetime) -> datetime | None:
    return now if await WAITING.all(session, now=clock.real(), limit=1) else None


async def _send(session: AsyncSession, _until: datetime) -> int:
    waiting = await WAITING.all(session, now=clock.real(), limit=BATCH)
    errands = [jobs.Errand(str(each.id), SLOW if each.slow else QUICK) for each in waiting]
    await jobs.send_on(session, DELIVER, errands)
    return len(errands)


SWEEPS = (
    jobs.Sweep("webhooks.plan", _plan_due, _plan, prompt=True),
    jobs.Sweep("webhooks.send", _send_due, _send, prompt=True),
)
