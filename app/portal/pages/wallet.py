"""The person's credit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.bookings import endpoints as bookings
from app.catalogue import endpoints as catalogue
from app.credit import endpoints as credit
from app.credit.schemas import LotRead
from app.edge.at import At
from app.employees import endpoints as employees
from app.fringe import endpoints as fringe
from app.http import audiences
from app.http.filters import Days
from app.portal import render
from app.portal.lists import listed
from app.portal.route import pages

person = pages(audiences.employee_router())
MOST_MONTHS = 12


@dataclass(frozen=True)
class Month:
    """What becomes of the credit in a month if nothing more of it is used, in cents."""

    first: date
    comes: int
    expires: int
    stays: int
    """On the month's last day, without what expires on it."""


@person.page("/wallet", credit.wallet_get)
async def wallet(at: At, request: Request) -> Response:
    """Show what each credit may pay and until when, what expires next and could be used how, and the movements."""
    shown = await credit.wallet_get(at)
    years = (await fringe.fringe_year_list(at, await listed(request, "-tax_year"))).data
    can_use = any("C3_FRINGE" in lot.rule_codes for lot in shown.lots)
    employers = {one.employee_id: one.company_name for one in (await employees.me_get(at)).employments}
    return render.page(
        request,
        "wallet.html",
        wallet=shown,
        forecast=await bookings.wallet_forecast_get(at),
        moved=await bookings.wallet_entry_list(at, await listed(request, "-created_at", limit=25), Days(None, None)),
        holds=(await bookings.wallet_hold_list(at, await listed(request, "-created_at"))).data,
        months=months_of(shown.lots, clock.today()),
        fringe=[year for year in years if can_use or year.used_cents],
        employers=employers if len(employers) > 1 else {},
        categories={row.code: row for row in (await catalogue.category_list(await listed(request, "code"))).data},
    )


def months_of(lots: Sequence[LotRead], today: date) -> list[Month]:
    """Return the months from this one to the last in which a lot can be spent, a year at most."""
    living = [lot for lot in lots if lot.available_cents]
    first, months = today.replace(day=1), list[Month]()
    while len(months) < MOST_MONTHS and any(lot.expires_on >= first for lot in living):
        after = (first + timedelta(days=31)).replace(day=1)
        months.append(
            Month(
                first,
                comes=sum(lot.available_cents for lot in living if max(first, today) < lot.valid_from < after),
                expires=sum(lot.available_cents for lot in living if first <= lot.expires_on < after),
                stays=sum(lot.available_cents for lot in living if lot.valid_from < after <= lot.expires_on),
            )
        )
        first = after
    return months
