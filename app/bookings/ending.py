"""How units end: completed, expired, cancelled; with the money and the seats that go with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.bookings import late_fees, queries, state
from app.bookings.decisions import RELEASE_DAYS, Fee, Loaded, contested_until, no_fee, unreported_since
from app.bookings.models import OPEN, UnitStatus
from app.bookings.queries import UnitState
from app.bookings.state import Move
from app.capacity import actions as capacity
from app.credit import actions as credit
from app.credit.actions import Capture
from app.networks.queries import setting_in_force
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
    if captures:
        await credit.capture(session, captures, at=at, reason="fee")
        await late_fees.record_paid(
            session, {hold: cents for ending in endings for hold, cents in ending.fee.captures}, at
        )
    # Whoever asked in vain is not to blame; what nobody reported may well have taken place: no grace for that.
    unanswered = {ending.unit.id for ending in endings if _goes(ending, "requested", "expired")}
    unreported = {ending.unit.id for ending in endings if _goes(ending, "confirmed", "expired")}
    for some, employee, asked_on in (
        (unanswered, False, clock.day_of(loaded.booking.created_at)),
        (unreported, True, None),
        ({ending.unit.id for ending in endings} - unanswered - unreported, caused_by_employee, None),
    ):
        holds = [hold for ending in endings if ending.unit.id in some for hold in ending.fee.releases]
        await credit.release(session, holds, at=at, caused_by_employee=employee, asked_on=asked_on)
    leaving = [ending.unit for ending in endings if ending.status != "no_show" and ending.unit.slot_id is not None]
    await capacity.give_back(session, "unit", [unit.id for unit in leaving], at=at)
    hours = 0
    if captures:
        hours = await setting_in_force(session, "acknowledge_hours", clock.day_of(at), loaded.booking.provider_id)
    moves = [
        Move(
            ending.unit.id,
            ending.status,
            at,
            ending.fee.own_money_cents,
            fee_cents=ending.fee.fee_cents,
            fee_source=ending.fee.source,
            complete_at=contested_until(ending.unit, at, hours) if ending.fee.source == "credit" else None,
        )
        for ending in endings
    ]
    return await state.move(session, loaded, moves, event_type, reason)


async def complete(session: AsyncSession, loaded: Loaded, chosen: Sequence[tuple[UnitState, datetime]]) -> Loaded:
    """Complete delivered units, each at its instant: what the provider earned becomes owed."""
    await payables.owe(
        session,
        [
            _owed(loaded, unit, "service", unit.price_cents - unit.refunded_cents, at)
            for unit, at in chosen
            if unit.on_credit and unit.refunded_cents < unit.price_cents
        ],
    )
    moves = [Move(unit.id, "completed", at, unit.own_money_due_cents, completed_at=at) for unit, at in chosen]
    return await state.move(session, loaded, moves, "booking.completed")


async def owe_fees(session: AsyncSession, loaded: Loaded, chosen: Sequence[tuple[UnitState, datetime]]) -> None:
    """Let fees from credit become owed, each at its instant; the units stay as they ended."""
    await payables.owe(
        session,
        [
            _owed(loaded, unit, FEE_KINDS[unit.status], unit.fee_cents - unit.refunded_cents, at)
            for unit, at in chosen
            if unit.refunded_cents < unit.fee_cents
        ],
    )
    await queries.OWE_FEE.run(session, units=[unit.id for unit, _ in chosen], ats=[at for _, at in chosen])


async def take_back(session: AsyncSession, loaded: Loaded, refunds: Mapping[UnitState, int]) -> None:
    """Owe the provider less for units that are owed already: items of their own, settled next time."""
    await payables.owe(
        session,
        [
            replace(_owed(loaded, unit, "adjustment", -cents, loaded.now), reason="adjusted")
            for unit, cents in refunds.items()
        ],
    )


async def finish(session: AsyncSession, loaded: Loaded, until: datetime, at: datetime | None = None) -> int:
    """Complete whatever was contested until an instant, as of its deadline or of `at`; return how many units."""
    due = [
        (unit, at or unit.complete_at)
        for unit in loaded.units
        if unit.complete_at is not None and unit.complete_at <= until and not unit.frozen
    ]
    fees = [(unit, instant) for unit, instant in due if unit.status != "delivered"]
    if fees:
        await owe_fees(session, loaded, fees)
    delivered = [(unit, instant) for unit, instant in due if unit.status == "delivered"]
    if delivered:
        await complete(session, loaded, delivered)
    return len(due)


async def expire(session: AsyncSession, booking_id: UUID, provider_id: UUID, due: datetime) -> None:
    """Give back what an unanswered request reserved, as of the instant the answer was due."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    endings = [Ending(unit, no_fee(unit), "expired") for unit in loaded.units if unit.status == "requested"]
    await end(session, loaded, endings, "booking.expired", caused_by_employee=False, at=due)


async def release_unreported(session: AsyncSession, booking_id: UUID, provider_id: UUID, until: datetime) -> int:
    """Give back what units reserve that nobody reported, as of when each was due; never as grace.

    Credit that nobody says was used must not outlive its lot because somebody kept silent.
    """
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    late = [unit for unit in loaded.units if unit.status == "confirmed" and unit.ends_at <= unreported_since(until)]
    for due, units in groupby(sorted(late, key=lambda unit: unit.ends_at), key=lambda unit: unit.ends_at):
        endings = [Ending(unit, no_fee(unit), "expired") for unit in units]
        loaded = await end(
            session, loaded, endings, "booking.expired", caused_by_employee=True, at=due + timedelta(days=RELEASE_DAYS)
        )
    return len(late)


async def cancel_for_leaver(
    session: AsyncSession, booking_id: UUID, provider_id: UUID, unit_ids: Collection[UUID], due: datetime
) -> None:
    """Cancel units after an employment's last day, free for everybody."""
    loaded = await state.load(session, booking_id, provider_id=provider_id)
    late = [unit for unit in loaded.units if unit.id in unit_ids and unit.status in OPEN]
    if late:
        endings = [Ending(unit, no_fee(unit), "cancelled") for unit in late]
        await end(session, loaded, endings, "booking.cancelled", caused_by_employee=True, at=due)


def _goes(ending: Ending, before: UnitStatus, after: UnitStatus) -> bool:
    return (ending.unit.status, ending.status) == (before, after)


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
    )
