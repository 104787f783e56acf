"""Reading the audit trail: for the operator, for the chain and for who verifies it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.audit.chain import Head, Link
from app.audit.models import AuditEntry
from app.db import APP, NOTHING, WORKER, Query
from app.listing import Found, Window, page_of

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
    window: Window,
    *,
    actor_id: UUID | None,
    action: str | None,
    object_id: UUID | None,
    start: datetime | None,
    end: datetime | None,
) -> Found[AuditEntry]:
    """Return entries in the order of their making."""
    wanted = select(AuditEntry)
    for column, value in (
        (AuditEntry.actor_id, actor_id), (AuditEntry.action, action), (AuditEntry.object_id, object_id)
    ):  # fmt: skip
        if value is not None:
            wanted = wanted.where(column == value)
    if start is not None:
        wanted = wanted.where(AuditEntry.recorded_at >= start)
    if end is not None:
        wanted = wanted.where(AuditEntry.recorded_at < end)
    return await page_of(session, wanted, window, {"created_at": (AuditEntry.id,)})
