"""How units end: completed, expired, cancelled; with the money and the seats that go with it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.bookings import state
from app.bookings.decisions import Fee, Loaded, no_fee
from app.bookings.models import OPEN, UnitStatus
from app.bookings.queries import UnitState
from app.bookings.state import Move
from app.capacity import actions as capacity
from app.credit import actions as credit
from app.credit.actions import Capture
from app.payables import actions as payables
from app.payables.actions import Owed
from app.payables.models import PayableKind

FEE_KINDS: dict[UnitStatus, PayableKind] = {"cancelled_late": "late_fee", "no_show": "no_show_fee"}


@dataclass(frozen=True, slots=True)
class Ending:
    """How one unit ends, and what that costs."""

    unit: UnitState
    fee: Fee
    status: UnitStatus


async def end(
    session: AsyncSession,
    loaded: Loaded,
    endings: Sequence[Ending],
    event_type: str,
    *,
    caused_by_employee: bool,
    at: datetime | None = None,
    reason: str | None = None,
) -> Loaded:
    """End units with or without a fee: money first (accounts by id), then seats, then states."""
    at = at or loaded.now
    captures = [Capture(hold, cents) for ending in endings for hold, cents in ending.fee.captures]
    releases = [hold for ending in endings for hold in ending.fee.releases]
    if captures:
        await credit.capture(session, captures, at=at, reason="fee")
        await payables.owe(
            session,
            [
                _owed(loaded, ending.unit, FEE_KINDS[ending.status], ending.fee.from_credit_cents, at)
                for ending in endings
                if ending.fee.from_credit_cents
            ],
        )
    if releases:
        await credit.release(session, releases, at=at, caused_by_employee=caused_by_employee)
    leaving = [ending.unit for ending in endings if ending.status != "no_show" and ending.unit.slot_id is not None]
    await capacity.give_back(session, "unit", [unit.id for unit in leaving], at=at)
    moves = [
        Move(
            ending.unit.id,
            ending.status,
            at,
            ending.fee.own_money_cents,
            fee_cents=ending.fee.fee_cents,
            fee_source=ending.fee.source,
        )
        for ending in endings
    ]
    return await state.move(session, loaded, moves, event_type, reason)


async def complete(session: AsyncSession, loaded: Loaded, chosen: Sequence[tuple[UnitState, datetime]]) -> Loaded:
    """Complete delivered units, each at its instant: what the provider earned becomes owed."""
    await payables.owe(
        session, [_owed(loaded, unit, "service", unit.price_cents, at) for unit, at in chosen if unit.on_credit]
    )
    moves = [Move(unit.id, "completed", at, unit.own_money_due_cents, completed_at=at) for unit, at in chosen]
    return await state.move(session, loaded, moves, "booking.completed")


async def expire(session: AsyncSession, booking_id: UUID, provider_id: UUID, due: datetime) -> None:
    """Give back what an unanswered request reserved, as of the instant the answer was due."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    endings = [Ending(unit, no_fee(unit), "expired") for unit in loaded.units if unit.status == "requested"]
    await end(session, loaded, endings, "booking.expired", caused_by_employee=False, at=due)


async def cancel_for_leaver(
    session: AsyncSession, booking_id: UUID, provider_id: UUID, unit_ids: Collection[UUID], due: datetime
) -> None:
    """Cancel units after an employment's last day, free for everybody."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    late = [unit for unit in loaded.units if unit.id in unit_ids and unit.status in OPEN]
    if late:
        endings = [Ending(unit, no_fee(unit), "cancelled") for unit in late]
        await end(session, loaded, endings, "booking.cancelled", caused_by_employee=True, at=due)


def _owed(loaded: Loaded, unit: UnitState, kind: PayableKind, cents: int, at: datetime) -> Owed:
    return Owed(
        payee_id=loaded.booking.provider_id,
        from_account_id=loaded.booking.earned_account_id,
        payee_account_id=loaded.booking.payable_account_id,
        source_kind="unit",
        source_id=unit.id,
        kind=kind,
        gross_cents=cents,
        vat_code=unit.vat_code,
        category=loaded.booking.category,
        service_on=unit.service_on,
        payable_at=at,
        reason="completed" if kind == "service" else "fee_payable",
        blocked=unit.disputed,
    )
