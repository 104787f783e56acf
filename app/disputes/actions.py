"""Opening a dispute and deciding it. Each verb locks the booking first, then the dispute, then money."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.bookings import contesting
from app.config import settings
from app.disputes import queries, sealing
from app.disputes.models import Outcome
from app.disputes.queries import DisputeRow
from app.edge.permissions import REGISTRAR
from app.errors import AlreadyResolved, Forbidden, Invalid
from app.identity.granting import roles_of
from app.money import split


async def open_dispute(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID], reason: str
) -> DisputeRow:
    """Freeze marked units of one's booking until the operator has decided."""
    contested = await contesting.contest(session, user_id, booking_id, unit_ids)
    now = clock.now()
    dispute_id = ids.new_id()
    await queries.OPEN.run(
        session,
        id=dispute_id,
        booking_id=booking_id,
        user_id=user_id,
        provider_id=contested.loaded.booking.provider_id,
        sealed_reason=sealing.seal("dispute_reason", reason, dispute_id),
        contested_cents=sum(contested.stakes.values()),
        created_at=now,
        decide_by=now + timedelta(days=settings().decision_days),
        unit_ids=list(contested.stakes),
    )
    return await queries.dispute(session, dispute_id, user_id=user_id)


async def resolve(
    session: AsyncSession, actor: Actor, dispute_id: UUID, outcome: Outcome, refund_cents: int | None, reason: str
) -> DisputeRow:
    """Decide a dispute, once: money goes back to the lots that paid, the rest goes on as if it were uncontested."""
    dispute = await queries.dispute(session, dispute_id)
    if dispute.user_id == actor.user_id:
        raise Forbidden("Another person decides a dispute of one's own.")
    if await roles_of(session, actor.user_id, dispute.provider_id) - {REGISTRAR}:
        raise Forbidden("Another person decides who does not work for the provider.")
    contested = await contesting.frozen(session, dispute.provider_id, dispute.booking_id, dispute.unit_ids)
    status = await queries.STATUS_LOCKED.one(session, id=dispute_id)
    if status != "open":
        raise AlreadyResolved(status)
    refund = _refund(outcome, refund_cents, dispute.contested_cents)
    shares = split(refund, list(contested.stakes.values()))
    await queries.DECIDE.run(
        session,
        id=dispute_id,
        status=outcome,
        decided_at=clock.now(),
        decided_by=actor.user_id,
        sealed_decision=sealing.seal("dispute_decision", reason, dispute_id),
        refund_cents=refund,
    )
    await contesting.settle(session, contested, dict(zip(contested.stakes, shares, strict=True)))
    return await queries.dispute(session, dispute_id)


def _refund(outcome: Outcome, asked_cents: int | None, contested_cents: int) -> int:
    """Return what an outcome gives back; Invalid where the amount named says something else."""
    if outcome == "partly_upheld":
        if asked_cents is None or not 0 < asked_cents < contested_cents:
            raise Invalid("/refund_cents", "not_in_part", "name a part of what is contested")
        return asked_cents
    refund = contested_cents if outcome == "upheld" else 0
    if asked_cents not in (None, refund):
        raise Invalid("/refund_cents", "not_the_outcome", "differs from what this outcome gives back")
    return refund
