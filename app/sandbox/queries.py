"""What the sandbox reads and writes."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import rows


async def lock_offset(session: AsyncSession) -> timedelta:
    """Return business time minus real time; nobody else moves it until this transaction ends."""
    offset: timedelta = (
        await session.execute(text("SELECT offset_interval FROM clock_offset FOR NO KEY UPDATE"))
    ).scalar_one()
    return offset


async def set_offset(session: AsyncSession, offset: timedelta) -> None:
    await session.execute(text("UPDATE clock_offset SET offset_interval = :offset"), {"offset": offset})


async def mails(session: AsyncSession, recipient: str | None, before: UUID | None, limit: int) -> Sequence[Any]:
    """Return mails, newest first."""
    return await rows(
        session,
        "SELECT id, recipient, subject, text, sent_at FROM outgoing_mail"
        " WHERE (CAST(:recipient AS text) IS NULL OR recipient = :recipient)"
        " AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit",
        recipient=recipient,
        before=before,
        limit=limit,
    )


async def last_job_id(session: AsyncSession) -> int:
    last: int = (await session.execute(text("SELECT coalesce(max(id), 0) FROM procrastinate_jobs"))).scalar_one()
    return last


async def open_job_ids(session: AsyncSession) -> list[int]:
    """Return jobs that run or may run now; a retry planned for later is not among them."""
    found = await session.execute(
        text(
            "SELECT id FROM procrastinate_jobs WHERE status = 'doing'"
            " OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= statement_timestamp()))"
        )
    )
    return list(found.scalars())


async def ended_jobs(session: AsyncSession, job_ids: Sequence[int], after: int) -> dict[str, int]:
    """Count by name the jobs that ended among those given and those newer than `after`."""
    found = await rows(
        session,
        "SELECT task_name, count(*) FROM procrastinate_jobs"
        " WHERE (id = ANY(:job_ids) OR id > :after) AND status IN ('succeeded', 'failed', 'aborted')"
        " AND task_name <> ALL(:periodic) GROUP BY task_name",
        job_ids=list(job_ids),
        after=after,
        periodic=["tick", "jobs.forget", "ledger.verify"],
    )
    return {name: count for name, count in found}  # noqa: C416 - rows are no pairs to the type checker
