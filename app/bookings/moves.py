"""Loading a booking under its lock and moving its units: the only writer of unit and booking states."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import queries, views
from app.bookings.decisions import UnitState, booking_status
from app.capacity import actions as capacity
from app.errors import NotFound, StateConflict
from app.funding.credit_queries import lock_for_holds
from app.ledger import actions as ledger
from app.ledger.instructions import NewTransfer

MOVE = text("""
    WITH moved AS (
        UPDATE care.unit u SET status = m.status, status_at = m.at, fee_cents = m.fee_cents,
            fee_source = m.fee_source, own_money_due_cents = m.own_money_due_cents, captured_cents = m.captured_cents,
            delivered_at = m.delivered_at, complete_at = m.complete_at, completed_at = m.completed_at,
            payable_at = m.payable_at
        FROM jsonb_to_recordset(CAST(:moves AS jsonb)) AS m (id uuid, status text, at timestamptz, fee_cents bigint,
            fee_source text, own_money_due_cents bigint, captured_cents bigint, delivered_at timestamptz,
            complete_at timestamptz, completed_at timestamptz, payable_at timestamptz)
        WHERE u.id = m.id AND u.booking_id = :booking_id
    ), recomputed AS (
        UPDATE care.booking SET status = :status, version = version + 1,
            sealed_end_reason = coalesce(:sealed_end_reason, sealed_end_reason)
        WHERE id = :booking_id RETURNING provider_id
    )
    INSERT INTO event (id, type, object_kind, object_id, organisation_ids, created_at)
    SELECT :event_id, :event_type, 'booking', :booking_id, ARRAY[provider_id], :at FROM recomputed
""")


OPEN = frozenset({"requested", "confirmed"})
INSTANTS = ("at", "delivered_at", "complete_at", "completed_at", "payable_at")


@dataclass(frozen=True)
class Loaded:
    """A locked booking: its head, units in order, the provider's ledger accounts."""

    head: views.Head
    user_id: UUID
    earned_account_id: UUID
    payable_account_id: UUID
    units: tuple[UnitState, ...]
    now: datetime

    def status_of(self, unit: UnitState) -> str:
        return views.status_of(unit, self.head, self.now)

    @property
    def status(self) -> str:
        return booking_status(self.status_of(unit) for unit in self.units)

    def chosen(self, unit_ids: Sequence[UUID] | None, fits: Sequence[UnitState]) -> Sequence[UnitState]:
        """Return the units asked for, else all that fit the verb; StateConflict when there is none."""
        if unit_ids is None:
            if not fits:
                raise StateConflict(self.status)
            return fits
        by_id = {unit.id: unit for unit in self.units}
        if any(unit_id not in by_id for unit_id in unit_ids):
            raise NotFound
        wanted = set(unit_ids)
        return [unit for unit in self.units if unit.id in wanted]


@dataclass(frozen=True)
class Move:
    """A unit's next state with the columns that go with it; money columns default to what they were."""

    unit: UnitState
    status: str
    at: datetime
    own_money_due_cents: int
    captured_cents: int = 0
    fee_cents: int = 0
    fee_source: str | None = None
    delivered_at: datetime | None = None
    complete_at: datetime | None = None
    completed_at: datetime | None = None
    payable_at: datetime | None = None

    def row(self) -> dict[str, Any]:
        return {
            "id": str(self.unit.id),
            "status": self.status,
            "fee_cents": self.fee_cents,
            "fee_source": self.fee_source,
            "own_money_due_cents": self.own_money_due_cents,
            "captured_cents": self.captured_cents,
            **{name: value.isoformat() if (value := getattr(self, name)) else None for name in INSTANTS},
        }


async def load(
    session: AsyncSession, booking_id: UUID, *, user_id: UUID | None = None, provider_id: UUID | None = None
) -> Loaded:
    """Lock a booking of this person or provider and read it; NotFound for anybody else's."""
    row = await queries.booking(session, booking_id, user_id=user_id, provider_id=provider_id, lock=True)
    if row is None:
        raise NotFound
    units = (await queries.units_of(session, [booking_id]))[booking_id]
    return Loaded(
        views.head_of(row), row.user_id, row.earned_account_id, row.payable_account_id, tuple(units), clock.now()
    )


async def lock_ahead(session: AsyncSession, booking_ids: Sequence[UUID]) -> None:
    """Lock all that ending the open units of several bookings touches, in the one order: bookings, accounts, slots.

    Ending them one by one would ask for the second booking while holding the first one's money and seats.
    """
    if not booking_ids:
        return
    await queries.lock_bookings(session, booking_ids)
    units = [unit for found in (await queries.units_of(session, booking_ids)).values() for unit in found]
    ending = [unit for unit in units if unit.status in OPEN]
    holds = [leg.hold_id for unit in ending for leg in unit.legs if leg.hold_id is not None]
    await lock_for_holds(session, holds, clock.today())
    await capacity.lock(session, [unit.slot_id for unit in ending if unit.slot_id is not None])


async def move(
    session: AsyncSession, loaded: Loaded, moves: Sequence[Move], event_type: str, reason: str | None = None
) -> Sequence[UnitState]:
    """Write the moves, the booking's new state and one event; return the units as they are now."""
    by_id = {change.unit.id: change for change in moves}
    statuses = [by_id[unit.id].status if unit.id in by_id else unit.status for unit in loaded.units]
    await session.execute(
        MOVE,
        {
            "moves": json.dumps([change.row() for change in moves]),
            "booking_id": loaded.head.id,
            "status": booking_status(statuses),
            "event_id": ids.new_id(),
            "event_type": event_type,
            "sealed_end_reason": views.seal("end_reason", reason, loaded.head.id),
            "at": max(change.at for change in moves),
        },
    )
    return (await queries.units_of(session, [loaded.head.id]))[loaded.head.id]


async def make_payable(
    session: AsyncSession, loaded: Loaded, amounts: Sequence[tuple[UnitState, int, datetime]], reason: str
) -> None:
    """Move what a provider earned to what is owed to it: (unit, cents, instant) each."""
    await ledger.transfer(
        session,
        [
            NewTransfer(
                id=ids.new_id(),
                from_account_id=loaded.earned_account_id,
                to_account_id=loaded.payable_account_id,
                amount_cents=cents,
                reason=reason,
                event_at=at,
                cause_id=unit.id,
            )
            for unit, cents, at in amounts
            if cents > 0
        ],
    )
