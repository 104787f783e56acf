"""A company's money: its account with statements, the bank transfers that fill it, what its programmes gave."""

from datetime import timedelta

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.edge.at import At
from app.grants import due_endpoints as due
from app.grants import endpoints as grants
from app.grants import report_endpoints as reports
from app.grants.report_schemas import LONGEST_DAYS
from app.grants.schemas import TopUpCreate
from app.http import audiences
from app.http.files import LayoutOf
from app.http.filters import Days
from app.ids import OrganisationId, TopUpId
from app.portal import forms
from app.portal.lists import listed
from app.portal.pages.shown import company_page, named_day
from app.portal.route import may, pages, to

company = pages(audiences.company_router())
TOP_UPS = "/companies/{company_id}/top_ups"


@company.page("/account", grants.account_get)
async def account(at: At, request: Request) -> Response:
    """Show what is on the account, what was given and what waits: never what anybody has left or has used."""
    moved = await grants.account_entry_list(at, await listed(request, "-happened_at", limit=25), Days(None, None))
    deadlines = (await due.deadline_list(at)).data if may(at, due.deadline_list) else []
    return company_page(
        at, request, "account.html", funds=await grants.account_get(at), moved=moved, deadlines=deadlines
    )


@company.page("/account/statement", reports.account_statement_get)
async def statement(at: At, request: Request, date_from: str = "", date_to: str = "") -> Response:
    """Show every movement of a period, a year at most, with what was there before and after."""
    found = await reports.account_statement_get(at, _period(date_from, date_to))
    return company_page(at, request, "statement.html", statement=found)


def _period(date_from: str, date_to: str) -> Days:
    """Read what was typed so that something is shown: backwards turned round, too long cut."""
    first, last = named_day(date_from), named_day(date_to)
    if first is not None and last is not None:
        first, last = min(first, last), max(first, last)
        last = min(last, first + timedelta(days=LONGEST_DAYS - 1))
    return Days(first, last)


@company.page("/account/statement.csv", reports.account_statement_export)
async def statement_csv(at: At, date_from: str = "", date_to: str = "", layout: LayoutOf = "csv") -> Response:
    return await reports.account_statement_export(at, _period(date_from, date_to), layout)


@company.page("/reports/programmes", reports.programme_report_get)
async def programme_report(at: At, request: Request, year: str = "") -> Response:
    """Show what each programme gave in a year, for whoever decides about the next: nothing of its use."""
    found = await reports.programme_report_get(at, _year(year))
    return company_page(at, request, "programme_report.html", report=found, today=clock.today())


def _year(typed: str) -> int | None:
    day = named_day(f"{typed}-01-01")
    return None if day is None else day.year


@company.page("/reports/programmes.csv", reports.programme_report_export)
async def programme_report_csv(at: At, year: str = "", layout: LayoutOf = "csv") -> Response:
    return await reports.programme_report_export(at, _year(year), layout)


@company.page("/top_ups", grants.top_up_list)
async def top_ups(at: At, request: Request) -> Response:
    found = await grants.top_up_list(at, await listed(request, "-created_at", limit=25), Days(None, None))
    return company_page(at, request, "top_ups.html", found=found)


@company.form("/top_ups", grants.top_up_create, page=TOP_UPS)
async def top_up_create(at: At, request: Request, company_id: OrganisationId) -> Response:
    """Announce a transfer; the answer is the sheet to pay by."""
    amount = forms.wanted(await request.form(), "amount_cents")
    made = await grants.top_up_create(at, forms.parse(TopUpCreate, FormData(), amount_cents=amount))
    return to(f"/companies/{ids.encode('org', company_id)}/top_ups/{ids.encode('top', made.id)}", done="announced")


@company.form("/top_ups/{top_up_id}/cancel", grants.top_up_cancel, page=TOP_UPS + "/{top_up_id}")
async def top_up_cancel(at: At, top_up_id: TopUpId) -> Response:
    await grants.top_up_cancel(at, top_up_id)
    return to(f"/companies/{ids.encode('org', at.tenant)}/top_ups", done="top_up_cancelled")


@company.page("/top_ups/{top_up_id}", grants.top_up_get)
async def top_up(at: At, request: Request, top_up_id: TopUpId) -> Response:
    """Show the sheet that accounting pays by: payee, IBAN, amount, reference, and the code for a banking app."""
    return company_page(at, request, "top_up.html", top_up=await grants.top_up_get(at, top_up_id))
