"""What the sandbox reads and writes."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import APP, NOTHING, WORKER, Query
from app.listing import Found, Window, page_of
from app.mail.models import OutgoingMail


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many jobs of a name ended."""

    name: str
    count: int


LOCK_OFFSET = Query(timedelta, "sandbox.lock_offset", roles=(APP,))
"""Business time minus real time; nobody else moves it until this transaction ends."""
SET_OFFSET = Query(NOTHING, "sandbox.set_offset", roles=(APP,))
LAST_JOB_ID = Query(int, "sandbox.last_job_id", roles=(WORKER,))
OPEN_JOB_IDS = Query(int, "sandbox.open_job_ids", roles=(WORKER,))
ENDED_JOBS = Query(JobCount, "sandbox.ended_jobs", roles=(WORKER,))
"""Jobs that ended among those given and those newer than `after`."""


async def mails(session: AsyncSession, recipient: str | None, window: Window) -> Found[OutgoingMail]:
    """Return mails as they were written."""
    wanted = select(OutgoingMail)
    if recipient is not None:
        wanted = wanted.where(OutgoingMail.recipient == recipient)
    return await page_of(session, wanted, window, {"created_at": (OutgoingMail.id,)})
