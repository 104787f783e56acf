"""The action `quote`: price, eligibility, who pays what and why."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings import queries
from app.bookings.errors import BeneficiaryNotEligible, OfferingNotAvailable
from app.bookings.schemas import (
    CancellationPolicyRead,
    CreditChoice,
    DecisionRead,
    FundingRead,
    QuoteRead,
    QuoteUnitRead,
)
from app.capacity.errors import SlotClosed, SlotFull
from app.config import settings
from app.errors import NotFound
from app.funding import actions as funding
from app.funding.planner import PlanLot, PlanUnit, UnitPlan, plan
from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period, age
from app.rules.decisions import Decision, Question, decide


@dataclass(frozen=True)
class QuotedUnit:
    """A slot with its price on its day."""

    index: int
    slot_id: UUID
    starts_at: datetime
    ends_at: datetime
    price_cents: int

    @property
    def service_on(self) -> date:
        return clock.day_of(self.starts_at)


async def quote(
    session: AsyncSession,
    user_id: UUID,
    *,
    offering_id: UUID,
    beneficiary_id: UUID,
    slot_ids: Sequence[UUID],
    credit: CreditChoice,
    language: str,
) -> QuoteRead:
    """Plan a booking: binding for 15 minutes, reserves nothing."""
    offering = await queries.offering_for_quote(session, user_id, offering_id, beneficiary_id)
    if offering is None or offering.beneficiary_id is None:
        raise NotFound
    if offering.status != "active" or not offering.is_open_to_person:
        raise OfferingNotAvailable
    found = await queries.slots(session, offering_id, slot_ids)
    units = _units(offering, slot_ids, found)
    beneficiary = facts(offering)
    _check_eligible(offering, beneficiary, units)
    lots = await funding.usable_lots(session, user_id)
    examiner = _Examiner(offering.category, beneficiary)
    plans = plan(
        [PlanUnit(unit.index, unit.price_cents, unit.service_on, examiner.options(lots, unit)) for unit in units],
        [_plan_lot(lot) for lot in lots],
        booked_on=clock.today(),
        mode=credit.mode,
        max_cents=credit.max_cents,
    )
    decisions = [
        _decision_read(unit.index, examiner.shown(lots, unit, made, offering.relatives_reading or "strict"), language)
        for unit, made in zip(units, plans, strict=True)
    ]
    answer = _answer(offering, units, plans, decisions)
    await _store(session, user_id, offering, answer, units)
    return answer


def facts(row: Any) -> BeneficiaryFacts:  # noqa: ANN401 - a row with a beneficiary's columns
    """Return what the law asks about a beneficiary."""
    return BeneficiaryFacts(
        relation=row.relation,
        birth_date=row.birth_date,
        cohabitation=_periods(row.cohabitation, "from", "to"),
        maintained=_periods(row.maintained, "from", "to"),
        dependent_years=frozenset(row.dependent_years),
        certificates=tuple(
            Certificate("non_self_sufficient", period)
            for period in _periods(row.certificates, "valid_from", "valid_to")
        ),
    )


def _periods(rows: Sequence[dict[str, Any]], start: str, end: str) -> tuple[Period, ...]:
    return tuple(
        Period(date.fromisoformat(row[start]), date.fromisoformat(row[end]) if row.get(end) else None) for row in rows
    )


def _units(offering: Any, slot_ids: Sequence[UUID], found: dict[UUID, Any]) -> list[QuotedUnit]:  # noqa: ANN401
    bookable_from = clock.now() + timedelta(hours=offering.min_notice_hours)
    ordered = []
    for slot_id in slot_ids:
        slot = found.get(slot_id)
        if slot is None:
            raise NotFound
        if slot.status != "open" or slot.starts_at <= bookable_from:
            raise SlotClosed
        if slot.seats_left <= 0:
            raise SlotFull
        ordered.append(slot)
    ordered.sort(key=lambda slot: (slot.starts_at, slot.id))
    return [
        QuotedUnit(index, slot.id, slot.starts_at, slot.ends_at, _price(offering.prices, clock.day_of(slot.starts_at)))
        for index, slot in enumerate(ordered)
    ]


def _price(prices: Sequence[Any] | None, on: date) -> int:
    for valid_from, valid_to, price_cents in prices or ():
        if date.fromisoformat(valid_from) <= on and (valid_to is None or on < date.fromisoformat(valid_to)):
            return int(price_cents)
    raise OfferingNotAvailable("The offering has no price on one of these days.")


def _check_eligible(offering: Any, beneficiary: BeneficiaryFacts, units: Sequence[QuotedUnit]) -> None:  # noqa: ANN401
    """Refuse by age on the days of service and by territory; a home visit needs to know where home is."""
    for unit in units:
        years = age(beneficiary, unit.service_on)
        if years is not None and not (offering.min_age or 0) <= years <= (
            offering.max_age if offering.max_age is not None else years
        ):
            raise BeneficiaryNotEligible("The beneficiary's age on a day of service is outside the offering's.")
    if offering.service_area:
        if offering.istat_code is None and offering.mode == "home_visit":
            raise BeneficiaryNotEligible("The beneficiary has no address, and neither has the employee.")
        if offering.istat_code is not None and offering.istat_code not in offering.service_area:
            raise BeneficiaryNotEligible("The beneficiary's municipality is outside the offering's service area.")


class _Examiner:
    """Asks the rules once per (programme, reading, day)."""

    def __init__(self, category: str, beneficiary: BeneficiaryFacts) -> None:
        self.category = category
        self.beneficiary = beneficiary
        self._answers: dict[tuple[frozenset[str] | None, str, date], Decision] = {}

    def answer(self, rule_codes: frozenset[str] | None, reading: str, on: date) -> Decision:
        key = (rule_codes, reading, on)
        if key not in self._answers:
            self._answers[key] = decide(
                Question(
                    category=self.category,
                    beneficiary=self.beneficiary,
                    payment_form="direct",
                    on=on,
                    reading="lenient" if reading == "lenient" else "strict",
                    refuse_unsigned=not settings().sandbox,
                    rule_codes=rule_codes,
                )
            )[0]
        return self._answers[key]

    def of_lot(self, lot: Any, on: date) -> Decision:  # noqa: ANN401 - a row of usable_lots
        return self.answer(frozenset(lot.rule_codes), lot.relatives_reading, on)

    def options(self, lots: Sequence[Any], unit: QuotedUnit) -> dict[UUID, str]:
        """Return which lots may pay the unit, and under which rule code."""
        return {
            lot.id: decision.rule_code
            for lot in lots
            if (lot.categories is None or self.category in lot.categories)
            and (decision := self.of_lot(lot, unit.service_on)).allowed
            and decision.rule_code is not None
        }

    def shown(self, lots: Sequence[Any], unit: QuotedUnit, made: UnitPlan, reading: str) -> Decision:
        """Return the decision that explains the unit's plan: the paying lot's, else the one nearest to a yes."""
        paying = {leg.source_id for leg in made.legs}
        candidates = [self.of_lot(lot, unit.service_on) for lot in lots if lot.id in paying]
        candidates = candidates or [self.of_lot(lot, unit.service_on) for lot in lots]
        candidates = candidates or [self.answer(None, reading, unit.service_on)]
        return next((decision for decision in candidates if decision.allowed), candidates[0])


def _plan_lot(lot: Any) -> PlanLot:  # noqa: ANN401 - a row of usable_lots
    return PlanLot(
        lot.id,
        lot.available_cents,
        lot.valid_from,
        lot.expires_on,
        frozenset(lot.rule_codes),
        lot.validity_basis,
        "entitlement" if lot.kind == "entitlement" else "lot",
    )


def _decision_read(index: int, decision: Decision, language: str) -> DecisionRead:
    return DecisionRead(
        index=index,
        code=decision.code,
        allowed=decision.allowed,
        rule_code=decision.rule_code,
        reason=decision.reason.in_locale("en" if language == "en" else "it"),
        citation=decision.citation,
        valid_on=decision.valid_on,
        status=decision.status,
    )


def _answer(
    offering: Any,  # noqa: ANN401 - a row
    units: Sequence[QuotedUnit],
    plans: Sequence[UnitPlan],
    decisions: list[DecisionRead],
) -> QuoteRead:
    total = sum(unit.price_cents for unit in units)
    credit = sum(made.credit_cents for made in plans)
    return QuoteRead(
        id=ids.new_id(),
        offering_id=offering.id,
        total_cents=total,
        credit_cents=credit,
        own_money_cents=total - credit,
        units=[
            QuoteUnitRead(
                index=unit.index,
                slot_id=unit.slot_id,
                starts_at=unit.starts_at,
                price_cents=unit.price_cents,
                funding=[
                    FundingRead(
                        source=leg.source,
                        source_id=leg.source_id,
                        amount_cents=leg.amount_cents,
                        rule_code=leg.rule_code,
                    )
                    for leg in made.legs
                ],
            )
            for unit, made in zip(units, plans, strict=True)
        ],
        decisions=decisions,
        cancellation_policy=CancellationPolicyRead(
            free_until_hours=offering.free_until_hours,
            late_fee_bps=offering.late_fee_bps,
            no_show_fee_bps=offering.no_show_fee_bps,
        ),
        expires_at=clock.now() + timedelta(minutes=settings().quote_minutes),
    )


async def _store(
    session: AsyncSession,
    user_id: UUID,
    offering: Any,  # noqa: ANN401 - a row
    answer: QuoteRead,
    units: Sequence[QuotedUnit],
) -> None:
    plain = [
        {
            "index": unit.index,
            "slot_id": str(unit.slot_id),
            "starts_at": unit.starts_at.isoformat(),
            "ends_at": unit.ends_at.isoformat(),
            "price_cents": unit.price_cents,
            "funding": [
                {
                    "source": leg.source,
                    "source_id": str(leg.source_id) if leg.source_id else None,
                    "amount_cents": leg.amount_cents,
                    "rule_code": leg.rule_code,
                }
                for leg in read.funding
            ],
        }
        for unit, read in zip(units, answer.units, strict=True)
    ]
    await session.execute(
        queries.INSERT_QUOTE,
        {
            "id": answer.id,
            "user_id": user_id,
            "provider_id": offering.provider_id,
            "offering_id": offering.id,
            "beneficiary_id": offering.beneficiary_id,
            "beneficiary_version": offering.beneficiary_version,
            "total_cents": answer.total_cents,
            "credit_cents": answer.credit_cents,
            "own_money_cents": answer.own_money_cents,
            "units": json.dumps(plain),
            "decisions": json.dumps([decision.model_dump(mode="json") for decision in answer.decisions]),
            "created_at": clock.now(),
            "expires_at": answer.expires_at,
        },
    )
