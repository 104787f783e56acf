"""What payslips need: a company's months for payroll alone; who is told what of oneself, for whoever works there."""

from datetime import date
from typing import get_args

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.at import At
from app.http import audiences
from app.payroll import endpoints as payroll
from app.payroll.endpoints import Period
from app.payroll.models import PayrollKind
from app.payroll.schemas import PayrollCauseCodesWrite, PayrollPeriodClosing
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.pages.shown import company_page
from app.portal.route import pages, to
from app.rules.rows import RuleCode

company = pages(audiences.payroll_router())
person = pages(audiences.employee_router())
EXPORTS = "/companies/{company_id}/payroll_exports"
CODES = "/companies/{company_id}/payroll_cause_codes"
MOST_LINES = 300
"""A page's; the file has them all."""
REIMBURSED: tuple[RuleCode, ...] = ("C2_D_BIS", "C2_F_BIS", "C2_F_TER", "C3_FRINGE")
"""What the law lets a company reimburse, so that a payroll program may tell it apart."""
REIMBURSING: tuple[PayrollKind, ...] = ("reimbursement_payslip", "reimbursement_figurative")
NAMED: tuple[tuple[PayrollKind, RuleCode | None], ...] = (
    *((kind, None) for kind in get_args(PayrollKind)),
    *((kind, rule) for kind in REIMBURSING for rule in REIMBURSED),
)
"""What the form asks a code for: each kind, and some of its rules."""


@company.page("/payroll_exports", payroll.payroll_export_list)
async def exports(at: At, request: Request) -> Response:
    found = await payroll.payroll_export_list(at, await listed(request, "-period", limit=25))
    months = [(_first(one.period), one) for one in found.data]
    return company_page(at, request, "payroll_exports.html", months=months, next_cursor=found.next_cursor)


@company.page("/payroll_exports/{period}.csv", payroll.payroll_export_csv)
async def export_csv(at: At, period: Period) -> Response:
    return await payroll.payroll_export_csv(at, period)


@company.page("/payroll_exports/{period}", payroll.payroll_export_get)
async def export(at: At, request: Request, period: Period) -> Response:
    """Show a month line by line; the closing names the hash of what was drawn."""
    found = await payroll.payroll_export_get(at, period)
    shown = {"first": _first(period), "lines": found.lines[:MOST_LINES]}
    return company_page(at, request, "payroll_export.html", export=found, **shown)


@company.form("/payroll_exports/{period}/close", payroll.payroll_export_close, page=EXPORTS + "/{period}")
async def export_close(at: At, request: Request, period: Period) -> Response:
    await payroll.payroll_export_close(at, period, forms.parse(PayrollPeriodClosing, await request.form()))
    return to(f"/companies/{ids.encode('org', at.tenant)}/payroll_exports/{period}", done="period_closed")


@company.page("/payroll_cause_codes", payroll.payroll_cause_code_list)
async def cause_codes(at: At, request: Request) -> Response:
    found = await payroll.payroll_cause_code_list(at)
    known = {(one.kind, one.rule_code): one.cause_code for one in found.cause_codes}
    rows = [(kind, rule, f"{kind}:{rule or ''}", known.get((kind, rule), "")) for kind, rule in NAMED]
    return company_page(at, request, "payroll_cause_codes.html", rows=rows)


@company.form("/payroll_cause_codes", payroll.payroll_cause_code_write, page=CODES)
async def cause_codes_write(at: At, request: Request) -> Response:
    """Keep what was typed for each kind and rule; what was left empty has no code."""
    form = await request.form()
    typed = [(kind, rule, str(form.get(f"{kind}:{rule or ''}", "")).strip()) for kind, rule in NAMED]
    codes = [{"kind": kind, "rule_code": rule, "cause_code": code} for kind, rule, code in typed if code]
    await payroll.payroll_cause_code_write(at, forms.parse(PayrollCauseCodesWrite, FormData(), cause_codes=codes))
    return to(f"/companies/{ids.encode('org', at.tenant)}/payroll_cause_codes", done="saved")


@person.page("/payroll_access", payroll.payroll_access_get)
async def access(at: At, request: Request) -> Response:
    """Tell what one's payroll sees, and where one person is payroll and human resources."""
    found = await payroll.payroll_access_get(at)
    return render.page(request, "payroll_access.html", employers=found.employers)


def _first(period: str) -> date:
    return date.fromisoformat(f"{period}-01")
