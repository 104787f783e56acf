"""Sweeps of fringe benefits: once a tax year is over its limit is settled; payroll is told what is taxable."""

from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.beneficiaries import queries as beneficiaries
from app.fringe import queries
from app.fringe.decisions import limit_of
from app.jobs import Sweep
from app.payroll import actions as payroll
from app.payroll.actions import NewLine
from app.rules.book import book_in_force

BATCH = 500


async def settling_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The midnight at which the earliest year ended that was not tested."""
    year = await queries.UNTESTED_SINCE.one(session, this_year=clock.day_of(now).year)
    return None if year is None else _end_of(year)


async def settle_years(session: AsyncSession, upto: datetime) -> int:
    """Settle the limit of years that are over by the children who depended on the person then; return how many.

    A child's income is known at the end: who no longer depends on 31 December did not depend in that year.
    """
    years = await queries.UNTESTED.all(session, before=clock.day_of(upto).year, limit=BATCH)
    people = [year.user_id for year in years if year.user_id is not None]
    with_children = await beneficiaries.years_with_children(session, people)
    book = book_in_force()
    limits = [
        limit_of(
            book,
            year.tax_year,
            with_children=year.user_id is not None and year.tax_year in with_children[year.user_id],
        )
        for year in years
    ]
    await queries.TEST.run(
        session,
        companies=[year.company_id for year in years],
        employees=[year.employee_id for year in years],
        years=[year.tax_year for year in years],
        limits=[limit.cents for limit in limits],
        with_children=[limit.with_children for limit in limits],
        tested_at=[_end_of(year.tax_year) for year in years],
    )
    return len(years)


async def report_due(session: AsyncSession, now: datetime) -> datetime | None:
    """Return now where payroll does not know yet what of a year is taxable."""
    return now if await queries.UNREPORTED.all(session, limit=1) else None


async def report(session: AsyncSession, upto: datetime) -> int:
    """Tell payroll of each year by how much its taxable sum differs from what it was told; return how many years."""
    years = await queries.UNREPORTED.all(session, limit=BATCH)
    lines = [
        NewLine(
            company_id=year.company_id,
            employee_id=year.payslip_id,
            tax_year=year.tax_year,
            kind="fringe",
            rule_code="C3_FRINGE",
            amount_cents=year.taxable_cents - year.reported_cents,
            taxable_cents=year.taxable_cents - year.reported_cents,
            event_on=min(clock.day_of(upto), date(year.tax_year, 12, 31)),
        )
        for year in years
    ]
    await payroll.record(session, lines)
    await queries.REPORTED.run(
        session,
        companies=[year.company_id for year in years],
        employees=[year.employee_id for year in years],
        years=[year.tax_year for year in years],
        taxable=[year.taxable_cents for year in years],
    )
    return len(years)


def _end_of(tax_year: int) -> datetime:
    return clock.end_of(date(tax_year, 12, 31))


SWEEPS = (
    Sweep("fringe.settle_years", settling_due, settle_years),
    Sweep("fringe.report", report_due, report),
)
