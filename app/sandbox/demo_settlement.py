"""The demo's money after delivery: the platform's fee, and one run closed, approved by another person and sent."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.audit import actions as audit
from app.sandbox.demo_credit import finance, operator
from app.sandbox.demo_parties import World
from app.sandbox.demo_rows import make_id, rome, write
from app.settlements import actions as settlements
from app.settlements.models import FeeRule


def cutoff(world: World) -> date:
    """Return the last end of a month that lies three weeks behind."""
    return world.ago(21).date().replace(day=1) - timedelta(days=1)


def closed_at(world: World) -> datetime:
    return rome(cutoff(world) + timedelta(days=2), time(9))


async def load_fee(session: AsyncSession, world: World) -> None:
    """Take two per cent, VAT on top, of everybody: drafted and approved before there was anybody to tell."""
    valid_from = min(date(2026, 1, 1), world.founded.date())
    drafted, approved = (rome(valid_from - timedelta(days=days), time(9)) for days in (10, 8))
    rule_id = make_id("fee_rule", at=drafted)
    rule = {
        "id": rule_id,
        "percent_bps": 200,
        "fixed_cents": 0,
        "payer": "provider",
        "valid_from": valid_from,
        "created_by": operator(world).user_id,
        "created_at": drafted,
    }
    await write(session, FeeRule, [rule])
    approval = update(FeeRule).values(status="approved", approved_by=finance(world).user_id, approved_at=approved)
    await session.execute(approval.where(FeeRule.status == "draft"))
    for at, person, act in ((drafted, operator(world), "create"), (approved, finance(world), "approve")):
        with clock.stopped_at(at):
            await audit.record(session, person, f"fee_rule.{act}", "fee_rule", rule_id)


async def load_run(session: AsyncSession, world: World) -> int:
    """Settle the month before; return the sum paid out."""
    approver = finance(world)
    with clock.stopped_at(closed_at(world)):
        run = await settlements.close_run(session, operator(world), cutoff(world))
        await audit.record(session, operator(world), "settlement_run.create", "settlement_run", run.id)
    with clock.stopped_at(closed_at(world) + timedelta(hours=26)):
        await settlements.approve_run(session, approver, run.id, run.content_sha256)
        await audit.record(session, approver, "settlement_run.approve", "settlement_run", run.id)
    with clock.stopped_at(closed_at(world) + timedelta(hours=27)):
        await settlements.mark_sent(session, run.id)
        await audit.record(session, approver, "settlement_run.send", "settlement_run", run.id)
    return run.total_cents
