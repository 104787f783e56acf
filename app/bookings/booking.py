"""The action `book`: one quote becomes one booking that executes exactly its legs."""

import json
from datetime import datetime
from uuid import UUID

import psycopg
from pydantic import TypeAdapter
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import queries, sealing, views
from app.bookings.decisions import Loaded, confirm_by
from app.bookings.errors import BeneficiaryNotEligible, OfferingNotAvailable, QuoteExpired
from app.bookings.examining import rules_digest
from app.bookings.models import UnitStatus
from app.bookings.queries import BookedRow, LegState, QuotedUnit, QuoteToBook, UnitState
from app.bookings.schemas import BookingRead
from app.capacity.errors import SlotClosed, SlotFull
from app.credit import actions as credit
from app.credit.actions import HoldRequest
from app.errors import AlreadyResolved, NotFound
from app.fringe.errors import FringeLimitExceeded

UNITS = TypeAdapter(tuple[UnitState, ...])


async def book(
    session: AsyncSession,
    user_id: UUID,
    quote_id: UUID,
    note: str | None,
    *,
    external_id: str | None = None,
    metadata: dict[str, str] | None = None,
) -> BookingRead:
    """Reserve credit, then seats, and write the booking: three statements (quote, holds, everything else)."""
    now = clock.now()
    quote = await queries.QUOTE_TO_BOOK.maybe(session, quote_id=quote_id, user_id=user_id, now=now)
    if quote is None:
        raise NotFound
    _check_bookable(quote, now)
    booking_id = ids.new_id()
    status: UnitStatus = "confirmed" if quote.confirmation == "instant" else "requested"
    units = tuple(_unit(booking_id, quote, quoted, status) for quoted in quote.units)
    holds = [
        HoldRequest(leg.hold_id, leg.lot_id, quote.earned_account_id, leg.amount_cents, unit.id)
        for unit in units
        for leg in unit.legs
        if leg.lot_id is not None and leg.hold_id is not None
    ]
    await credit.place(session, user_id, holds, at=now)
    answer_due = confirm_by(now, quote.response_hours, [unit.starts_at for unit in units])
    booked = await _booked(
        session,
        booking_id=booking_id,
        quote_id=quote_id,
        taking_ids=[ids.new_id() for _ in units],
        unit_ids=[unit.id for unit in units],
        slot_ids=[unit.slot_id for unit in units],
        seats=[1] * len(units),
        bookable_from=quote.bookable_from,
        status=status,
        free_until_hours=quote.free_until_hours,
        late_fee_bps=quote.late_fee_bps,
        no_show_fee_bps=quote.no_show_fee_bps,
        confirm_by=answer_due if status == "requested" else None,
        sealed_note=sealing.seal("note", note, booking_id),
        rules_digest=rules_digest(),
        external_id=external_id,
        sealed_metadata=sealing.seal("metadata", json.dumps(metadata) if metadata else None, booking_id),
        now=now,
        vat_code=quote.vat_code,
        units=UNITS.dump_json(units).decode(),
        event_id=ids.new_id(),
        event_type=f"booking.{status}",
    )
    if booked.refused is not None:
        raise SlotClosed if booked.refused == "slot_closed" else SlotFull
    return views.booking_read(Loaded(booked, units, now))


async def _booked(session: AsyncSession, **values: object) -> BookedRow:
    """Write everything at once; the limit of fringe benefits may have been reached since the quote."""
    try:
        return await queries.BOOK.one(session, **values)
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.Error) and error.orig.diag.constraint_name == "fringe_year_limit":
            raise FringeLimitExceeded(int(error.orig.diag.message_detail or 0)) from error
        raise


def _check_bookable(quote: QuoteToBook, now: datetime) -> None:
    if quote.booked_status is not None:
        raise AlreadyResolved(quote.booked_status)
    if now >= quote.expires_at:
        raise QuoteExpired
    if not quote.facts_unchanged:
        raise BeneficiaryNotEligible("The beneficiary's facts changed since the quote: ask for a new one.")
    if quote.offering_status != "active":
        raise OfferingNotAvailable


def _unit(booking_id: UUID, quote: QuoteToBook, quoted: QuotedUnit, status: UnitStatus) -> UnitState:
    legs = tuple(
        LegState(
            id=ids.new_id(),
            source=leg.source,
            lot_id=leg.source_id,
            hold_id=None if leg.source_id is None else ids.new_id(),
            amount_cents=leg.amount_cents,
            rule_code=leg.rule_code,
        )
        for leg in quoted.legs
    )
    payer = next((leg.lot_id for leg in legs if leg.lot_id is not None), None)
    return UnitState(
        id=ids.new_id(),
        booking_id=booking_id,
        index=quoted.index,
        slot_id=quoted.slot_id,
        status=status,
        starts_at=quoted.starts_at,
        ends_at=quoted.ends_at,
        price_cents=quoted.price_cents,
        vat_code=quote.vat_code,
        fee_funding=quote.fee_funding.get(str(payer), "out_of_pocket"),
        own_money_due_cents=0 if quoted.on_credit else quoted.price_cents,
        legs=legs,
    )
