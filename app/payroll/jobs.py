"""The staff is told, once, where one person is both HR and payroll: she reads of each what nobody else may."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.config import settings
from app.db import APP, WORKER, Query
from app.jobs import Sweep
from app.mail.actions import NewMail, send_many
from app.payroll.models import PayrollNotice


@dataclass(frozen=True, slots=True)
class Untold:
    """A role that made one person out of two."""

    grant_id: UUID
    company_id: UUID
    company_name: str


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody who works there."""

    email: str
    locale: Locale


UNTOLD = Query(Untold, "payroll.untold", roles=(APP, WORKER))
STAFF = Query(Told, "payroll.staff", roles=(WORKER,))


async def due(session: AsyncSession, now: datetime) -> datetime | None:
    """Return now where somebody is to be told: roles begin in real time."""
    return now if await UNTOLD.all(session, real_now=clock.real(), limit=1) else None


async def tell_staff(session: AsyncSession, until: datetime) -> int:
    """Tell all of one company that one person is both, naming nobody; the reason is for whoever logs in."""
    for found in await UNTOLD.all(session, real_now=clock.real(), limit=1):
        told = await STAFF.all(session, company_id=found.company_id, today=clock.day_of(until))
        values = {"company_name": found.company_name, "public_url": settings().public_url}
        await send_many(session, [NewMail("one_person_hr_and_payroll", to.email, to.locale, values) for to in told])
        row = {"role_grant_id": found.grant_id, "company_id": found.company_id, "told_at": until}
        await session.execute(insert(PayrollNotice).values(**row))
        return 1
    return 0


SWEEPS = (Sweep("payroll.tell_staff", due, tell_staff),)
