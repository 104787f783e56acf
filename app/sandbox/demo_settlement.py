"""The demo's money after delivery: the platform's fee, and one run closed, approved by another person and sent."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.sandbox.demo_credit import actor, operator
from app.sandbox.demo_parties import World
from app.sandbox.demo_rows import FOUNDED
from app.settlements import actions as settlements
from app.settlements.schemas import FeeRuleNew

CUTOFF = date(2026, 10, 31)
CLOSED = datetime(2026, 11, 2, 9, 0, tzinfo=clock.ROME)
APPROVED = datetime(2026, 11, 3, 11, 0, tzinfo=clock.ROME)
SENT = datetime(2026, 11, 3, 11, 30, tzinfo=clock.ROME)


async def load_fee(session: AsyncSession, world: World) -> None:
    """Take two per cent, VAT on top, of everybody."""
    with clock.stopped_at(FOUNDED):
        rule = FeeRuleNew(percent_bps=200, fixed_cents=0, payer="provider", valid_from=date(2026, 1, 1))
        await settlements.create_fee_rule(session, operator(world), rule)


async def load_run(session: AsyncSession, world: World) -> int:
    """Settle October; return the sum paid out."""
    finance = actor(world, "finance@beatrice.example", "beatrice")
    with clock.stopped_at(CLOSED):
        run = await settlements.close_run(session, operator(world), CUTOFF)
    with clock.stopped_at(APPROVED):
        await settlements.approve_run(session, finance, run.id, run.content_sha256)
    with clock.stopped_at(SENT):
        await settlements.mark_sent(session, finance, run.id)
    return int(run.total_cents)
