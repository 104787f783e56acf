"""What payroll gave besides credit: the list, and the form for one person."""

from typing import Annotated

from fastapi import Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.edge.at import At
from app.fringe import endpoints as fringe
from app.fringe.schemas import FringeBenefitCreate
from app.http import audiences
from app.ids import EmployeeId, OrganisationId
from app.portal import forms
from app.portal.lists import listed
from app.portal.pages.shown import company_page, typed
from app.portal.route import pages, to

payroll = pages(audiences.payroll_router())
PAGE = "/companies/{company_id}/fringe_benefits"


@payroll.page("/fringe_benefits", fringe.fringe_benefit_list)
async def fringe_benefits(
    at: At, request: Request, employee_id: Annotated[EmployeeId | None, Query()] = None
) -> Response:
    """Show what was posted, of one person where one was chosen: never what anybody used of credit."""
    chosen = employee_id or _again(request)
    found = await fringe.fringe_benefit_list(at, await listed(request, "-created_at", limit=25), chosen)
    return company_page(at, request, "fringe_benefits.html", found=found, chosen=chosen, year=clock.today().year)


def _again(request: Request) -> EmployeeId | None:
    """Return whom a form that came back was about."""
    try:
        return ids.decode("emp", typed(request, "employee_id"))
    except ValueError:
        return None


@payroll.form("/fringe_benefits", fringe.fringe_benefit_create, page=PAGE)
async def fringe_benefit_create(at: At, request: Request, company_id: OrganisationId) -> Response:
    form = await request.form()
    typed_amount = str(form.get("amount_cents", "")).strip()
    amount = forms.wanted(FormData({"amount_cents": typed_amount.removeprefix("-")}), "amount_cents")
    wanted = forms.parse(
        FringeBenefitCreate,
        forms.only(form, "employee_id", "tax_year"),
        amount_cents=-amount if typed_amount.startswith("-") else amount,
    )
    made = await fringe.fringe_benefit_create(at, wanted)
    where = f"/companies/{ids.encode('org', company_id)}/fringe_benefits"
    return to(where, employee_id=ids.encode("emp", made.employee_id), done="benefit_posted")
