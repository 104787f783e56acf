"""Company routes of what collective agreements owe: to whom by when, and what is near."""

from typing import Annotated

from fastapi import Depends, Query

from app import clock
from app.actor import Locale
from app.edge.at import At
from app.errors import NotFound
from app.grants import due, queries
from app.grants.agreements import YearsCredit
from app.grants.due import Judged
from app.grants.due_schemas import (
    DeadlineRead,
    DeadlinesRead,
    DueList,
    DueRead,
    YearsCreditRead,
)
from app.grants.models import DueCode
from app.http.audiences import company_router
from app.http.pagination import Paging, ordered
from app.ids import ProgrammeId
from app.listing import page_in

company = company_router()


@company.list("/programmes/{programme_id}/due", "grants:read")
async def programme_due_list(
    at: At,
    programme_id: ProgrammeId,
    paging: Annotated[Paging, Depends(ordered("family_name", "-family_name", most=1000))],
    code: Annotated[list[DueCode] | None, Query(description="may be repeated")] = None,
) -> DueList:
    """List who is due a collective agreement's credit by when, and who is not and why, as known today."""
    programme = await queries.PROGRAMME.maybe(at.session, company_id=at.tenant, id=programme_id)
    if programme is None:
        raise NotFound
    credit = due.credit_of(programme.agreement_code, programme.agreement_year)
    judged = []
    if credit is not None:
        judged = await due.judge(at.session, at.tenant, credit, programme.employee_category)
    shown = [one for one in judged if code is None or one.found.code in code]
    language = at.language
    page = paging.page(page_in(shown, paging.window, DUE_ORDERS), lambda one: _due(one, language))
    read = None if credit is None else _agreement(credit)
    return DueList(agreement=read, **page.__dict__, **due.counts(judged, clock.today()))


def _agreement(credit: YearsCredit) -> YearsCreditRead:
    row = credit.row
    return YearsCreditRead(
        code=row.code,
        name=row.name,
        name_en=row.name_en,
        year=credit.year,
        amount_cents=row.amount_cents,
        available_by=credit.available_by,
        usable_until=credit.usable_until,
        citation=row.citation,
        status=row.status,
    )


DUE_ORDERS = {"family_name": lambda one: [one.facts.family_name, one.facts.given_name, str(one.facts.id)]}


def _due(one: Judged, language: Locale) -> DueRead:
    found, about = one.found, due.left_out(one, language)
    return DueRead(**about.__dict__, amount_cents=found.amount_cents, due_by=found.due_by)


@company.read("/deadlines", "grants:read")
async def deadline_list(at: At) -> DeadlinesRead:
    """Show the deadlines of collective agreements, near or over, for which somebody still lacks the credit."""
    today = clock.today()
    return DeadlinesRead(
        data=[
            DeadlineRead(
                programme_id=one.row.id,
                programme_name=one.row.name,
                due_by=one.row.due_by,
                days_left=(one.row.due_by - today).days,
                due_count=one.people,
                missing_cents=one.missing_cents,
            )
            for one in await due.deadlines(at.session, at.tenant)
        ]
    )
