"""Loading a booking under its lock and moving its units: the only writer of unit and booking states."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import queries, sealing
from app.bookings.decisions import TRANSITIONS, Loaded, booking_status
from app.bookings.models import OPEN, FeeSource, UnitStatus
from app.capacity import actions as capacity
from app.credit.queries import lock_for_holds


@dataclass(frozen=True, slots=True)
class Move:
    """A unit's next state with the columns that go with it."""

    unit_id: UUID
    status: UnitStatus
    at: datetime
    own_money_due_cents: int
    fee_cents: int = 0
    fee_source: FeeSource | None = None
    delivered_at: datetime | None = None
    complete_at: datetime | None = None
    completed_at: datetime | None = None


MOVES = TypeAdapter(list[Move])


async def load(
    session: AsyncSession,
    booking_id: UUID,
    *,
    user_id: UUID | None = None,
    provider_id: UUID | None = None,
    lock: bool = True,
) -> Loaded:
    """Read a booking of this person or provider, locked for a command; NotFound for anybody else's."""
    found = await queries.booking(session, booking_id, user_id=user_id, provider_id=provider_id, lock=lock)
    units = (await queries.units_of(session, [booking_id]))[booking_id]
    return Loaded(found, units, clock.now())


async def lock_ahead(session: AsyncSession, booking_ids: Sequence[UUID]) -> None:
    """Lock all that ending the open units of several bookings touches, in the one order: bookings, accounts, slots.

    Ending them one by one would ask for the second booking while holding the first one's money and seats.
    """
    if not booking_ids:
        return
    await queries.LOCK_BOOKINGS.run(session, ids=list(booking_ids))
    units = [unit for found in (await queries.units_of(session, booking_ids)).values() for unit in found]
    ending = [unit for unit in units if unit.status in OPEN]
    holds = [leg.hold_id for unit in ending for leg in unit.legs if leg.hold_id is not None]
    await lock_for_holds(session, holds)
    await capacity.lock(session, [unit.slot_id for unit in ending if unit.slot_id is not None])


async def move(
    session: AsyncSession, loaded: Loaded, moves: Sequence[Move], event_type: str, reason: str | None = None
) -> Loaded:
    """Write the moves, the booking's new state and one event; return the booking as it is now.

    ValueError for a change that TRANSITIONS does not list: the verb has not looked.
    """
    next_of = {change.unit_id: change.status for change in moves}
    for unit in loaded.units:
        if unit.id in next_of and (unit.status, next_of[unit.id]) not in TRANSITIONS:
            raise ValueError(f"a unit does not go from {unit.status} to {next_of[unit.id]}")
    booking_id = loaded.booking.id
    sealed = sealing.seal("end_reason", reason, booking_id)
    await queries.MOVE.run(
        session,
        moves=MOVES.dump_json(list(moves)).decode(),
        booking_id=booking_id,
        status=booking_status(next_of.get(unit.id, unit.status) for unit in loaded.units),
        event_id=ids.new_id(),
        event_type=event_type,
        sealed_end_reason=sealed,
        at=max(change.at for change in moves),
    )
    units = (await queries.units_of(session, [booking_id]))[booking_id]
    booking = loaded.booking if sealed is None else replace(loaded.booking, sealed_end_reason=sealed)
    return replace(loaded, booking=booking, units=units)
