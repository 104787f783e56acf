"""Sweeps of the company side: what came back to companies is posted on the first day of a period."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.credit import returns
from app.grants import due, queries
from app.grants.grants import activate_waiting, balance_of
from app.identity.notices import tell_holders
from app.jobs import Sweep

BATCH = 50
DEADLINE_STEPS = [60, 30, 7]
"""How many days before a deadline a company is reminded."""


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


async def reminding_due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest day on which a company is to be reminded of an agreement's deadline."""
    day = await queries.NEXT_DEADLINE_REMINDER.one(session, steps=DEADLINE_STEPS, today=clock.day_of(now))
    return None if day is None else clock.midnight(day)


async def remind(session: AsyncSession, upto: datetime) -> int:
    """Tell HR of deadlines for which somebody still lacks the credit; return how many were looked at."""
    rows = await queries.NOTE_DEADLINE_REMINDERS.all(
        session, steps=DEADLINE_STEPS, today=clock.day_of(upto), batch=BATCH, at=clock.now()
    )
    for row in rows:
        if (await due.missing(session, row)).people:
            values = {
                "programme": ids.encode("prg", row.id),
                "company": ids.encode("org", row.company_id),
                "day": f"{row.due_by:%d.%m.%Y}",
            }
            await tell_holders(session, row.company_id, ["hr"], "agreement_deadline", values)
    return len(rows)


SWEEPS = (
    Sweep("grants.post_returns", returns_due, post_returns),
    Sweep("grants.remind_of_deadlines", reminding_due, remind),
)
