"""The demo world: two valleys with their companies, people, providers, credit and a season of bookings.

All of it is written in one transaction, so an interrupted load leaves the database empty. The same seed gives the same
rows; what is sealed (fiscal codes) or salted (the password) differs in bytes and says the same. History ends where
business time starts, so another start moves it; credit expires at the end of that year and of the next May.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.config import settings
from app.db import Database
from app.events import jobs as events
from app.money import euro
from app.organisations.models import Organisation
from app.sandbox import (
    demo_bookings,
    demo_catalogue,
    demo_claims,
    demo_credit,
    demo_parties,
    demo_payroll,
    demo_people,
    demo_settlement,
    demo_webhooks,
    queries,
)
from app.sandbox.demo_rows import IdSource

Report = Callable[[str], None]


async def is_empty(database: Database) -> bool:
    """Tell whether the database has no organisation yet."""
    async with database.begin("beatrice_app") as session:
        return await session.scalar(select(Organisation.id).limit(1)) is None


async def load(database: Database, report: Report) -> None:
    """Write the demo world and let business time start; `report` gets one line per step."""
    start = _start()
    async with database.begin("beatrice_app") as session:
        with ids.drawn_from(IdSource("load")), clock.stopped_at(start):
            await _write(session, start, report)
        offset = start - clock.real() if settings().sandbox_clock else timedelta(0)
        await queries.SET_OFFSET.run(session, offset=offset)
        clock.set_offset(offset)
    report(f"business time starts at {clock.now().astimezone(clock.ROME):%d.%m.%Y %H:%M}")


def _start() -> datetime:
    """Return when business time starts: as set (Rome time where no offset is given), or the real hour."""
    if not settings().sandbox_clock:
        return clock.real().astimezone(clock.ROME).replace(minute=0, second=0, microsecond=0)
    given = settings().sandbox_now
    return given.replace(tzinfo=clock.ROME) if given.tzinfo is None else given.astimezone(clock.ROME)


async def _write(session: AsyncSession, start: datetime, report: Report) -> None:
    world = await demo_parties.open_world(session, start)
    await demo_parties.load(session, world)
    report(f"{len(world.organisations)} organisations in {len(world.places)} municipalities")
    employees = await demo_people.load(session, world)
    report(f"{employees} employees with logins and families")
    offerings = await demo_catalogue.load(session, world)
    slots = await demo_catalogue.load_slots(session, world)
    report(f"{offerings} offerings with {slots} slots")
    granted_cents = await demo_credit.load(session, world)
    report(f"{euro(granted_cents)} euro of credit granted")
    await demo_settlement.load_fee(session, world)
    people = demo_bookings.people_in_turn()
    made = await demo_bookings.load(session, world, demo_bookings.BEFORE, people)
    await demo_bookings.sweep(session, demo_settlement.closed_at(world))
    paid_cents = await demo_settlement.load_run(session, world)
    report(f"one settlement run over {euro(paid_cents)} euro")
    await demo_payroll.load(session, world)
    made += await demo_bookings.load(session, world, demo_bookings.SINCE, people)
    await demo_bookings.sweep(session, start)
    report(f"{made} bookings")
    report(f"{await demo_claims.load(session, world)} claims")
    while await events.NUMBER.one(session, at_most=events.BATCH):
        pass
    await demo_webhooks.load(session, world)
