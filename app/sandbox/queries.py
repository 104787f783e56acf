"""What the sandbox reads and writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import APP, NOTHING, WORKER, Query
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


async def mails(
    session: AsyncSession, recipient: str | None, before: UUID | None, limit: int
) -> Sequence[OutgoingMail]:
    """Return mails, newest first."""
    wanted = select(OutgoingMail).order_by(OutgoingMail.id.desc()).limit(limit)
    if recipient is not None:
        wanted = wanted.where(OutgoingMail.recipient == recipient)
    if before is not None:
        wanted = wanted.where(OutgoingMail.id < before)
    return (await session.scalars(wanted)).all()
