"""Recording acts."""

from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit.models import AuditEntry


async def record(session: AsyncSession, actor: Actor, action: str, object_kind: str, object_id: UUID | None) -> None:
    """Write one audit row (`grant.approve`, `api_key.create`, `booking.read` ...) in the caller's transaction."""
    await session.execute(
        insert(AuditEntry).values(
            id=ids.new_id(),
            actor_kind=actor.kind,
            actor_id=actor.id,
            organisation_id=actor.organisation_id,
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            created_at=clock.now(),
        )
    )
