"""The action `book`: one quote becomes one booking that executes exactly its legs."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import queries, views
from app.bookings.decisions import LegState, UnitState, confirm_by
from app.bookings.errors import BeneficiaryNotEligible, OfferingNotAvailable, QuoteExpired
from app.bookings.schemas import BookingRead
from app.capacity.errors import SlotClosed, SlotFull
from app.errors import AlreadyResolved, NotFound
from app.funding import actions as funding
from app.funding.actions import HoldRequest


async def book(session: AsyncSession, user_id: UUID, quote_id: UUID, note: str | None) -> BookingRead:
    """Reserve credit, then seats, and write the booking: three statements (quote, holds, everything else)."""
    quote = await queries.quote_to_book(session, user_id, quote_id)
    if quote is None:
        raise NotFound
    if quote.booked_status is not None:
        raise AlreadyResolved(quote.booked_status)
    now = clock.now()
    if now >= quote.expires_at:
        raise QuoteExpired
    if not quote.facts_unchanged:
        raise BeneficiaryNotEligible("The beneficiary's facts changed since the quote: ask for a new one.")
    if quote.offering_status != "active":
        raise OfferingNotAvailable
    draft = _draft(quote)
    await funding.place(session, user_id, draft.holds, at=now)
    terms = _terms(quote, draft, now)
    booking_id = ids.new_id()
    (result,) = await queries.BOOK.rows(
        session,
        {
            "booking_id": booking_id,
            "quote_id": quote_id,
            "slot_ids": [unit.slot_id for unit in draft.units],
            "bookable_from": now + timedelta(hours=quote.min_notice_hours),
            "status": terms.status,
            "free_until_hours": quote.free_until_hours,
            "late_fee_bps": quote.late_fee_bps,
            "no_show_fee_bps": quote.no_show_fee_bps,
            "confirm_by": terms.confirm_by,
            "sealed_note": views.seal("note", note, booking_id),
            "now": now,
            "vat_code": quote.vat_code,
            "units": json.dumps([_unit_row(unit) for unit in draft.units]),
            "legs": json.dumps([_leg_row(unit.id, leg) for unit in draft.units for leg in unit.legs]),
            "event_id": ids.new_id(),
            "event_type": f"booking.{terms.status}",
        },
    )
    if result.seats < len(draft.units):
        raise SlotClosed if result.closed else SlotFull
    head = views.Head(
        id=booking_id,
        status=terms.status,
        offering_id=quote.offering_id,
        offering_name=quote.offering_name,
        provider_id=quote.provider_id,
        provider_name=quote.provider_name,
        provider_phone=quote.provider_phone,
        beneficiary_id=quote.beneficiary_id,
        confirm_by=terms.confirm_by,
        created_at=now,
        note=note,
        end_reason=None,
        policy=queries.policy_of(quote),
    )
    return views.booking_read(head, draft.units_in(terms.status), now)


@dataclass(frozen=True)
class Draft:
    """Units and holds of a booking about to be made."""

    units: tuple[UnitState, ...]
    holds: tuple[HoldRequest, ...]

    def units_in(self, status: str) -> list[UnitState]:
        return [replace(unit, status=status) for unit in self.units]


@dataclass(frozen=True)
class Terms:
    status: str
    confirm_by: datetime | None


def _terms(quote: Any, draft: Draft, now: datetime) -> Terms:  # noqa: ANN401 - a row
    if quote.confirmation == "instant":
        return Terms("confirmed", None)
    return Terms("requested", confirm_by(now, quote.response_hours, [unit.starts_at for unit in draft.units]))


def _draft(quote: Any) -> Draft:  # noqa: ANN401 - a row
    fee_funding: dict[str, str] = quote.fee_funding or {}
    units: list[UnitState] = []
    holds: list[HoldRequest] = []
    for quoted in quote.units:
        unit_id = ids.new_id()
        legs: list[LegState] = []
        for leg in quoted["funding"]:
            lot_id = UUID(leg["source_id"]) if leg["source_id"] else None
            hold_id = ids.new_id() if lot_id else None
            legs.append(LegState(ids.new_id(), leg["source"], lot_id, hold_id, leg["amount_cents"], leg["rule_code"]))
            if lot_id is not None and hold_id is not None:
                holds.append(HoldRequest(hold_id, lot_id, quote.earned_account_id, leg["amount_cents"], unit_id))
        payer = next((str(leg.lot_id) for leg in legs if leg.lot_id), "")
        units.append(
            UnitState(
                id=unit_id,
                index=quoted["index"],
                slot_id=UUID(quoted["slot_id"]),
                status="requested",
                starts_at=datetime.fromisoformat(quoted["starts_at"]),
                ends_at=datetime.fromisoformat(quoted["ends_at"]),
                price_cents=quoted["price_cents"],
                fee_funding=fee_funding.get(payer, "out_of_pocket"),
                fee_cents=0,
                fee_source=None,
                own_money_due_cents=0 if payer else quoted["price_cents"],
                captured_cents=0,
                disputed=False,
                needs_review=False,
                complete_at=None,
                legs=tuple(legs),
            )
        )
    return Draft(tuple(units), tuple(holds))


def _unit_row(unit: UnitState) -> dict[str, Any]:
    return {
        "id": str(unit.id),
        "index": unit.index,
        "slot_id": str(unit.slot_id),
        "starts_at": unit.starts_at.isoformat(),
        "ends_at": unit.ends_at.isoformat(),
        "price_cents": unit.price_cents,
        "fee_funding": unit.fee_funding,
        "own_money_due_cents": unit.own_money_due_cents,
    }


def _leg_row(unit_id: UUID, leg: LegState) -> dict[str, Any]:
    return {
        "id": str(leg.id),
        "unit_id": str(unit_id),
        "source": leg.source,
        "lot_id": str(leg.lot_id) if leg.lot_id else None,
        "hold_id": str(leg.hold_id) if leg.hold_id else None,
        "amount_cents": leg.amount_cents,
        "rule_code": leg.rule_code,
    }
