"""What a company reads of its own acts: statements, reports and files; never what anybody uses or has left."""

from typing import Annotated

from fastapi import Query, Response

from app import clock
from app.clock import Day
from app.edge.at import At
from app.employees.queries import employee
from app.errors import Invalid
from app.grants import grants, reports
from app.grants.report_schemas import (
    AccountStatementRead,
    LeaversProgrammeRead,
    LeavingPreviewRead,
    ProgrammeGivenRead,
    ProgrammeReportRead,
    StatementEntryRead,
)
from app.grants.schemas import ENTRY_PREFIXES
from app.http.audiences import company_router
from app.http.files import LayoutOf, csv_answer, described_csv
from app.http.filters import DaysDep
from app.ids import EmployeeId, GrantId, ProgrammeId, encode

company = company_router()

Year = Annotated[
    int | None, Query(ge=clock.FIRST_YEAR, le=clock.LAST_YEAR, description="calendar year; this one unless given")
]


@company.read("/account/statement", "account:read")
async def account_statement_get(at: At, days: DaysDep) -> AccountStatementRead:
    """Show every movement of the account in a period, a year at most: unless said, this year until today."""
    found = await reports.statement_of(at.session, at.tenant, days.first, days.last)
    entries = [
        StatementEntryRead(
            id=encode(ENTRY_PREFIXES[entry.kind], entry.id),
            kind=entry.kind,
            reference=entry.reference,
            amount_cents=entry.amount_cents,
            happened_at=entry.happened_at,
        )
        for entry in found.entries
    ]
    return AccountStatementRead(
        date_from=found.date_from,
        date_to=found.date_to,
        opening_cents=found.opening_cents,
        closing_cents=found.closing_cents,
        entries=entries,
    )


@company.read(
    "/account/statement.csv",
    "account:read",
    response_class=Response,
    responses=described_csv("Every movement of the period, with the balance after it"),
)
async def account_statement_export(at: At, days: DaysDep, layout: LayoutOf = "csv") -> Response:
    """Download the account's movements of a period, sums in euro."""
    found = await reports.statement_of(at.session, at.tenant, days.first, days.last)
    return csv_answer(f"account-{found.date_from}-{found.date_to}", reports.statement_csv(found, layout))


@company.read("/reports/programmes", "programmes:read")
async def programme_report_get(at: At, year: Year = None) -> ProgrammeReportRead:
    """Report what each programme gave in a year, to how many people, and until when it can be spent."""
    year = year or clock.today().year
    given, people = await reports.given_in(at.session, at.tenant, year)
    programmes = [
        ProgrammeGivenRead(
            programme_id=one.id,
            programme_name=one.name,
            source=one.source,
            employee_category=one.employee_category,
            lot_expires_on=one.lot_expires_on,
            archived_at=one.archived_at,
            granted_cents=one.granted_cents,
            grant_count=one.grant_count,
            employee_count=one.employee_count,
        )
        for one in given
    ]
    granted = sum(one.granted_cents for one in given)
    return ProgrammeReportRead(year=year, granted_cents=granted, employee_count=people, programmes=programmes)


@company.read(
    "/reports/programmes.csv",
    "programmes:read",
    response_class=Response,
    responses=described_csv("What each programme gave in the year"),
)
async def programme_report_export(at: At, year: Year = None, layout: LayoutOf = "csv") -> Response:
    """Download what each programme gave in a year, sums in euro."""
    year = year or clock.today().year
    given, _ = await reports.given_in(at.session, at.tenant, year)
    return csv_answer(f"programmes-{year}", reports.given_csv(given, layout))


@company.read("/employees/{employee_id}/leaving_preview", "employees:read", audit="employee.read")
async def employee_leaving_preview(
    at: At,
    employee_id: EmployeeId,
    ended_on: Annotated[Day | None, Query(description="the last day of work; today unless given")] = None,
) -> LeavingPreviewRead:
    """Tell, before it is saved, what a last day of work would do to somebody's credit: by programmes, no sums."""
    today = clock.today()
    ended_on = ended_on or today
    if ended_on < (await employee(at.session, at.tenant, employee_id)).hired_on:
        raise Invalid("/query/ended_on", "before_hiring", "must not be before hired_on")
    programmes = [
        LeaversProgrammeRead(
            programme_id=one.id,
            programme_name=one.name,
            leavers_rule=one.leavers_rule,
            usable_until=one.usable_until(ended_on, today),
            unused_to=one.unused_to(ended_on, today),
        )
        for one in await reports.leavers_programmes(at.session, at.tenant, employee_id)
    ]
    return LeavingPreviewRead(ended_on=ended_on, programmes=programmes)


@company.read(
    "/programmes/{programme_id}/grant_template.csv",
    "grants:read",
    audit="programme.download",
    response_class=Response,
    responses=described_csv("Whom a grant of the programme could name, without sums"),
)
async def grant_template(at: At, programme_id: ProgrammeId, layout: LayoutOf = "csv") -> Response:
    """Download who works in a programme's category today; with sums filled in it is a grant's file."""
    return csv_answer("grant", await reports.template_csv(at.session, at.tenant, programme_id, layout))


@company.read(
    "/grants/{grant_id}/lines.csv",
    "grants:read",
    audit="grant.download",
    response_class=Response,
    responses=described_csv("Who gets how much"),
)
async def grant_line_export(at: At, grant_id: GrantId, layout: LayoutOf = "csv") -> Response:
    """Download who gets how much from a grant, sums in euro; the file can be the next grant's."""
    await grants.grant_of(at.session, at.tenant, grant_id)
    return csv_answer("grant", await reports.lines_csv(at.session, at.tenant, grant_id, layout))
