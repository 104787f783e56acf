"""A company's money: its account, and the bank transfers that fill it."""

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.at import At
from app.grants import endpoints as grants
from app.grants.schemas import TopUpCreate
from app.http import audiences
from app.http.filters import Days
from app.ids import OrganisationId, TopUpId
from app.portal import forms
from app.portal.lists import listed
from app.portal.pages.shown import company_page
from app.portal.route import may, pages, to

company = pages(audiences.company_router())
TOP_UPS = "/companies/{company_id}/top_ups"


@company.page("/account", grants.account_get)
async def account(at: At, request: Request) -> Response:
    """Show what is on the account, what was given and what waits: never what anybody has left or has used."""
    moved = await grants.account_entry_list(at, await listed(request, "-happened_at", limit=25), Days(None, None))
    deadlines = (await grants.deadline_list(at)).data if may(at, grants.deadline_list) else []
    return company_page(
        at, request, "account.html", funds=await grants.account_get(at), moved=moved, deadlines=deadlines
    )


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
