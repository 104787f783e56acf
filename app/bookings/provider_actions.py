"""What a provider does with a booking. Each verb locks the booking first, then money, then seats."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import ending, notices, queries, state, views
from app.bookings.decisions import Loaded, fee_of, no_fee
from app.bookings.ending import Ending
from app.bookings.models import OPEN
from app.bookings.queries import UnitState
from app.bookings.schemas import ProviderBookingRead
from app.bookings.state import Move
from app.capacity import actions as capacity
from app.credit import actions as credit
from app.credit.actions import Capture, HoldRequest
from app.errors import AlreadyResolved
from app.networks.queries import setting_in_force


async def read(session: AsyncSession, provider_id: UUID, booking_id: UUID) -> ProviderBookingRead:
    loaded = await state.load(session, booking_id, provider_id=provider_id, lock=False)
    return await _view(session, loaded)


async def confirm(session: AsyncSession, provider_id: UUID, booking_id: UUID) -> ProviderBookingRead:
    """Accept a request in time; a late answer finds it expired, whether or not a sweep has run."""
    loaded = await _requested(session, provider_id, booking_id)
    moves = [
        Move(unit.id, "confirmed", loaded.now, unit.own_money_due_cents)
        for unit in loaded.units
        if unit.status == "requested"
    ]
    return await _view(session, await state.move(session, loaded, moves, "booking.confirmed"))


async def decline(session: AsyncSession, provider_id: UUID, booking_id: UUID, reason: str) -> ProviderBookingRead:
    loaded = await _requested(session, provider_id, booking_id)
    endings = [Ending(unit, no_fee(unit), "declined") for unit in loaded.units if unit.status == "requested"]
    ended = await ending.end(session, loaded, endings, "booking.declined", caused_by_employee=False, reason=reason)
    return await _view(session, ended)


async def deliver(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> ProviderBookingRead:
    """Mark units delivered, not before they start: their credit goes to the provider, contestable."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    chosen = _begun(loaded, unit_ids)
    holds = [leg.hold_id for unit in chosen for leg in unit.legs if leg.hold_id is not None]
    await credit.capture(session, [Capture(hold_id) for hold_id in holds], at=loaded.now)
    hours = await setting_in_force(session, "acknowledge_hours", clock.day_of(loaded.now), provider_id)
    moves = [
        Move(
            unit.id,
            "delivered",
            loaded.now,
            unit.own_money_due_cents,
            delivered_at=loaded.now,
            complete_at=loaded.now + timedelta(hours=hours),
        )
        for unit in chosen
    ]
    delivered = await state.move(session, loaded, moves, "booking.delivered")
    await notices.tell(session, loaded.booking.user_id, "booking_delivered", loaded.booking.id)
    return await _view(session, delivered)


async def no_show(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> ProviderBookingRead:
    """Mark units whose beneficiary was not there, not before they start: the no-show fee applies."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    bps = loaded.booking.no_show_fee_bps
    endings = [Ending(unit, fee_of(unit, bps), "no_show") for unit in _begun(loaded, unit_ids)]
    ended = await ending.end(session, loaded, endings, "booking.no_show", caused_by_employee=True)
    await notices.tell(session, loaded.booking.user_id, "booking_no_show", loaded.booking.id)
    return await _view(session, ended)


async def cancel(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None, reason: str
) -> ProviderBookingRead:
    """Cancel from the provider's side: always free for the employee."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    chosen = loaded.chosen(unit_ids, loaded.open_units)
    loaded.require_open(chosen)
    endings = [Ending(unit, no_fee(unit), "cancelled") for unit in chosen]
    ended = await ending.end(session, loaded, endings, "booking.cancelled", caused_by_employee=False, reason=reason)
    await notices.tell(session, loaded.booking.user_id, "booking_cancelled", loaded.booking.id)
    return await _view(session, ended)


async def cancel_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID, reason: str | None) -> int:
    """Cancel a slot and whoever booked it, free of charge; return how many bookings were touched.

    A booking that slips in meanwhile leaves `taken` above zero, which the database refuses; the client asks again.
    """
    booking_ids = await queries.bookings_in_slot(session, provider_id, slot_id)
    await state.lock_ahead(session, booking_ids)
    for booking_id in booking_ids:
        loaded = await state.load(session, booking_id, provider_id=provider_id)
        endings = [
            Ending(unit, no_fee(unit), "cancelled" if loaded.status_of(unit) in OPEN else "expired")
            for unit in loaded.units
            if unit.slot_id == slot_id and unit.status in OPEN
        ]
        if endings:
            await ending.end(session, loaded, endings, "booking.cancelled", caused_by_employee=False, reason=reason)
            await notices.tell(session, loaded.booking.user_id, "booking_cancelled", loaded.booking.id)
    await capacity.close_slot(session, provider_id, slot_id)
    return len(booking_ids)


async def revert(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> ProviderBookingRead:
    """Take back a delivery or no-show mark while nothing is owed for it: credit returns to its lot, held again."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    marked = [unit for unit in loaded.units if loaded.status_of(unit) == "delivered" or _is_free_no_show(unit)]
    chosen = loaded.chosen(unit_ids, marked)
    loaded.require(chosen, [unit for unit in marked if not unit.frozen and unit.dispute_decided_at is None])
    fresh = {
        leg.id: HoldRequest(ids.new_id(), leg.lot_id, loaded.booking.earned_account_id, leg.amount_cents, unit.id)
        for unit in chosen
        for leg in unit.legs
        if leg.lot_id is not None
    }
    captured = {
        leg.hold_id: fresh[leg.id]
        for unit in chosen
        if unit.status == "delivered"
        for leg in unit.legs
        if leg.hold_id is not None
    }
    await credit.reverse_captures(session, list(captured), list(captured.values()), at=loaded.now)
    released = [fresh[leg.id] for unit in chosen if unit.status == "no_show" for leg in unit.legs if leg.lot_id]
    await credit.place(session, loaded.booking.user_id, released, at=loaded.now)
    if fresh:
        holds = [hold.hold_id for hold in fresh.values()]
        await queries.REPLACE_HOLDS.run(session, legs=list(fresh), holds=holds)
    moves = [Move(unit.id, "confirmed", loaded.now, 0 if unit.on_credit else unit.price_cents) for unit in chosen]
    return await _view(session, await state.move(session, loaded, moves, "booking.reverted"))


async def _requested(session: AsyncSession, provider_id: UUID, booking_id: UUID) -> Loaded:
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    if loaded.status != "requested":
        raise AlreadyResolved(loaded.status)
    return loaded


async def _view(session: AsyncSession, loaded: Loaded) -> ProviderBookingRead:
    beneficiary_id = loaded.booking.beneficiary_id
    contacts = await queries.beneficiary_contacts(session, [beneficiary_id])
    return views.provider_booking_read(loaded, contacts.get(beneficiary_id))


def _begun(loaded: Loaded, unit_ids: Sequence[UUID] | None) -> Sequence[UnitState]:
    """Return the confirmed units that have begun, asked for or all; a frozen one waits for its dispute."""
    begun = [
        unit
        for unit in loaded.units
        if loaded.status_of(unit) == "confirmed" and unit.starts_at <= loaded.now and not unit.frozen
    ]
    chosen = loaded.chosen(unit_ids, begun)
    loaded.require(chosen, begun)
    return chosen


def _is_free_no_show(unit: UnitState) -> bool:
    """A no-show whose fee came from credit has ended its holds in part: a dispute gives that back, not a revert."""
    return unit.status == "no_show" and unit.fee_source != "credit"
