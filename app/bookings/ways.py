"""What else could be done about a unit that credit does not pay: said with the quote, in both languages. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from uuid import UUID

from app.bookings.examining import Examiner
from app.bookings.queries import QuotedUnit
from app.bookings.schemas import WayCode
from app.credit.queries import UsableLot
from app.rules.beneficiary import Period
from app.rules.decisions import Decision
from app.rules.reasons import AlternativeCode, Text

TEXTS: dict[WayCode, Text] = {
    "book_it_directly": Text("Prenotalo direttamente: il credito lo paga.", "Book it directly: credit pays for it."),
    "claim_it_instead": Text(
        "Pagalo tu e chiedi il rimborso al credito.", "Pay for it yourself and claim it back from credit."
    ),
    "this_lot_would_pay": Text(
        "Un tuo credito basterebbe: chiedi di usarlo.", "Credit of yours would pay for it: ask to use it."
    ),
    "from_date": Text("Dal {on} il credito potrebbe pagarlo.", "From {on} credit could pay for it."),
    "say_cohabitation": Text(
        "Se questa persona abita con te, scrivilo nei suoi dati: allora il credito può pagare.",
        "If this person lives with you, say so in the details: then credit may pay.",
    ),
}
FORMS: dict[AlternativeCode, WayCode] = {
    "pay_directly": "book_it_directly",
    "pay_by_reimbursement": "claim_it_instead",
}


@dataclass(frozen=True)
class Way:
    """One thing to do instead: under which rule, from which lot, from which day on, where that is known."""

    code: WayCode
    text: Text
    rule_code: str | None = None
    lot_id: UUID | None = None
    on: date | None = None


@dataclass(frozen=True)
class Explained(Decision):
    """A decision as a quote keeps it, with what else could be done."""

    ways: tuple[Way, ...] = ()


def explained(decision: Decision, ways: Sequence[Way]) -> Explained:
    return Explained(**{one.name: getattr(decision, one.name) for one in fields(Decision)}, ways=tuple(ways))


def other_forms(decision: Decision) -> Iterator[Way]:
    """Tell in which other form of payment credit may pay what it may not pay in the one that was asked for."""
    if not decision.allowed:
        for other in decision.alternatives:
            if other.code in FORMS:
                code = FORMS[other.code]
                yield Way(code, TEXTS[code], other.rule_code)


def left_of(lots: Sequence[UsableLot], units: Sequence[QuotedUnit]) -> dict[UUID, int]:
    """Return what a plan leaves on each lot."""
    left = {lot.id: lot.available_cents for lot in lots}
    for leg in (leg for unit in units for leg in unit.legs):
        if leg.source_id is not None:
            left[leg.source_id] -= leg.amount_cents
    return left


@dataclass(frozen=True)
class Looking:
    """A person's lots and the rules, looked at for what else could pay."""

    examiner: Examiner
    lots: Sequence[UsableLot]
    today: date

    def ways(self, unit: QuotedUnit, left: Mapping[UUID, int], decision: Decision) -> list[Way]:
        """Return what else could be done about a unit that the plan leaves to own money, the nearest first."""
        if unit.on_credit or not self.lots:
            return []
        payers = self.payers(unit.service_on)
        found = list(other_forms(decision))
        if payers and sum(left[lot.id] for lot, _ in payers) >= unit.price_cents:
            lot, rule_code = next(pair for pair in payers if left[pair[0].id])
            found.append(Way("this_lot_would_pay", TEXTS["this_lot_would_pay"], rule_code, lot.id))
        if not payers:
            found += [*self._said(unit.service_on), *self._later(unit.service_on)]
        return found

    def payers(self, day: date) -> list[tuple[UsableLot, str]]:
        """Return the lots that may pay for a service of a day, with the rule."""
        return [
            (lot, code)
            for lot in self.lots
            if lot.valid_from <= (day if lot.validity_basis == "service_date" else self.today) <= lot.expires_on
            and (code := self.examiner.rule_code(lot, day)) is not None
        ]

    def _said(self, day: date) -> Iterator[Way]:
        """Tell whether saying that they live together would open a lot."""
        asked = self.examiner
        together = replace(asked.beneficiary, cohabitation=(*asked.beneficiary.cohabitation, Period(day, day)))
        if together.relation != "self":
            saying = replace(self, examiner=Examiner(asked.category, together, asked.book))
            for lot, code in saying.payers(day)[:1]:
                yield Way("say_cohabitation", TEXTS["say_cohabitation"], code, lot.id)

    def _later(self, day: date) -> Iterator[Way]:
        """Tell the first later day on which some lot may pay."""
        for later in sorted(one for one in self._turns() if one > day):
            for lot, code in self.payers(later)[:1]:
                said: dict[str, object] = {"on": f"{later:%d/%m/%Y}"}
                yield Way("from_date", TEXTS["from_date"].format(said, said), code, lot.id, later)
                return

    def _turns(self) -> set[date]:
        """Return the days on which an answer may become another: of the facts, of the lots, of the law."""
        facts, book = self.examiner.beneficiary, self.examiner.book
        periods = [*facts.cohabitation, *facts.maintained, *(one.validity for one in facts.certificates)]
        rows = [*book.rules, *book.parameters, *(row for one in book.categories for row in one.covers)]
        ages = {row.integer for row in book.parameters if row.name == "elderly_age"}
        return {
            *(lot.valid_from for lot in self.lots),
            *(period.start for period in periods),
            *(date(year, 1, 1) for year in facts.dependent_years),
            *(row.valid_from for row in rows),
            *(_birthday(facts.birth_date, years) for years in ages if facts.birth_date is not None),
        }


def _birthday(born: date, years: int) -> date:
    """Return the day on which somebody has so many years: born on 29 February, on 1 March in common years."""
    try:
        return born.replace(year=born.year + years)
    except ValueError:
        return date(born.year + years, 3, 1)
