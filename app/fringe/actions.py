"""The verbs of fringe benefits: what room is left, opening a year before credit is used in it, what payroll posts."""

from collections.abc import Collection
from uuid import UUID

import psycopg
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.beneficiaries import queries as beneficiaries
from app.errors import NotFound
from app.fringe import queries
from app.fringe.decisions import Room, limit_of, room_in
from app.fringe.errors import FringeBelowZero
from app.fringe.models import FringeBenefit
from app.fringe.queries import BenefitRow, Year
from app.fringe.schemas import FringeBenefitCreate
from app.rules.book import RuleBook

BELOW_ZERO = "fringe_year_external_not_negative"


async def rooms(
    session: AsyncSession, user_id: UUID, years: Collection[int], book: RuleBook
) -> dict[tuple[UUID, int], Room]:
    """Return what room tax years have, by employment and year."""
    stored = await queries.person_years(session, user_id, years, every=False)
    return {(room.year.employee_id, room.year.tax_year): room for room in await _rooms(session, user_id, stored, book)}


async def rooms_of_person(session: AsyncSession, user_id: UUID, book: RuleBook) -> list[Room]:
    """Return the present year of each employer and every other in which the person had anything, each once."""
    stored = await queries.person_years(session, user_id, {clock.today().year}, every=True)
    once = {(year.company_id, year.holder_id, year.tax_year): year for year in stored}
    return await _rooms(session, user_id, list(once.values()), book)


async def _rooms(session: AsyncSession, user_id: UUID, years: Collection[Year], book: RuleBook) -> list[Room]:
    if not years:
        return []
    with_children = (await beneficiaries.years_with_children(session, [user_id]))[user_id]
    return [
        room_in(year, limit_of(book, year.tax_year, with_children=year.tax_year in with_children)) for year in years
    ]


async def open_year(session: AsyncSession, room: Room) -> None:
    """Store the limit that holds, so that the database refuses what goes beyond it."""
    await queries.OPEN_YEAR.run(
        session,
        company_id=room.year.company_id,
        holder_id=room.year.holder_id,
        tax_year=room.year.tax_year,
        limit_cents=room.limit.cents,
        with_children=room.limit.with_children,
        created_at=clock.now(),
    )


async def post_benefit(session: AsyncSession, actor: Actor, company_id: UUID, body: FringeBenefitCreate) -> BenefitRow:
    """Record what payroll gave an employee besides credit; it counts whatever the limit says."""
    employee = await queries.EMPLOYEE.maybe(session, company_id=company_id, id=body.employee_id)
    if employee is None:
        raise NotFound
    row = BenefitRow(
        id=ids.new_id(),
        employee_id=employee.id,
        external_id=employee.external_id,
        given_name=employee.given_name,
        family_name=employee.family_name,
        tax_year=body.tax_year,
        amount_cents=body.amount_cents,
        created_at=clock.now(),
    )
    posted = insert(FringeBenefit).values(
        id=row.id, company_id=company_id, employee_id=row.employee_id, tax_year=row.tax_year,
        amount_cents=row.amount_cents, posted_by=actor.user_id, created_at=row.created_at,
    )  # fmt: skip
    try:
        await session.execute(posted)
    except IntegrityError as error:
        if isinstance(error.orig, psycopg.Error) and error.orig.diag.constraint_name == BELOW_ZERO:
            raise FringeBelowZero from error
        raise
    return row
