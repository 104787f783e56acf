"""What a company reads of its own acts over a period: account, programmes; what leaving does by programmes' rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.credit.models import ExpiredCreditTo, LeaversRule, ProgrammeSource
from app.db import HR, Query
from app.errors import Invalid, NotFound
from app.files.csv import Cell, Euro, Layout, write
from app.grants.models import EntryKind
from app.grants.queries import PROGRAMME_TO_GRANT
from app.grants.report_schemas import LONGEST_DAYS

BACKDATED_DAYS = 31
"""Leaving counts for at most so many days before it is noted, as the view `lot_life` says."""


@dataclass(frozen=True, slots=True)
class StatementEntry:
    """A movement on a company's account with what the company knows it by."""

    id: UUID
    kind: EntryKind
    reference: str | None
    amount_cents: int
    happened_at: datetime


@dataclass(frozen=True)
class Statement:
    """A company's account over a period."""

    date_from: date
    date_to: date
    opening_cents: int
    entries: Sequence[StatementEntry]

    @property
    def closing_cents(self) -> int:
        """What was there when the period was over."""
        return self.opening_cents + sum(entry.amount_cents for entry in self.entries)


@dataclass(frozen=True, slots=True)
class ProgrammeGiven:
    """What a programme gave in a period, to how many."""

    id: UUID
    name: str
    source: ProgrammeSource
    employee_category: str
    lot_expires_on: date
    archived_at: datetime | None
    granted_cents: int
    grant_count: int
    employee_count: int


@dataclass(frozen=True, slots=True)
class LeaversProgramme:
    """What a programme that gave somebody credit says of its end."""

    id: UUID
    name: str
    leavers_rule: LeaversRule
    expired_credit_to: ExpiredCreditTo
    lot_expires_on: date

    def usable_until(self, ended_on: date, today: date) -> date:
        """Return the last day of its credit if the employment's end is noted today."""
        if self.leavers_rule == "keep_until_expiry":
            return self.lot_expires_on
        return min(self.lot_expires_on, max(ended_on, today - timedelta(days=BACKDATED_DAYS)))

    def unused_to(self, ended_on: date, today: date) -> ExpiredCreditTo:
        """Return where goes what is unused by then: what leaving ends returns to the company."""
        return "company" if self.usable_until(ended_on, today) < self.lot_expires_on else self.expired_credit_to


@dataclass(frozen=True, slots=True)
class NamedLine:
    """Somebody in a list of sums; none as long as it is to be filled in."""

    employee_id: UUID
    external_id: str | None
    given_name: str
    family_name: str
    amount_cents: int | None


BALANCE_BEFORE = Query(int, "grants.balance_before", roles=(HR,))
STATEMENT = Query(StatementEntry, "grants.statement", roles=(HR,))
PROGRAMMES_GIVEN = Query(ProgrammeGiven, "grants.programmes_given", roles=(HR,))
PEOPLE_GIVEN = Query(int, "grants.people_given", roles=(HR,))
PROGRAMMES_OF_EMPLOYEE = Query(LeaversProgramme, "grants.programmes_of_employee", roles=(HR,))
ALL_LINES = Query(NamedLine, "grants.all_lines", roles=(HR,))
LINES_TO_FILL = Query(NamedLine, "grants.lines_to_fill", roles=(HR,))


async def statement_of(session: AsyncSession, company_id: UUID, first: date | None, last: date | None) -> Statement:
    """Return a company's account over at most a year: this one to today unless said, or the rest of the one given."""
    last = last or (clock.today() if first is None else first.replace(month=12, day=31))
    first = first or last.replace(month=1, day=1)
    if (last - first).days >= LONGEST_DAYS:
        raise Invalid("/query/date_to", "period_too_long", "a statement covers a year at most")
    start = clock.midnight(first)
    opening = await BALANCE_BEFORE.one(session, company_id=company_id, at=start)
    entries = await STATEMENT.all(session, company_id=company_id, first=start, before=clock.end_of(last))
    return Statement(first, last, opening, entries)


def statement_csv(statement: Statement, layout: Layout) -> str:
    """Write a statement with the balance after each movement, between its first and its last."""
    sums = accumulate((entry.amount_cents for entry in statement.entries), initial=statement.opening_cents)
    balances = list(sums)
    rows: list[Sequence[Cell]] = [(statement.date_from, "opening", None, None, Euro(balances[0]))]
    rows += [
        (clock.day_of(entry.happened_at), entry.kind, entry.reference, Euro(entry.amount_cents), Euro(balance))
        for entry, balance in zip(statement.entries, balances[1:], strict=True)
    ]
    rows.append((statement.date_to, "closing", None, None, Euro(balances[-1])))
    return write(("date", "kind", "reference", "amount", "balance"), rows, layout)


async def given_in(session: AsyncSession, company_id: UUID, year: int) -> tuple[list[ProgrammeGiven], int]:
    """Return what each programme gave in a year, and to how many people all of them together."""
    start = clock.midnight(date(year, 1, 1))
    before = clock.midnight(date(year + 1, 1, 1))
    given = await PROGRAMMES_GIVEN.all(
        session, company_id=company_id, first=start, before=before, first_day=date(year, 1, 1)
    )
    return given, await PEOPLE_GIVEN.one(session, company_id=company_id, first=start, before=before)


def given_csv(programmes: Sequence[ProgrammeGiven], layout: Layout) -> str:
    """Write what each programme gave in a year."""
    header = ("programme", "source", "category", "last_day", "granted", "grants", "people")
    rows = [
        (one.name, one.source, one.employee_category, one.lot_expires_on, Euro(one.granted_cents), one.grant_count,
         one.employee_count)
        for one in programmes
    ]  # fmt: skip
    return write(header, rows, layout)


async def leavers_programmes(session: AsyncSession, company_id: UUID, employee_id: UUID) -> list[LeaversProgramme]:
    """Return the programmes that gave somebody credit whose days are not over."""
    return await PROGRAMMES_OF_EMPLOYEE.all(
        session, company_id=company_id, employee_id=employee_id, today=clock.today()
    )


async def lines_csv(session: AsyncSession, company_id: UUID, grant_id: UUID, layout: Layout) -> str:
    """Write a grant's lines as a grant reads them."""
    return _lines_csv(await ALL_LINES.all(session, company_id=company_id, grant_id=grant_id), layout)


async def template_csv(session: AsyncSession, company_id: UUID, programme_id: UUID, layout: Layout) -> str:
    """Write whom a grant of the programme could name today, without sums."""
    programme = await PROGRAMME_TO_GRANT.maybe(session, company_id=company_id, id=programme_id)
    if programme is None:
        raise NotFound
    rows = await LINES_TO_FILL.all(
        session, company_id=company_id, category=programme.employee_category, today=clock.today()
    )
    return _lines_csv(rows, layout)


def _lines_csv(lines: Sequence[NamedLine], layout: Layout) -> str:
    header = ("employee_id", "external_id", "family_name", "given_name", "amount")
    rows = [
        (ids.encode("emp", line.employee_id), line.external_id, line.family_name, line.given_name,
         None if line.amount_cents is None else Euro(line.amount_cents))
        for line in lines
    ]  # fmt: skip
    return write(header, rows, layout)
