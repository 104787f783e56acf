"""Sweeps of the company side: what came back to companies is posted on the first day of a period."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.credit import returns
from app.grants.grants import activate_waiting, balance_of
from app.jobs import Sweep

BATCH = 50


async def returns_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest first day of a period for which enough people's credit waits."""
    found = await returns.NEXT_RETURN.maybe(session, now=now)
    return None if found is None else clock.midnight(found.returned_on)


async def post_returns(session: AsyncSession, upto: datetime) -> int:
    """Post to companies what came back, each one sum a period; grants that waited for the money become active.

    Whoever moves a company's money locks its account first.
    """
    posted = 0
    while posted < BATCH and (found := await returns.NEXT_RETURN.maybe(session, now=upto)) is not None:
        available = await balance_of(session, found.company_id, for_update=True)
        amount_cents = await returns.post(session, found)
        await activate_waiting(session, found.company_id, available + amount_cents, clock.midnight(found.returned_on))
        posted += 1
    return posted


SWEEPS = (Sweep("grants.post_returns", returns_due, post_returns),)
