"""Reading the audit trail: for the operator, for the chain and for who verifies it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.chain import Head, Link
from app.audit.models import AuditEntry
from app.db import APP, NOTHING, WORKER, Query

LOCK_CHAIN = Query(bool, "audit.lock_chain", roles=(APP, WORKER))
UNPLACED = Query(Link, "audit.unplaced", roles=(APP, WORKER))
UNPLACED_SINCE = Query(datetime, "audit.unplaced_since", roles=(APP, WORKER))
LAST = Query(Link, "audit.last", roles=(APP, WORKER))
PLACE = Query(NOTHING, "audit.place", roles=(WORKER,))
CHAIN_AFTER = Query(Link, "audit.chain_after", roles=(APP, WORKER))
HEADS = Query(Head, "audit.heads", roles=(APP, WORKER))
LAST_HEAD = Query(Head, "audit.last_head", roles=(APP, WORKER))
KEEP_HEAD = Query(NOTHING, "audit.keep_head", roles=(WORKER,))


async def entries(
    session: AsyncSession,
    *,
    actor_id: UUID | None,
    action: str | None,
    object_id: UUID | None,
    start: datetime | None,
    end: datetime | None,
    before: UUID | None,
    limit: int,
) -> Sequence[AuditEntry]:
    """Return entries, newest first."""
    page = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    for column, value in (
        (AuditEntry.actor_id, actor_id), (AuditEntry.action, action), (AuditEntry.object_id, object_id)
    ):  # fmt: skip
        if value is not None:
            page = page.where(column == value)
    if start is not None:
        page = page.where(AuditEntry.recorded_at >= start)
    if end is not None:
        page = page.where(AuditEntry.recorded_at < end)
    if before is not None:
        page = page.where(AuditEntry.id < before)
    return (await session.scalars(page)).all()
