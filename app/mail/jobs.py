"""The job that sends a mail, and the sweep that forgets mails."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import jobs
from app.config import settings
from app.db import WORKER, Query
from app.mail import actions

KEPT = timedelta(days=90)
UNSENT_KEPT = timedelta(days=7)
"""The job has long given up by then; the text may carry a link that still opens something."""
BATCH = 5_000
EARLIEST = Query(datetime, "mail.earliest_to_forget", roles=(WORKER,))
DELETE = Query(int, "mail.delete_old", roles=(WORKER,))
EMPTY = Query(int, "mail.empty_unsent", roles=(WORKER,))


@jobs.job("mail.send")
async def send(session: AsyncSession, mail_id: str) -> None:
    await actions.deliver(session, UUID(mail_id))


@jobs.job("mail.keep")
async def keep(session: AsyncSession, mail_ids: str) -> None:
    await actions.keep(session, [UUID(mail_id) for mail_id in mail_ids.split()])


async def _due(session: AsyncSession, now: datetime) -> datetime | None:
    """Wait for nothing in a sandbox: there the rows are the mailbox, and time is moved by months."""
    if settings().sandbox:
        return None
    earliest = await EARLIEST.maybe(session, kept=KEPT, unsent_kept=UNSENT_KEPT)
    return earliest if earliest is not None and earliest <= now else None


async def _forget(session: AsyncSession, until: datetime) -> int:
    deleted = await DELETE.run(session, before=until - KEPT, limit=BATCH)
    return deleted + await EMPTY.run(session, before=until - UNSENT_KEPT, limit=BATCH)


SWEEPS = (jobs.Sweep("mail.forget", _due, _forget),)
