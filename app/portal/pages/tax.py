"""The person's year for the tax return."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.bookings import tax_endpoints as tax
from app.bookings.tax_endpoints import FIRST_YEAR, LAST_YEAR
from app.edge.at import At
from app.http import audiences
from app.portal import render
from app.portal.route import pages

person = pages(audiences.employee_router())
YEARS = 3
"""This one and those before."""
Year = Annotated[int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR)]


@person.page("/tax_statement", tax.tax_statement_get)
async def tax_statement(at: At, request: Request, year: Year = None) -> Response:
    """Show a year as it goes to whoever makes the tax return, also on paper."""
    found = await tax.tax_statement_get(at, year)
    this_year = clock.today().year
    return render.page(request, "tax_statement.html", found=found, years=range(this_year, this_year - YEARS, -1))


@person.page("/tax_statement.csv", tax.tax_statement_csv)
async def tax_statement_csv(at: At, year: Year = None) -> Response:
    return await tax.tax_statement_csv(at, year)
