"""What a collective agreement owes to whom, for a year: pure decisions over its dated rows and a person's employment.

The credit is never in proportion to part-time work, so no working hours are asked for. Months of a fixed term are those
of the contract within the calendar year, every spell of the same person together. Who works through an agency is
employed by that agency, which owes the credit.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from app.actor import Locale
from app.grants.models import DueCode
from app.grants.queries import AgreementFacts
from app.rules.book import RuleBook
from app.rules.rows import Agreement

REASONS: dict[DueCode, dict[Locale, str]] = {
    "due": {"en": "the agreement's conditions are met", "it": "le condizioni del contratto sono soddisfatte"},
    "granted": {"en": "this person has this year's credit", "it": "questa persona ha già il credito di quest'anno"},
    "other_agreement": {"en": "another agreement applies to this person", "it": "vale un altro contratto collettivo"},
    "not_employed_then": {
        "en": "not employed here in the period that counts",
        "it": "nel periodo che conta non lavora qui",
    },
    "employment_ended": {"en": "this employment has ended", "it": "questo rapporto di lavoro è finito"},
    "agency": {"en": "employed by an agency, which owes the credit", "it": "in somministrazione: lo deve l'agenzia"},
    "fixed_term_too_short": {
        "en": "a fixed term with too few months in the calendar year",
        "it": "un contratto a termine con troppo pochi mesi nell'anno civile",
    },
    "unpaid_leave": {
        "en": "on unpaid leave during the whole period that counts",
        "it": "in aspettativa non retribuita per tutto il periodo che conta",
    },
    "not_hired_yet": {"en": "the employment has not begun yet", "it": "il rapporto di lavoro non è ancora cominciato"},
    "in_probation": {"en": "in probation: due when it ends", "it": "in prova: spetta quando la prova finisce"},
}
NATIONAL_CODES = {"C011": "metalworkers", "C018": "confapi"}
"""The codes under which payroll programs know these agreements (CNEL)."""


@dataclass(frozen=True, slots=True)
class YearsCredit:
    """An agreement's credit of one year: the row of law that holds for it."""

    row: Agreement
    year: int

    @property
    def available_by(self) -> date:
        """By when it is to be given to whoever is due it then."""
        return self.row.available_on(self.year)

    @property
    def usable_until(self) -> date:
        """The last day on which the agreement lets it be used."""
        return self.row.usable_to(self.year)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """Whether and from when and by when one person is due the credit, and why."""

    code: DueCode
    amount_cents: int = 0
    due_from: date | None = None
    due_by: date | None = None


def years_credit(book: RuleBook, code: str, year: int) -> YearsCredit | None:
    """Return an agreement's credit of a year; None where there is none."""
    row = book.agreement(code, date(year, 1, 1))
    return None if row is None else YearsCredit(row, year)


def entitlement(credit: YearsCredit, facts: AgreementFacts, on: date) -> Entitlement:
    """Decide for one person, as known on a day."""
    if facts.granted_cents:
        return Entitlement("granted", facts.granted_cents)
    for code in _never(credit, facts, on):
        return Entitlement(code)
    ripe = facts.hired_on
    probation = facts.probation_ends_on if credit.row.probation_excluded else None
    if probation is not None:
        ripe = max(ripe, probation + timedelta(days=1))
    by = max(credit.available_by, ripe)
    if ripe <= on:
        return Entitlement("due", credit.row.amount_cents, ripe, by)
    return Entitlement("not_hired_yet" if facts.hired_on > on else "in_probation", 0, ripe, by)


def _never(credit: YearsCredit, facts: AgreementFacts, on: date) -> Iterator[DueCode]:
    """Yield what excludes a person from the year's credit, as things stand."""
    row, window, ended_on = credit.row, credit.row.window(credit.year), facts.ended_on
    last = window.end or date(credit.year, 12, 31)
    own = NATIONAL_CODES.get(facts.agreement_code or "", facts.agreement_code)
    if own != row.code and own in NATIONAL_CODES.values():
        yield "other_agreement"
    if ended_on is not None and ended_on < on:
        yield "employment_ended"
    if facts.hired_on > last or (ended_on is not None and ended_on < window.start):
        yield "not_employed_then"
    if facts.contract == "agency":
        yield "agency"
    months = months_within(facts, date(credit.year, 1, 1), date(credit.year, 12, 31))
    if facts.contract == "fixed_term" and months < row.fixed_term_min_months:
        yield "fixed_term_too_short"
    if row.unpaid_leave_excluded and _covered(facts, window.start, last):
        yield "unpaid_leave"


def months_within(facts: AgreementFacts, first: date, last: date) -> int:
    """Return a person's months of employment within a period; where spells leave days over, 30 of these are a month."""
    months, over = 0, []
    for start, end in zip(facts.spell_starts, facts.spell_ends, strict=True):
        begins, after = max(start, first), min(end, last) + timedelta(days=1)
        whole = 0
        while begins < after and months_later(begins, whole + 1) <= after:
            whole += 1
        months += whole
        over.append(max(0, (after - months_later(begins, whole)).days))
    return months + (sum(over) // 30 if len([days for days in over if days]) > 1 else 0)


def months_later(day: date, months: int) -> date:
    """Return the same day so many months on, or the first after a month that lacks it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        return months_later(date(day.year, day.month, 1), months + 1)


def _covered(facts: AgreementFacts, first: date, last: date) -> bool:
    """Tell whether unpaid leave leaves no day of a period free, also where several periods join."""
    free = first
    for leave in sorted(facts.unpaid_leave, key=lambda leave: leave.start):
        if leave.start <= free:
            free = max(free, leave.end + timedelta(days=1))
    return free > last
