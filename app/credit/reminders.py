"""Reminding people of credit that dies: 60, 30 and 7 days before, each once, the person alone and naming nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.db import APP, WORKER, Query
from app.mail import actions as mail
from app.mail.actions import NewMail

STEPS = (60, 30, 7)
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Reminded:
    """A lot that reached a step, and whom to tell; nobody where there is nothing to tell."""

    lot_id: UUID
    expires_on: date
    email: str | None
    locale: Locale | None


REMINDER_DUE: Query[date | None] = Query(date, "credit.reminder_due", roles=(WORKER,))
NOTE_REMINDERS = Query(Reminded, "credit.note_reminders", roles=(APP, WORKER))


async def due(session: AsyncSession, now: datetime) -> datetime | None:
    """The earliest day on which somebody is to be reminded."""
    day = await REMINDER_DUE.one(session, numbers=_numbers(), days=list(STEPS), today=clock.day_of(now))
    return None if day is None else clock.midnight(day)


async def remind(session: AsyncSession, upto: datetime) -> int:
    """Tell people of credit that dies on a day, once however many lots do; return how many lots reached a step."""
    reached = await note(session, max(upto, clock.now()))  # late, nobody is told of what has died meanwhile
    told = {(one.email, one.expires_on): one.locale for one in reached if one.email is not None}
    await mail.send_many(
        session,
        [
            NewMail("credit_expires", email, locale or "it", {"day": f"{day:%d.%m.%Y}"})
            for (email, day), locale in sorted(told.items())
        ],
        together=True,
    )
    return len(reached)


async def note(session: AsyncSession, upto: datetime) -> Sequence[Reminded]:
    """Count the steps that a batch of lots have reached, telling nobody."""
    return await NOTE_REMINDERS.all(
        session, numbers=_numbers(), days=list(STEPS), today=clock.day_of(upto), batch=BATCH
    )


def _numbers() -> list[int]:
    return list(range(len(STEPS)))
