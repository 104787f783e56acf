"""The person's credit and the people whom she cares for."""

from starlette.requests import Request
from starlette.responses import Response

from app.beneficiaries import endpoints as relatives
from app.beneficiaries.schemas import BeneficiaryCreate
from app.bookings import endpoints as bookings
from app.credit import endpoints as credit
from app.edge.at import At
from app.http import audiences
from app.http.filters import Days
from app.ids import BeneficiaryId
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.route import pages, to

person = pages(audiences.employee_router())


@person.page("/wallet", credit.wallet_get)
async def wallet(at: At, request: Request) -> Response:
    """Show every lot, what expires next, and the movements."""
    moved = await bookings.wallet_entry_list(at, await listed(request, "-created_at", limit=25), Days(None, None))
    return render.page(request, "wallet.html", wallet=await credit.wallet_get(at), moved=moved)


@person.page("/beneficiaries", relatives.beneficiary_list)
async def beneficiaries(at: At, request: Request) -> Response:
    found = await relatives.beneficiary_list(at, await listed(request))
    return render.page(request, "relatives.html", relatives=found.data)


@person.form("/beneficiaries", relatives.beneficiary_create, page="/me/beneficiaries")
async def beneficiary_create(at: At, request: Request) -> Response:
    await relatives.beneficiary_create(at, forms.parse(BeneficiaryCreate, await request.form()))
    return to("/me/beneficiaries", done="relative_added")


@person.form("/beneficiaries/{beneficiary_id}/archive", relatives.beneficiary_archive, page="/me/beneficiaries")
async def beneficiary_archive(at: At, beneficiary_id: BeneficiaryId) -> Response:
    await relatives.beneficiary_archive(at, beneficiary_id)
    return to("/me/beneficiaries", done="relative_archived")
