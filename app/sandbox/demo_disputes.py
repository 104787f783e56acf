"""The demo's disputes: one in each state, opened by the person and decided by the operator."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.audit import actions as audit
from app.bookings import employee_actions
from app.disputes import actions as disputes
from app.disputes.models import Outcome
from app.sandbox.demo_credit import operator
from app.sandbox.demo_parties import World

OUTCOMES: dict[str, Outcome] = {
    "disputed_upheld": "upheld",
    "disputed_in_part": "partly_upheld",
    "disputed_rejected": "rejected",
}
REASON = "Quel giorno non è venuto nessuno."
DECISION = "Sentite le parti."


async def dispute(session: AsyncSession, world: World, user_id: UUID, booking_id: UUID, at: datetime, end: str) -> None:
    """Contest a whole booking; decide it three days later, unless it shall stay open."""
    with clock.stopped_at(at):
        booking = await employee_actions.read(session, user_id, booking_id)
        units = [unit.id for unit in booking.units]
        opened = await disputes.open_dispute(session, user_id, booking_id, units, REASON)
    outcome = OUTCOMES.get(end)
    if outcome is None:
        return
    with clock.stopped_at(at + timedelta(days=3)):
        part = opened.contested_cents // 3 if outcome == "partly_upheld" else None
        await disputes.resolve(session, operator(world), opened.id, outcome, part, DECISION)
        await audit.record(session, operator(world), "dispute.resolve", "dispute", opened.id)
