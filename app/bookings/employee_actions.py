"""What an employee does with a booking of hers. Each verb locks the booking first, then money, then seats."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.bookings import ending, state, views
from app.bookings.decisions import Loaded
from app.bookings.ending import Ending
from app.bookings.queries import UnitState
from app.bookings.schemas import BookingRead, CancellationPreviewRead
from app.errors import StateConflict


async def read(session: AsyncSession, user_id: UUID, booking_id: UUID) -> BookingRead:
    return views.booking_read(await state.load(session, booking_id, user_id=user_id, lock=False))


async def preview_cancellation(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> CancellationPreviewRead:
    """Tell what cancelling would cost now; changes nothing."""
    loaded = await state.load(session, booking_id, user_id=user_id)
    chosen = _cancellable(loaded, unit_ids)
    fees = [loaded.cancellation_fee(unit) for unit in chosen]
    held = sum(unit.price_cents for unit in chosen if unit.on_credit)
    from_credit = sum(fee.from_credit_cents for fee in fees)
    return CancellationPreviewRead(
        fee_cents=sum(fee.fee_cents for fee in fees),
        fee_own_money_cents=sum(fee.own_money_cents for fee in fees),
        fee_from_credit_cents=from_credit,
        released_cents=held - from_credit,
        free_until=loaded.free_until(chosen),
    )


async def cancel(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None, reason: str | None
) -> BookingRead:
    """Cancel free before the deadline, else with the fee that the preview shows."""
    loaded = await state.load(session, booking_id, user_id=user_id)
    endings = [
        Ending(unit, loaded.cancellation_fee(unit), "cancelled_late" if loaded.is_late(unit) else "cancelled")
        for unit in _cancellable(loaded, unit_ids)
    ]
    ended = await ending.end(session, loaded, endings, "booking.cancelled", caused_by_employee=True, reason=reason)
    return views.booking_read(ended)


async def acknowledge(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None
) -> BookingRead:
    """Accept delivered units: what the provider earned becomes owed."""
    loaded = await state.load(session, booking_id, user_id=user_id)
    delivered = [unit for unit in loaded.units if loaded.status_of(unit) == "delivered"]
    chosen = loaded.chosen(unit_ids, delivered)
    loaded.require(chosen, [unit for unit in delivered if not unit.frozen])
    return views.booking_read(await ending.complete(session, loaded, [(unit, loaded.now) for unit in chosen]))


def _cancellable(loaded: Loaded, unit_ids: Sequence[UUID] | None) -> Sequence[UnitState]:
    chosen = loaded.chosen(unit_ids, [unit for unit in loaded.open_units if unit.starts_at > loaded.now])
    loaded.require_open(chosen)
    if any(unit.starts_at <= loaded.now for unit in chosen):
        raise StateConflict(loaded.status, "A unit that has begun cannot be cancelled.")
    return chosen
