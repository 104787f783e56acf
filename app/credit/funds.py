"""What a solidarity fund holds, as its alliance may know it: one sum, over the credit of many.

Whose credit expired into it is nobody's business. What came in within a quarter counts from the quarter's end on, once
it is of as many people as anything that returns to a company; else it waits for the next.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Query
from app.errors import NotFound


@dataclass(frozen=True, slots=True)
class Inflow:
    """What one person's credit brought on a day on which it is counted."""

    counted_on: date
    person: bytes
    cents: int


@dataclass(frozen=True, slots=True)
class FundTerms:
    """An alliance's fund, and how many people a sum is made of at least."""

    account_id: UUID
    least_people: int


@dataclass(frozen=True, slots=True)
class FundSum:
    """What is shown, and since when; no day as long as nothing is."""

    balance_cents: int
    counted_on: date | None


FUND_TERMS = Query(FundTerms, "credit.fund_terms")
FUND_INFLOW = Query(Inflow, "credit.fund_inflow")


async def fund_of(session: AsyncSession, alliance_id: UUID) -> FundSum:
    """Return what an alliance may know of its fund today."""
    terms = await FUND_TERMS.maybe(session, alliance_id=alliance_id, today=clock.today())
    if terms is None:
        raise NotFound
    inflow = await FUND_INFLOW.all(session, account_id=terms.account_id, now=clock.now())
    return sum_of_many(inflow, terms.least_people)


def sum_of_many(inflow: Iterable[Inflow], least_people: int) -> FundSum:
    """Add up what is of many: each quarter's alone, or together with those that wait before it."""
    by_day: dict[date, list[Inflow]] = {}
    for one in inflow:
        by_day.setdefault(one.counted_on, []).append(one)
    shown, counted_on = 0, None
    waiting: list[Inflow] = []
    for day in sorted(by_day):
        waiting += by_day[day]
        if len({one.person for one in waiting}) >= least_people:
            shown, counted_on, waiting = shown + sum(one.cents for one in waiting), day, []
    return FundSum(shown, counted_on)
