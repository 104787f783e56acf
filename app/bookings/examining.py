"""What the rules of law say to a unit and the lots of its person. Pure: the book and the facts are handed in."""

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import cache
from uuid import UUID

from app.bookings.fringe_room import FRINGE
from app.bookings.queries import LegState, QuotedUnit
from app.config import settings
from app.credit.queries import LotTerms, UsableLot
from app.rules.beneficiary import BeneficiaryFacts
from app.rules.book import RuleBook, book_in_force
from app.rules.decisions import Decision, Question, decide

AnyLot = LotTerms | UsableLot


@cache
def rules_digest() -> str:
    """Return what tells the rules in force from any others: read once, as they are."""
    return hashlib.sha256(repr(book_in_force()).encode()).hexdigest()


class Examiner:
    """Asks the rules once per (programme, reading, day)."""

    def __init__(self, category: str, beneficiary: BeneficiaryFacts, book: RuleBook) -> None:
        self.category = category
        self.beneficiary = beneficiary
        self.book = book
        self._answers: dict[tuple[frozenset[str] | None, str, date, bool], Decision] = {}

    def answer(self, rule_codes: frozenset[str] | None, reading: str, on: date, *, fringe: bool = False) -> Decision:
        key = (rule_codes, reading, on, fringe)
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
                    allow_fringe=fringe,
                ),
                self.book,
            )[0]
        return self._answers[key]

    def of_lot(self, lot: AnyLot, on: date, *, fringe: bool = False) -> Decision:
        return self.answer(frozenset(lot.rule_codes), lot.relatives_reading, on, fringe=fringe)

    def answers(self, lots: Sequence[UsableLot], unit: QuotedUnit) -> list[Decision]:
        """Return what the law says to each lot that its programme opens to this care."""
        open_lots = (lot for lot in lots if lot.categories is None or self.category in lot.categories)
        return [self.of_lot(lot, unit.service_on) for lot in open_lots]

    def rule_code(self, lot: AnyLot, on: date, *, fringe: bool = False) -> str | None:
        """Return the rule under which a lot may pay on a day, None where it may not; with `fringe` C3 too."""
        if lot.categories is not None and self.category not in lot.categories:
            return None
        decision = self.of_lot(lot, on, fringe=fringe)
        return decision.rule_code if decision.allowed else None

    def options(self, lots: Sequence[UsableLot], unit: QuotedUnit, *, fringe: bool = False) -> dict[UUID, str]:
        """Return which lots may pay the unit, and under which rule code; with `fringe` under C3 too."""
        on = unit.service_on
        return {lot.id: code for lot in lots if (code := self.rule_code(lot, on, fringe=fringe)) is not None}

    def still(self, lots: dict[UUID, LotTerms], legs: Sequence[LegState], on: date) -> dict[UUID, str] | None:
        """Return under which rule each leg on credit pays (by leg), None where some lot may not pay any more."""
        codes = {
            leg.id: self.rule_code(lots[leg.lot_id], on, fringe=leg.rule_code == FRINGE)
            for leg in legs
            if leg.lot_id is not None
        }
        allowed = {leg_id: code for leg_id, code in codes.items() if code is not None}
        return allowed if len(allowed) == len(codes) else None

    def shown(self, lots: Sequence[UsableLot], unit: QuotedUnit, reading: str) -> Decision:
        """Return the decision that explains the unit's plan: the paying lot's, else the one nearest to a yes."""
        paying = {leg.source_id: leg.rule_code == FRINGE for leg in unit.legs}
        candidates = [self.of_lot(lot, unit.service_on, fringe=paying[lot.id]) for lot in lots if lot.id in paying]
        candidates = candidates or [self.of_lot(lot, unit.service_on) for lot in lots]
        candidates = candidates or [self.answer(None, reading, unit.service_on)]
        return min(candidates, key=lambda decision: (not decision.allowed, decision.code != "fringe_needs_consent"))
