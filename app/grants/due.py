"""Who is due a collective agreement's credit, computed anew each time from what the company knows of its people."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.grants import queries
from app.grants.agreements import REASONS, Entitlement, YearsCredit, entitlement, years_credit
from app.grants.due_schemas import NotDueRead
from app.grants.queries import AgreementFacts, DeadlineRow
from app.rules.book import book_in_force

NEAR_DAYS = 60
Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """A person with what the agreement owes her."""

    facts: AgreementFacts
    found: Entitlement


@dataclass(frozen=True, slots=True)
class Deadline:
    """A day by which an agreement wants credit given, and what is still missing."""

    row: DeadlineRow
    people: int
    missing_cents: int


async def judge(
    session: AsyncSession,
    company_id: UUID,
    credit: YearsCredit,
    category: str,
    employee_ids: Sequence[UUID] | None = None,
    *,
    on: date | None = None,
) -> list[Judged]:
    """Decide for those named, else for everybody of the category; of one person's employments one is due at most."""
    found = await queries.AGREEMENT_FACTS.all(
        session,
        company_id=company_id,
        code=credit.row.code,
        year=credit.year,
        category=category,
        ids=None if employee_ids is None else list(employee_ids),
    )
    judged: list[Judged] = []
    due: set[bytes] = set()
    for facts in found:
        decided = entitlement(credit, facts, on or clock.today())
        if decided.code == "due":
            decided = Entitlement("granted") if facts.person in due else decided
            due.add(facts.person)
        judged.append(Judged(facts, decided))
    return judged


def credit_of(code: str | None, year: int | None) -> YearsCredit | None:
    """Return the agreement's credit that a programme gives; None where it is of no agreement."""
    return None if code is None or year is None else years_credit(book_in_force(), code, year)


def problems(
    credit: YearsCredit, judged: Sequence[Judged], lines: Sequence[tuple[UUID, int]], where: Sequence[str]
) -> list[Problem]:
    """Say which lines the agreement does not owe, or owes more."""
    found = {one.facts.id: one.found for one in judged}
    wrong: list[Problem] = []
    for pointer, (employee_id, amount_cents) in zip(where, lines, strict=True):
        code = found[employee_id].code
        if code != "due":
            wrong.append((f"{pointer}/employee_id", code, REASONS[code]["en"]))
        elif amount_cents < credit.row.amount_cents:
            wrong.append((f"{pointer}/amount_cents", "below_agreement", "the agreement gives more to each"))
    return wrong


async def deadlines(session: AsyncSession, company_id: UUID) -> list[Deadline]:
    """Return the deadlines of the year gone by and of the next 60 days for which somebody still lacks the credit."""
    today = clock.today()
    rows = await queries.DEADLINES.all(
        session,
        company_id=company_id,
        from_day=date.fromordinal(today.toordinal() - 365),
        to_day=date.fromordinal(today.toordinal() + NEAR_DAYS),
    )
    found = [await missing(session, row) for row in rows]
    return [deadline for deadline in found if deadline.people]


async def missing(session: AsyncSession, row: DeadlineRow) -> Deadline:
    """Count who is due a programme's credit and has not got it."""
    credit = credit_of(row.agreement_code, row.agreement_year)
    judged = [] if credit is None else await judge(session, row.company_id, credit, row.employee_category)
    due = [one.found for one in judged if one.found.code == "due"]
    return Deadline(row, len(due), sum(found.amount_cents for found in due))


def counts(judged: Sequence[Judged], on: date) -> dict[str, int]:
    """Count who is due, late, served and not due, and what is missing, as known on a day."""
    due = [one.found for one in judged if one.found.code == "due"]
    granted = sum(one.found.code == "granted" for one in judged)
    return {
        "due_count": len(due),
        "missing_cents": sum(found.amount_cents for found in due),
        "overdue_count": sum(found.due_by is not None and found.due_by < on for found in due),
        "granted_count": granted,
        "not_due_count": len(judged) - len(due) - granted,
    }


def left_out(one: Judged, language: Locale) -> NotDueRead:
    """Show whom an agreement leaves out, and why, in the caller's language."""
    facts, found = one.facts, one.found
    return NotDueRead(
        employee_id=facts.id,
        external_id=facts.external_id,
        given_name=facts.given_name,
        family_name=facts.family_name,
        code=found.code,
        reason=REASONS[found.code][language],
        due_from=found.due_from,
    )
