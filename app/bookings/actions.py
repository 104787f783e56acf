"""The verbs on an existing booking, from both sides. Each locks the booking first, then money, then seats."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.actor import Actor
from app.audit import actions as audit
from app.bookings import moves, queries, views
from app.bookings.decisions import Fee, UnitState, fee_of, no_fee
from app.bookings.moves import OPEN, Loaded, Move
from app.bookings.schemas import BookingRead, CancellationPreviewRead, ProviderBookingRead
from app.capacity import actions as capacity
from app.config import settings
from app.errors import AlreadyResolved, NotFound, StateConflict
from app.funding import actions as funding
from app.funding.actions import Capture, HoldRequest


async def read(session: AsyncSession, user_id: UUID, booking_id: UUID, now: datetime) -> BookingRead:
    row = await queries.booking(session, booking_id, user_id=user_id)
    if row is None:
        raise NotFound
    units = (await queries.units_of(session, [booking_id]))[booking_id]
    return views.booking_read(views.head_of(row), units, now)


async def provider_read(
    session: AsyncSession, actor: Actor, provider_id: UUID, booking_id: UUID, now: datetime
) -> ProviderBookingRead:
    """Read a booking as its provider; the read of care data is audited."""
    row = await queries.booking(session, booking_id, provider_id=provider_id)
    if row is None:
        raise NotFound
    units = (await queries.units_of(session, [booking_id]))[booking_id]
    await audit.record(session, actor, "booking.read", "booking", booking_id)
    return await _provider_view(session, views.head_of(row), units, now)


async def preview_cancellation(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> CancellationPreviewRead:
    """Tell what cancelling would cost now; changes nothing."""
    loaded = await moves.load(session, booking_id, user_id=user_id)
    chosen = _cancellable(loaded, unit_ids)
    fees = [(unit, _cancellation_fee(loaded, unit)) for unit in chosen]
    held = sum(unit.price_cents for unit, _ in fees if unit.on_credit)
    from_credit = sum(fee.from_credit_cents for _, fee in fees)
    return CancellationPreviewRead(
        fee_cents=sum(fee.fee_cents for _, fee in fees),
        fee_own_money_cents=sum(fee.own_money_cents for _, fee in fees),
        fee_from_credit_cents=from_credit,
        released_cents=held - from_credit,
        free_until=views.free_until(loaded.head, chosen, loaded.now),
    )


async def cancel(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None, reason: str | None
) -> BookingRead:
    """Cancel for the employee: free before the deadline, else with the fee that the preview shows."""
    loaded = await moves.load(session, booking_id, user_id=user_id)
    chosen = _cancellable(loaded, unit_ids)
    changes = []
    for unit in chosen:
        late = _is_late(loaded, unit)
        fee = _cancellation_fee(loaded, unit)
        changes.append((unit, fee, "cancelled_late" if late else "cancelled"))
    units = await _end(session, loaded, changes, "booking.cancelled", caused_by_employee=True, reason=reason)
    return views.booking_read(replace(loaded.head, end_reason=reason), units, loaded.now)


async def acknowledge(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> BookingRead:
    """Accept delivered units: what the provider earned becomes owed."""
    loaded = await moves.load(session, booking_id, user_id=user_id)
    chosen = loaded.chosen(unit_ids, [unit for unit in loaded.units if _stands(loaded, unit, "delivered")])
    _require(loaded, chosen, "delivered")
    units = await complete(session, loaded, [(unit, loaded.now) for unit in chosen])
    return views.booking_read(loaded.head, units, loaded.now)


async def complete(
    session: AsyncSession, loaded: Loaded, chosen: Sequence[tuple[UnitState, datetime]]
) -> Sequence[UnitState]:
    """Complete delivered units, each at its instant."""
    await moves.make_payable(session, loaded, [(unit, unit.captured_cents, at) for unit, at in chosen], "completed")
    changes = [
        Move(
            unit,
            "completed",
            at,
            unit.own_money_due_cents,
            captured_cents=unit.captured_cents,
            completed_at=at,
            payable_at=at if unit.captured_cents else None,
        )
        for unit, at in chosen
    ]
    return await moves.move(session, loaded, changes, "booking.completed")


async def confirm(session: AsyncSession, provider_id: UUID, booking_id: UUID) -> ProviderBookingRead:
    """Accept a request in time; a late answer finds it expired, whether or not a sweep has run."""
    loaded = await _requested(session, provider_id, booking_id)
    changes = [
        Move(unit, "confirmed", loaded.now, unit.own_money_due_cents)
        for unit in loaded.units
        if unit.status == "requested"
    ]
    units = await moves.move(session, loaded, changes, "booking.confirmed")
    return await _provider_view(session, loaded.head, units, loaded.now)


async def decline(session: AsyncSession, provider_id: UUID, booking_id: UUID, reason: str) -> ProviderBookingRead:
    loaded = await _requested(session, provider_id, booking_id)
    changes = [(unit, no_fee(unit), "declined") for unit in loaded.units if unit.status == "requested"]
    units = await _end(session, loaded, changes, "booking.declined", caused_by_employee=False, reason=reason)
    return await _provider_view(session, replace(loaded.head, end_reason=reason), units, loaded.now)


async def deliver(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> ProviderBookingRead:
    """Mark units delivered, not before they start: their credit goes to the provider, contestable."""
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    chosen = loaded.chosen(unit_ids, [unit for unit in loaded.units if _begun(loaded, unit) and not unit.frozen])
    _require(loaded, chosen, "confirmed", _begun)
    holds = [leg for unit in chosen for leg in unit.legs]
    await funding.capture(
        session, [Capture(leg.hold_id, leg.amount_cents) for leg in holds if leg.hold_id is not None], at=loaded.now
    )
    changes = [
        Move(
            unit,
            "delivered",
            loaded.now,
            unit.own_money_due_cents,
            captured_cents=unit.price_cents if unit.on_credit else 0,
            delivered_at=loaded.now,
            complete_at=loaded.now + timedelta(hours=settings().acknowledge_hours),
        )
        for unit in chosen
    ]
    units = await moves.move(session, loaded, changes, "booking.delivered")
    return await _provider_view(session, loaded.head, units, loaded.now)


async def no_show(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> ProviderBookingRead:
    """Mark units whose beneficiary was not there, not before they start: the no-show fee applies."""
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    chosen = loaded.chosen(unit_ids, [unit for unit in loaded.units if _begun(loaded, unit) and not unit.frozen])
    _require(loaded, chosen, "confirmed", _begun)
    changes = [(unit, fee_of(unit, loaded.head.policy.no_show_fee_bps), "no_show") for unit in chosen]
    units = await _end(session, loaded, changes, "booking.no_show", caused_by_employee=True)
    return await _provider_view(session, loaded.head, units, loaded.now)


async def provider_cancel(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None, reason: str
) -> ProviderBookingRead:
    """Cancel from the provider's side: always free for the employee."""
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    chosen = loaded.chosen(unit_ids, [unit for unit in loaded.units if loaded.status_of(unit) in OPEN])
    _require_open(loaded, chosen)
    changes = [(unit, no_fee(unit), "cancelled") for unit in chosen]
    units = await _end(session, loaded, changes, "booking.cancelled", caused_by_employee=False, reason=reason)
    return await _provider_view(session, replace(loaded.head, end_reason=reason), units, loaded.now)


async def cancel_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID, reason: str | None) -> int:
    """Cancel a slot and whoever booked it, free of charge; return how many bookings were touched.

    A booking that slips in meanwhile leaves `taken` above zero, which the database refuses; the client asks again.
    """
    booking_ids = await queries.bookings_in_slot(session, provider_id, slot_id)
    await moves.lock_ahead(session, booking_ids)
    for booking_id in booking_ids:
        loaded = await moves.load(session, booking_id, provider_id=provider_id)
        changes = [
            (unit, no_fee(unit), "cancelled" if loaded.status_of(unit) in OPEN else "expired")
            for unit in loaded.units
            if unit.slot_id == slot_id and unit.status in OPEN
        ]
        if changes:
            await _end(session, loaded, changes, "booking.cancelled", caused_by_employee=False, reason=reason)
    await capacity.close_slot(session, provider_id, slot_id)
    return len(booking_ids)


async def revert(
    session: AsyncSession, provider_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> ProviderBookingRead:
    """Take back a delivery or no-show mark while nothing is owed for it: credit returns to its lot, held again."""
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    marked = [unit for unit in loaded.units if loaded.status_of(unit) == "delivered" or _is_free_no_show(unit)]
    chosen = loaded.chosen(unit_ids, marked)
    for unit in chosen:
        if unit not in marked or unit.disputed:
            raise StateConflict(loaded.status_of(unit))
    delivered = [unit for unit in chosen if unit.status == "delivered"]
    fresh = {
        leg.id: HoldRequest(ids.new_id(), leg.lot_id, loaded.earned_account_id, leg.amount_cents, unit.id)
        for unit in chosen
        for leg in unit.legs
        if leg.lot_id is not None
    }
    captured = [leg for unit in delivered for leg in unit.legs if leg.hold_id is not None]
    await funding.reverse_captures(
        session,
        [leg.hold_id for leg in captured if leg.hold_id is not None],
        [fresh[leg.id] for leg in captured],
        at=loaded.now,
    )
    released = [fresh[leg.id] for unit in chosen if unit.status == "no_show" for leg in unit.legs if leg.lot_id]
    if released:
        await funding.place(session, loaded.user_id, released, at=loaded.now)
    await queries.replace_holds(session, {leg_id: hold.hold_id for leg_id, hold in fresh.items()})
    changes = [Move(unit, "confirmed", loaded.now, 0 if unit.on_credit else unit.price_cents) for unit in chosen]
    units = await moves.move(session, loaded, changes, "booking.reverted")
    return await _provider_view(session, loaded.head, units, loaded.now)


async def expire(session: AsyncSession, booking_id: UUID, provider_id: UUID, due: datetime) -> None:
    """Give back what an unanswered request reserved, as of the instant the answer was due."""
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    changes = [(unit, no_fee(unit), "expired") for unit in loaded.units if unit.status == "requested"]
    await _end(session, loaded, changes, "booking.expired", caused_by_employee=False, at=due)


async def cancel_for_leaver(
    session: AsyncSession, booking_id: UUID, provider_id: UUID, unit_ids: Sequence[UUID], due: datetime
) -> None:
    """Cancel units after an employment's last day, free for everybody."""
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    changes = [
        (unit, no_fee(unit), "cancelled") for unit in loaded.units if unit.id in unit_ids and unit.status in OPEN
    ]
    if changes:
        await _end(session, loaded, changes, "booking.cancelled", caused_by_employee=True, at=due)


async def _end(
    session: AsyncSession,
    loaded: Loaded,
    changes: Sequence[tuple[UnitState, Fee, str]],
    event_type: str,
    *,
    caused_by_employee: bool,
    at: datetime | None = None,
    reason: str | None = None,
) -> Sequence[UnitState]:
    """End units with or without a fee: money first (accounts by id), then seats, then states."""
    at = at or loaded.now
    captures = [Capture(hold, cents) for _, fee, _ in changes for hold, cents in fee.captures]
    releases = [hold for _, fee, _ in changes for hold in fee.releases]
    if captures:
        await funding.capture(session, captures, at=at, reason="fee")
        owed = [(unit, fee.from_credit_cents, at) for unit, fee, _ in changes]
        await moves.make_payable(session, loaded, owed, "fee_payable")
    if releases:
        await funding.release(session, releases, at=at, caused_by_employee=caused_by_employee)
    seats = [unit.slot_id for unit, _, status in changes if status != "no_show" and unit.slot_id is not None]
    if seats:
        await capacity.give_back(session, seats)
    return await moves.move(
        session,
        loaded,
        [
            Move(
                unit,
                status,
                at,
                fee.own_money_cents,
                captured_cents=fee.from_credit_cents,
                fee_cents=fee.fee_cents,
                fee_source=fee.source,
                payable_at=at if fee.from_credit_cents else None,
            )
            for unit, fee, status in changes
        ],
        event_type,
        reason,
    )


async def _requested(session: AsyncSession, provider_id: UUID, booking_id: UUID) -> Loaded:
    loaded = await moves.load(session, booking_id, provider_id=provider_id)
    if loaded.status != "requested":
        raise AlreadyResolved(loaded.status)
    return loaded


async def _provider_view(
    session: AsyncSession, head: views.Head, units: Sequence[UnitState], now: datetime
) -> ProviderBookingRead:
    contacts = await queries.beneficiary_contacts(session, [head.beneficiary_id])
    return views.provider_booking_read(head, units, contacts.get(head.beneficiary_id), now)


def _is_late(loaded: Loaded, unit: UnitState) -> bool:
    return unit.status == "confirmed" and loaded.head.policy.is_late(unit.starts_at, loaded.now)


def _cancellation_fee(loaded: Loaded, unit: UnitState) -> Fee:
    return fee_of(unit, loaded.head.policy.late_fee_bps) if _is_late(loaded, unit) else no_fee(unit)


def _cancellable(loaded: Loaded, unit_ids: Sequence[UUID] | None) -> Sequence[UnitState]:
    chosen = loaded.chosen(
        unit_ids,
        [unit for unit in loaded.units if loaded.status_of(unit) in OPEN and unit.starts_at > loaded.now],
    )
    _require_open(loaded, chosen)
    if any(unit.starts_at <= loaded.now for unit in chosen):
        raise StateConflict(loaded.status, "A unit that has begun cannot be cancelled.")
    return chosen


def _require_open(loaded: Loaded, chosen: Sequence[UnitState]) -> None:
    for unit in chosen:
        if (status := loaded.status_of(unit)) not in OPEN:
            raise AlreadyResolved(status)


def _require(
    loaded: Loaded,
    chosen: Sequence[UnitState],
    status: str,
    also: Callable[[Loaded, UnitState], bool] = lambda _loaded, _unit: True,
) -> None:
    for unit in chosen:
        if unit.frozen or not _stands(loaded, unit, status) or not also(loaded, unit):
            raise StateConflict(loaded.status_of(unit))


def _stands(loaded: Loaded, unit: UnitState, status: str) -> bool:
    return loaded.status_of(unit) == status


def _begun(loaded: Loaded, unit: UnitState) -> bool:
    return loaded.status_of(unit) == "confirmed" and unit.starts_at <= loaded.now


def _is_free_no_show(unit: UnitState) -> bool:
    """A no-show whose fee came from credit is owed to the provider already: that needs an incident, not a revert."""
    return unit.status == "no_show" and unit.fee_source != "credit"
