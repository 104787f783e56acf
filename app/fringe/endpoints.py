"""Fringe benefits: the person's years, and what payroll posts."""

from typing import Annotated

from fastapi import Depends, Query

from app.edge.at import At
from app.fringe import actions, queries
from app.fringe.decisions import Room
from app.fringe.errors import FringeBelowZero
from app.fringe.schemas import FringeBenefitCreate, FringeBenefitRead, FringeYearRead, TaxYear
from app.http.audiences import employee_router, payroll_router
from app.http.pagination import NewestFirst, Paging, ordered
from app.http.schemas import Page
from app.ids import EmployeeId
from app.listing import page_in
from app.rules.book import book_in_force

employee = employee_router()
payroll = payroll_router()


@employee.list("/fringe_years", "person")
async def fringe_year_list(
    at: At, paging: Annotated[Paging, Depends(ordered("-tax_year", "tax_year"))]
) -> Page[FringeYearRead]:
    """List the person's fringe benefits by employer and tax year, the present one too: used, left, taxable."""
    found = await actions.rooms_of_person(at.session, at.actor.user_id, book_in_force())
    listed = page_in(found, paging.window, {"tax_year": lambda room: [room.year.tax_year, str(room.year.company_id)]})
    return paging.page(listed, _year)


def _year(room: Room) -> FringeYearRead:
    return FringeYearRead(
        tax_year=room.year.tax_year,
        limit_cents=room.limit.cents,
        used_cents=room.taken_cents,
        left_cents=room.left_cents,
        company_id=room.year.company_id,
        company_name=room.year.company_name,
        with_children=room.limit.with_children,
        held_cents=room.year.held_cents,
        external_cents=room.year.external_cents,
        taxable_cents=room.taxable_cents,
        settled=room.year.tested_at is not None,
    )


@payroll.list("/fringe_benefits", "payroll:read", audit="fringe_benefit.list")
async def fringe_benefit_list(
    at: At,
    paging: NewestFirst,
    employee_id: Annotated[EmployeeId | None, Query(description="of this employee only")] = None,
    tax_year: Annotated[TaxYear | None, Query(description="of this tax year only")] = None,
) -> Page[FringeBenefitRead]:
    """List what payroll posted besides credit, newest first: never what anybody used of credit."""
    found = await queries.BENEFITS.page(
        at.session, paging.window, company_id=at.tenant, employee_id=employee_id, tax_year=tax_year
    )
    return paging.page(found, FringeBenefitRead.model_validate)


@payroll.command(
    "/fringe_benefits",
    "payroll:write",
    status=201,
    errors=[FringeBelowZero],
    audit="fringe_benefit.create",
)
async def fringe_benefit_create(at: At, body: FringeBenefitCreate) -> FringeBenefitRead:
    """Post what an employee was given besides credit in a tax year; a correction is another one, with a minus."""
    row = await actions.post_benefit(at.session, at.actor, at.tenant, body)
    return at.about(row.id, FringeBenefitRead.model_validate(row))
