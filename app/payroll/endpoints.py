"""Routes of payroll: a company's months, their closing, its own codes. Nobody but the role payroll."""

from datetime import date
from typing import Annotated

from fastapi import Depends, Path, Query, Response

from app import ids
from app.edge.at import At
from app.errors import AlreadyResolved, Invalid
from app.http.audiences import employee_router, payroll_router
from app.http.files import TEXT
from app.http.pagination import Paging, ordered
from app.http.schemas import Page
from app.ids import EmployeeId
from app.payroll import export, periods, queries
from app.payroll.errors import ContentChanged, PeriodNotBegun, PeriodNotInOrder
from app.payroll.export import MONTH, Line
from app.payroll.periods import Export
from app.payroll.queries import PeriodRow
from app.payroll.schemas import (
    CauseCodeRead,
    MissingCauseCodeRead,
    Month,
    PayrollAccessesRead,
    PayrollAccessRead,
    PayrollCauseCodesRead,
    PayrollCauseCodesWrite,
    PayrollExportRead,
    PayrollLineRead,
    PayrollPeriodClosing,
    PayrollPeriodRead,
)

payroll = payroll_router()
employee = employee_router()
CSV: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/csv": {"schema": TEXT}}, "description": "One row per line"}
}
Period = Annotated[Month, Path(description="A month, such as `2026-11`.")]
OneEmployee = Annotated[EmployeeId | None, Query(description="only the lines of this employment")]
Leavers = Annotated[bool | None, Query(description="true: only lines of those whose last day of work is known")]


@payroll.list("/payroll_exports", "payroll:read", audit="payroll_export.list")
async def payroll_export_list(
    at: At, paging: Annotated[Paging, Depends(ordered("-period", "period"))]
) -> Page[PayrollPeriodRead]:
    """List the months that have lines or are closed, newest first."""
    found = await queries.PERIODS.page(at.session, paging.window, company_id=at.tenant)
    return paging.page(found, _period_read)


@payroll.read(
    "/payroll_exports/{period}.csv",
    "payroll:read",
    audit="payroll_export.download",
    responses=CSV,
    response_class=Response,
)
async def payroll_export_csv(
    at: At, period: Period, employee_id: OneEmployee = None, has_left: Leavers = None
) -> Response:
    """Download a month's lines as CSV, amounts in cents."""
    found = await periods.export_of(at.session, at.tenant, _month(period))
    lines = _chosen(at, found, employee_id, has_left=has_left)
    headers = {"Content-Disposition": f'attachment; filename="payroll-{period}.csv"'}
    return Response(export.to_csv(found.period, lines), 200, headers, "text/csv; charset=utf-8")


@payroll.read("/payroll_exports/{period}", "payroll:read", audit="payroll_export.read")
async def payroll_export_get(
    at: At, period: Period, employee_id: OneEmployee = None, has_left: Leavers = None
) -> PayrollExportRead:
    """Read what payslips need of a month: an open one as it stands now, so that who leaves can be paid at once."""
    found = await periods.export_of(at.session, at.tenant, _month(period))
    return _export_read(found, _chosen(at, found, employee_id, has_left=has_left))


@payroll.command(
    "/payroll_exports/{period}/close",
    "payroll:write",
    errors=[AlreadyResolved, ContentChanged, PeriodNotInOrder, PeriodNotBegun],
    audit="payroll_export.close",
    step_up="role",
)
async def payroll_export_close(at: At, period: Period, body: PayrollPeriodClosing) -> PayrollExportRead:
    """Close a month for ever, with the content you saw; what comes later for it is a line of the next open month."""
    await periods.close(at.session, at.tenant, _month(period), at.actor.user_id, body.content_sha256)
    return await payroll_export_get(at, period)


@payroll.read("/payroll_cause_codes", "payroll:read")
async def payroll_cause_code_list(at: At) -> PayrollCauseCodesRead:
    """Show what the company's payroll program calls each kind of line."""
    found = await queries.cause_codes(at.session, at.tenant)
    return PayrollCauseCodesRead(cause_codes=[CauseCodeRead.model_validate(one) for one in found])


@payroll.command("/payroll_cause_codes", "payroll:write", keyed=False, method="PUT", audit="payroll_cause_codes.write")
async def payroll_cause_code_write(at: At, body: PayrollCauseCodesWrite) -> PayrollCauseCodesRead:
    """Say what the company's payroll program calls each kind of line: all codes, in place of those before."""
    seen = set()
    for index, one in enumerate(body.cause_codes):
        if (one.kind, one.rule_code) in seen:
            raise Invalid(f"/cause_codes/{index}", "duplicate", "each value may be given once")
        seen.add((one.kind, one.rule_code))
    rows = [{"id": ids.new_id(), **one.model_dump()} for one in body.cause_codes]
    await queries.replace_cause_codes(at.session, at.tenant, rows)
    return await payroll_cause_code_list(at)


@employee.read("/payroll_access", "person")
async def payroll_access_get(at: At) -> PayrollAccessesRead:
    """Tell of each employer whether one person there is both human resources and payroll, since when and why."""
    found = await queries.access(at.session, at.actor.user_id)
    return PayrollAccessesRead(employers=[PayrollAccessRead.model_validate(one) for one in found])


def _month(period: str) -> date:
    return date.fromisoformat(f"{period}-01")


def _chosen(at: At, found: Export, employee_id: EmployeeId | None, *, has_left: bool | None) -> list[Line]:
    """Return the lines that were asked for, and let the audit entry name whose they are."""
    lines = [
        line
        for line in found.lines
        if employee_id in {None, line.employee_id} and has_left in {None, line.ended_on is not None}
    ]
    at.showing(dict.fromkeys(line.employee_id for line in lines))
    return lines


def _period_read(row: PeriodRow) -> PayrollPeriodRead:
    return PayrollPeriodRead(
        period=row.period.strftime(MONTH),
        status="open" if row.content_sha256 is None else "closed",
        amount_cents=row.amount_cents,
        taxable_cents=row.taxable_cents,
        content_sha256=row.content_sha256,
        closed_at=row.closed_at,
    )


def _export_read(found: Export, lines: list[Line]) -> PayrollExportRead:
    return PayrollExportRead(
        period=found.period.strftime(MONTH),
        status="open" if found.closed_at is None else "closed",
        content_sha256=found.sha256,
        amount_cents=found.amount_cents,
        taxable_cents=found.taxable_cents,
        closed_at=found.closed_at,
        missing_cause_codes=[
            MissingCauseCodeRead(kind=kind, rule_code=rule_code) for kind, rule_code in export.missing(found.lines)
        ],
        lines=[PayrollLineRead.model_validate(line) for line in lines],
    )
