"""Rows of fringe benefits: of a person, of a company's payroll, and those that wait for a sweep."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import NOTHING, WORKER, Query
from app.listing import ListQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class Year:
    """What a person has had from an employer in a tax year, as it is stored; `employee_id` is one of her contracts.

    `holder_id` is the first of them, which stands for all.
    """

    company_id: UUID
    company_name: str
    employee_id: UUID
    holder_id: UUID
    tax_year: int
    limit_cents: int | None
    with_children: bool
    held_cents: int
    used_cents: int
    external_cents: int
    tested_at: datetime | None


@dataclass(frozen=True, slots=True)
class BenefitRow:
    """What payroll posted, and about whom."""

    id: UUID
    employee_id: UUID
    external_id: str | None
    given_name: str
    family_name: str
    tax_year: int
    amount_cents: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class UntestedYear:
    """A year that is over and whose limit is not settled, with the login of the person, where she has one."""

    company_id: UUID
    employee_id: UUID
    tax_year: int
    user_id: UUID | None


@dataclass(frozen=True, slots=True)
class UnreportedYear:
    """A year of which payroll was told another taxable sum than it has; `payslip_id` is the latest employment."""

    company_id: UUID
    employee_id: UUID
    payslip_id: UUID
    tax_year: int
    taxable_cents: int
    reported_cents: int


@dataclass(frozen=True, slots=True)
class Posted:
    """Whom payroll posts something about."""

    id: UUID
    external_id: str | None
    given_name: str
    family_name: str


PERSON_YEARS = Query(Year, "fringe.person_years")
OPEN_YEAR = Query(NOTHING, "fringe.open_year")
BENEFITS = ListQuery(BenefitRow, "fringe.benefits", {"created_at": "id uuid"})
UNTESTED_SINCE: Query[int | None] = Query(int, "fringe.untested_since", roles=(WORKER,))
UNTESTED = Query(UntestedYear, "fringe.untested", roles=(WORKER,))
TEST = Query(NOTHING, "fringe.test", roles=(WORKER,))
UNREPORTED = Query(UnreportedYear, "fringe.unreported", roles=(WORKER,))
REPORTED = Query(NOTHING, "fringe.reported", roles=(WORKER,))
EMPLOYEE = Query(Posted, "fringe.employee")


async def person_years(session: AsyncSession, user_id: UUID, years: Collection[int], *, every: bool) -> list[Year]:
    """Return these tax years of each employment of a person; with `every` also all in which she had anything."""
    return await PERSON_YEARS.all(session, user_id=user_id, years=sorted(years), every=every)
