"""Freezing what an employee disputes, and what follows from a decision: the money of a unit after it was marked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import ending, late_fees, notices, queries, state
from app.bookings.decisions import Loaded, at_stake
from app.bookings.errors import DisputeWindowOver
from app.bookings.queries import UnitState
from app.config import settings
from app.credit import actions as credit
from app.credit.actions import Refund
from app.errors import AlreadyResolved, StateConflict


@dataclass(frozen=True, slots=True)
class Contested:
    """A frozen booking: which units of it are disputed, and what is at stake for each."""

    loaded: Loaded
    stakes: Mapping[UUID, int]


async def contest(session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID]) -> Contested:
    """Freeze marked units of a person's booking: nothing of them is completed, reverted or settled meanwhile."""
    loaded = await state.load(session, booking_id, user_id=user_id)
    # What was due before the dispute has happened, whether or not a sweep has run.
    if await ending.finish(session, loaded, loaded.now):
        loaded = await state.load(session, booking_id, user_id=user_id)
    chosen = loaded.chosen(unit_ids, ())
    for unit in chosen:
        _check(loaded, unit)
    await queries.FREEZE.run(
        session, booking_id=booking_id, units=[unit.id for unit in chosen], event_id=ids.new_id(), at=loaded.now
    )
    return Contested(loaded, {unit.id: at_stake(unit) for unit in chosen})


async def frozen(session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID]) -> Contested:
    """Lock a booking with a dispute that is to be decided."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    return Contested(loaded, {unit.id: at_stake(unit) for unit in loaded.units if unit.id in set(unit_ids)})


async def settle(session: AsyncSession, contested: Contested, refunds: Mapping[UUID, int]) -> None:
    """Give back what was decided for each unit, to the lots that paid; let the rest go its way; tell the person."""
    loaded = contested.loaded
    units = [unit for unit in loaded.units if unit.id in contested.stakes]
    own_money = {unit.id: unit.own_money_due_cents - (0 if _from_credit(unit) else refunds[unit.id]) for unit in units}
    await queries.THAW.run(
        session,
        booking_id=loaded.booking.id,
        units=[unit.id for unit in units],
        refunds=[refunds[unit.id] for unit in units],
        own_money=[own_money[unit.id] for unit in units],
        event_id=ids.new_id(),
        at=loaded.now,
    )
    returned = {unit: refunds[unit.id] for unit in units if _from_credit(unit) and refunds[unit.id]}
    await ending.take_back(session, loaded, {unit: cents for unit, cents in returned.items() if unit.completed_at})
    parts = [part for unit, cents in returned.items() for part in _refunds(unit, cents)]
    if parts:
        await credit.refund(session, parts, at=loaded.now)
        fees = [part for unit, cents in returned.items() if unit.fee_cents for part in _refunds(unit, cents)]
        await late_fees.record_given_back(session, {part.hold_id: part.amount_cents or 0 for part in fees}, loaded.now)
    decided = {
        unit.id: replace(
            unit,
            disputed=False,
            dispute_decided_at=loaded.now,
            refunded_cents=refunds[unit.id],
            own_money_due_cents=own_money[unit.id],
        )
        for unit in units
    }
    thawed = replace(loaded, units=tuple(decided.get(unit.id, unit) for unit in loaded.units))
    await ending.finish(session, thawed, loaded.now, at=loaded.now)
    await notices.tell(session, loaded.booking.user_id, "dispute_decided", loaded.booking.id)


def _check(loaded: Loaded, unit: UnitState) -> None:
    status = loaded.status_of(unit)
    if unit.dispute_decided_at is not None:
        raise AlreadyResolved(status)
    if unit.disputed:
        raise StateConflict(status, "A dispute of this unit is open.")
    if at_stake(unit) == 0:
        raise StateConflict(status, "Only what was delivered, or costs a fee, can be disputed.")
    if loaded.now >= clock.end_of(unit.service_on + timedelta(days=settings().dispute_days)):
        raise DisputeWindowOver


def _from_credit(unit: UnitState) -> bool:
    if unit.status in {"delivered", "completed"}:
        return unit.on_credit
    return unit.fee_source == "credit"


def _refunds(unit: UnitState, cents: int) -> list[Refund]:
    """Spread a refund over the captured holds: what is not given back is paid in funding order, as any price is."""
    taken = unit.price_cents if unit.status in {"delivered", "completed"} else unit.fee_cents
    captured: list[tuple[UUID, int]] = []
    for leg in unit.legs:
        if leg.hold_id is not None and taken:
            captured.append((leg.hold_id, min(taken, leg.amount_cents)))
            taken -= captured[-1][1]
    parts: list[Refund] = []
    for hold_id, amount in reversed(captured):
        part = min(cents, amount)
        cents -= part
        if part:
            parts.append(Refund(hold_id, part))
    return parts
