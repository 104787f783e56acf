"""The person's credit."""

from starlette.requests import Request
from starlette.responses import Response

from app.bookings import endpoints as bookings
from app.credit import endpoints as credit
from app.edge.at import At
from app.http import audiences
from app.http.filters import Days
from app.portal import render
from app.portal.lists import listed
from app.portal.route import pages

person = pages(audiences.employee_router())


@person.page("/wallet", credit.wallet_get)
async def wallet(at: At, request: Request) -> Response:
    """Show every lot, what expires next, and the movements."""
    moved = await bookings.wallet_entry_list(at, await listed(request, "-created_at", limit=25), Days(None, None))
    return render.page(request, "wallet.html", wallet=await credit.wallet_get(at), moved=moved)
