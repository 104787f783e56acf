"""From the feed to deliveries: each event of an organisation's feed, once for each endpoint that wants it."""

from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.events.vocabulary import TESTED
from app.webhooks.queries import PLAN, PLANNED, TO_PLAN, ToPlan

ENDPOINTS = 200
EVENTS = 50


async def plan(session: AsyncSession) -> int:
    """Plan a batch; return how many events of endpoints were looked at."""
    fresh = await TO_PLAN.all(session, endpoints=ENDPOINTS, events=EVENTS, tested=TESTED)
    await _insert(session, [each for each in fresh if each.wanted])
    last = [list(group)[-1] for _, group in groupby(fresh, lambda each: each.endpoint_id)]
    await PLANNED.run(
        session, endpoints=[each.endpoint_id for each in last], positions=[each.position for each in last]
    )
    return len(fresh)


async def _insert(session: AsyncSession, wanted: list[ToPlan]) -> None:
    await PLAN.run(
        session,
        ids=[ids.new_id() for _ in wanted],
        organisations=[each.organisation_id for each in wanted],
        endpoints=[each.endpoint_id for each in wanted],
        events=[each.event_id for each in wanted],
        objects=[each.object_id for each in wanted],
        positions=[each.position for each in wanted],
        now=clock.real(),
    )
