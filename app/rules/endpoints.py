"""Routes of the rules: everybody may read the law as it decides here."""

from typing import Annotated

from fastapi import Depends, Query

from app import clock
from app.http.audiences import public_router
from app.http.pagination import Paging, ordered
from app.listing import page_in
from app.rules import schemas
from app.rules.book import book_in_force

public = public_router()
ByCode = Annotated[Paging, Depends(ordered("code", "-code", limit=100))]


@public.list("/rules", "public", fresh_seconds=300)
async def rule_list(
    paging: ByCode, on: Annotated[clock.Day | None, Query(description="default today (Rome)")] = None
) -> schemas.RulePage:
    """Show every row of law of a day: rules and what they cover, relatives, limits, agreements, and who signed each."""
    book, day = book_in_force(), on or clock.today()
    covers = [(category, cover) for category in book.categories_on(day) for cover in category.covers]
    found = page_in(list(book.rules_on(day)), paging.window, {"code": lambda row: [row.code]})
    page = paging.page(
        found,
        lambda row: schemas.RuleRead.of(
            row, covers=[schemas.CoverRead.within(*pair) for pair in covers if pair[1].rule_code == row.code]
        ),
    )
    return schemas.RulePage(
        **dict(page),
        relations=[schemas.RelationRead.of(row) for row in book.relations if row.holds(day)],
        parameters=[schemas.ParameterRead.valued(row) for row in book.parameters if row.holds(day)],
        agreements=[schemas.AgreementRead.of(row) for row in book.agreements_on(day)],
    )
