"""The action `quote`: price, eligibility, who pays what and why."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Locale
from app.beneficiaries import queries as beneficiary_queries
from app.beneficiaries.queries import BeneficiaryForCare
from app.bookings import fringe_room
from app.bookings.errors import BeneficiaryNotEligible, OfferingNotAvailable
from app.bookings.examining import Examiner
from app.bookings.models import Quote
from app.bookings.queries import QuotedUnit
from app.bookings.schemas import (
    AlternativeRead,
    CancellationPolicyRead,
    CreditChoice,
    DecisionRead,
    FundingRead,
    QuoteRead,
    QuoteUnitRead,
)
from app.bookings.ways import Explained, Looking, explained, left_of
from app.capacity import queries as capacity
from app.capacity.errors import SlotClosed, SlotFull
from app.capacity.queries import BookableOffering
from app.catalogue.errors import ProviderNotAccredited
from app.credit.actions import UsableLot, usable_lots
from app.credit.planner import PlanLot, PlanUnit, plan
from app.employees import queries as employee_queries
from app.errors import NotFound
from app.fringe.schemas import FringeRead
from app.rules.beneficiary import age
from app.rules.book import book_in_force
from app.rules.decisions import require_decided

UNITS = TypeAdapter(list[QuotedUnit])
DECISIONS = TypeAdapter(list[Explained])
NO_ADDRESS = "Nobody knows where to go: neither whoever receives the care nor the employee has an address yet."


async def quote(
    session: AsyncSession,
    user_id: UUID,
    *,
    offering_id: UUID,
    beneficiary_id: UUID,
    slot_ids: Sequence[UUID],
    credit: CreditChoice,
    language: Locale,
) -> QuoteRead:
    """Plan a booking: binding for `quote_minutes`, reserves nothing."""
    now = clock.now()
    offering = await capacity.bookable_offering(session, offering_id, user_id, now, slot_ids)
    if offering is None:
        raise NotFound
    beneficiary = await beneficiary_queries.for_care(session, user_id, beneficiary_id)
    employments = await employee_queries.employments_of(session, user_id)
    if offering.status != "active" or not offering.open_to_person:
        raise OfferingNotAvailable
    priced = _priced(offering, slot_ids)
    _check_eligible(offering, beneficiary, priced)
    lots = await usable_lots(session, user_id)
    book = book_in_force()
    examiner = Examiner(offering.category, beneficiary.facts, book)
    rooms = await fringe_room.rooms(session, user_id, lots, priced, book)
    reading = employments[0].relatives_reading if employments else "strict"
    units = _planned(priced, lots, examiner, credit, fringe=credit.allow_fringe and bool(rooms))
    await fringe_room.claim(session, rooms, lots, units)
    if any(unit.on_credit and not offering.takes_credit(unit.service_on) for unit in units):
        raise ProviderNotAccredited
    decisions = _explained(examiner, lots, units, reading)
    quote_id = ids.new_id()
    expires_at = now + timedelta(minutes=offering.quote_minutes)
    total = sum(unit.price_cents for unit in units)
    credit_cents = sum(unit.price_cents for unit in units if unit.on_credit)
    made: dict[str, object] = {
        "id": quote_id,
        "user_id": user_id,
        "provider_id": offering.provider_id,
        "offering_id": offering.id,
        "beneficiary_id": beneficiary.id,
        "beneficiary_version": beneficiary.version,
        "total_cents": total,
        "credit_cents": credit_cents,
        "own_money_cents": total - credit_cents,
        "confirmation": offering.confirmation,
        "response_hours": offering.response_hours,
        "min_notice_hours": offering.min_notice_hours,
        "free_until_hours": offering.free_until_hours,
        "late_fee_bps": offering.late_fee_bps,
        "no_show_fee_bps": offering.no_show_fee_bps,
        "vat_code": offering.vat_code,
        "units": UNITS.dump_python(units, mode="json"),
        "decisions": DECISIONS.dump_python(decisions, mode="json", exclude={"__all__": {"alternatives"}}),
        "fringe": fringe_room.shown(rooms),
        "created_at": now,
        "expires_at": expires_at,
    }
    await session.execute(insert(Quote).values(**made))
    return quote_read(Quote(**made), language)


def quote_read(made: Quote, language: Locale) -> QuoteRead:
    """Show a quote as it was made; its reasons in the caller's language."""
    units = UNITS.validate_python(made.units)
    decisions = DECISIONS.validate_python(made.decisions)
    return QuoteRead(
        id=made.id,
        offering_id=made.offering_id,
        beneficiary_id=made.beneficiary_id,
        total_cents=made.total_cents,
        credit_cents=made.credit_cents,
        own_money_cents=made.own_money_cents,
        units=[_unit_read(unit) for unit in units],
        decisions=[_decision_read(unit.index, one, language) for unit, one in zip(units, decisions, strict=True)],
        fringe=None if made.fringe is None else FringeRead.model_validate(made.fringe),
        cancellation_policy=CancellationPolicyRead.model_validate(made),
        confirmation=made.confirmation,
        response_hours=made.response_hours,
        vat_code=made.vat_code,
        expires_at=made.expires_at,
    )


def _priced(offering: BookableOffering, slot_ids: Sequence[UUID]) -> list[QuotedUnit]:
    """Return the units in order of their start, not yet with who pays them."""
    ordered = []
    for slot_id in slot_ids:
        slot = offering.slots.get(slot_id)
        if slot is None:
            raise NotFound
        if slot.status != "open" or slot.starts_at <= offering.bookable_from:
            raise SlotClosed
        if slot.seats_left <= 0:
            raise SlotFull
        ordered.append(slot)
    ordered.sort(key=lambda slot: (slot.starts_at, slot.id))
    return [
        QuotedUnit(index, slot.id, slot.starts_at, slot.ends_at, _price(offering, clock.day_of(slot.starts_at)))
        for index, slot in enumerate(ordered)
    ]


def _price(offering: BookableOffering, on: date) -> int:
    price_cents = offering.price_on(on)
    if price_cents is None:
        raise OfferingNotAvailable("The offering has no price on one of these days.")
    return price_cents


def _check_eligible(offering: BookableOffering, beneficiary: BeneficiaryForCare, units: Sequence[QuotedUnit]) -> None:
    """Refuse by age on the days of service and by territory; a home visit needs to know where home is."""
    if beneficiary.died_on is not None:
        raise BeneficiaryNotEligible("The beneficiary has died.")
    for unit in units:
        years = age(beneficiary.facts, unit.service_on)
        if years is not None and not (offering.min_age or 0) <= years <= (
            offering.max_age if offering.max_age is not None else years
        ):
            raise BeneficiaryNotEligible("The beneficiary's age on a day of service is outside the offering's.")
    if beneficiary.istat_code is None:
        if offering.service_area and offering.mode == "home_visit":
            raise BeneficiaryNotEligible(NO_ADDRESS)
    elif not offering.serves(beneficiary.istat_code):
        raise BeneficiaryNotEligible("The beneficiary's municipality is outside the offering's service area.")


def _planned(
    units: Sequence[QuotedUnit], lots: Sequence[UsableLot], examiner: Examiner, credit: CreditChoice, *, fringe: bool
) -> list[QuotedUnit]:
    """Plan without C3 first: it may pay only what no other rule code pays."""
    for unit in units if credit.mode != "none" else ():
        require_decided(examiner.answers(lots, unit))
    options = {unit.index: examiner.options(lots, unit) for unit in units}
    planned = _plan(units, lots, options, credit)
    rest = [unit for unit in planned if not unit.on_credit]
    if not (fringe and rest):
        return planned
    return _plan(
        units, lots, options | {unit.index: examiner.options(lots, unit, fringe=True) for unit in rest}, credit
    )


def _plan(
    units: Sequence[QuotedUnit],
    lots: Sequence[UsableLot],
    options: Mapping[int, Mapping[UUID, str]],
    credit: CreditChoice,
) -> list[QuotedUnit]:
    plans = plan(
        [PlanUnit(unit.index, unit.price_cents, unit.service_on, options[unit.index]) for unit in units],
        [_plan_lot(lot) for lot in lots],
        booked_on=clock.today(),
        mode=credit.mode,
        max_cents=credit.max_cents,
    )
    return [replace(unit, legs=made.legs) for unit, made in zip(units, plans, strict=True)]


def _explained(
    examiner: Examiner, lots: Sequence[UsableLot], units: Sequence[QuotedUnit], reading: str
) -> list[Explained]:
    left, looking = left_of(lots, units), Looking(examiner, lots, clock.today())
    shown = [(unit, examiner.shown(lots, unit, reading)) for unit in units]
    return [explained(decision, looking.ways(unit, left, decision)) for unit, decision in shown]


def _plan_lot(lot: UsableLot) -> PlanLot:
    return PlanLot(
        lot.id,
        lot.available_cents,
        lot.valid_from,
        lot.expires_on,
        frozenset(lot.rule_codes),
        "booking_date" if lot.validity_basis == "booking_date" else "service_date",
        "entitlement" if lot.kind == "entitlement" else "lot",
    )


def _decision_read(index: int, decision: Explained, language: Locale) -> DecisionRead:
    return DecisionRead(
        index=index,
        code=decision.code,
        allowed=decision.allowed,
        rule_code=decision.rule_code,
        reason=decision.reason.in_locale(language),
        citation=decision.citation,
        valid_on=decision.valid_on,
        status=decision.status,
        alternatives=[
            AlternativeRead(
                code=way.code,
                text=way.text.in_locale(language),
                rule_code=way.rule_code,
                lot_id=way.lot_id,
                valid_from=way.on,
            )
            for way in decision.ways
        ],
    )


def _unit_read(unit: QuotedUnit) -> QuoteUnitRead:
    return QuoteUnitRead(
        index=unit.index,
        slot_id=unit.slot_id,
        starts_at=unit.starts_at,
        price_cents=unit.price_cents,
        funding=[FundingRead.model_validate(leg) for leg in unit.legs],
    )
