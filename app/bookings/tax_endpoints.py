"""The person's year for the tax return."""

from typing import Annotated

from fastapi import Query, Response

from app import clock
from app.bookings import tax
from app.bookings.tax_schemas import TaxStatementRead
from app.edge.at import At
from app.http.audiences import employee_router
from app.http.files import TEXT

router = employee_router()
CSV: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/csv": {"schema": TEXT}}, "description": "One row per sum"}
}
FIRST_YEAR, LAST_YEAR = 2020, 2100
Year = Annotated[
    int | None, Query(ge=FIRST_YEAR, le=LAST_YEAR, description="a calendar year in Rome; if absent, this one")
]


@router.read("/tax_statement.csv", "person", responses=CSV, response_class=Response)
async def tax_statement_csv(at: At, year: Year = None) -> Response:
    """Download the year's sums as CSV, amounts in cents."""
    found = await tax_statement_get(at, year)
    headers = {"Content-Disposition": f'attachment; filename="tax-statement-{found.year}.csv"'}
    return Response(tax.to_csv(found), 200, headers, "text/csv; charset=utf-8")


@router.read("/tax_statement", "person")
async def tax_statement_get(at: At, year: Year = None) -> TaxStatementRead:
    """Sum up a year for the tax return: what credit paid (never deductible) and what you paid yourself."""
    return await tax.statement(at.session, at.actor.user_id, clock.today().year if year is None else year, at.language)
