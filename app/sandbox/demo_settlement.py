"""The demo's money after delivery: the platform's fee, and one run closed, approved by another person and sent."""

from datetime import date, datetime, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.audit import actions as audit
from app.sandbox.demo_credit import actor, operator
from app.sandbox.demo_parties import World
from app.sandbox.demo_rows import rome
from app.settlements import actions as settlements
from app.settlements.schemas import FeeRuleCreate


def cutoff(world: World) -> date:
    """Return the last end of a month that lies three weeks behind."""
    return world.ago(21).date().replace(day=1) - timedelta(days=1)


def closed_at(world: World) -> datetime:
    return rome(cutoff(world) + timedelta(days=2), time(9))


async def load_fee(session: AsyncSession, world: World) -> None:
    """Take two per cent, VAT on top, of everybody."""
    with clock.stopped_at(world.founded):
        valid_from = min(date(2026, 1, 1), world.founded.date())
        rule = FeeRuleCreate(percent_bps=200, fixed_cents=0, payer="provider", valid_from=valid_from)
        made = await settlements.create_fee_rule(session, rule)
        await audit.record(session, operator(world), "fee_rule.create", "fee_rule", made.id)


async def load_run(session: AsyncSession, world: World) -> int:
    """Settle the month before; return the sum paid out."""
    finance = actor(world, "finance@beatrice.example", "beatrice")
    with clock.stopped_at(closed_at(world)):
        run = await settlements.close_run(session, operator(world), cutoff(world))
        await audit.record(session, operator(world), "settlement_run.create", "settlement_run", run.id)
    with clock.stopped_at(closed_at(world) + timedelta(hours=26)):
        await settlements.approve_run(session, finance, run.id, run.content_sha256)
        await audit.record(session, finance, "settlement_run.approve", "settlement_run", run.id)
    with clock.stopped_at(closed_at(world) + timedelta(hours=27)):
        await settlements.mark_sent(session, run.id)
        await audit.record(session, finance, "settlement_run.send", "settlement_run", run.id)
    return run.total_cents
