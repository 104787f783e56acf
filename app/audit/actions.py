"""Recording acts."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor

INSERT = text(
    "INSERT INTO audit_entry"
    " (id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at)"
    " VALUES (:id, :actor_kind, :actor_id, :organisation_id, :action, :object_kind, :object_id, :at)"
)


async def record(session: AsyncSession, actor: Actor, action: str, object_kind: str, object_id: UUID | None) -> None:
    """Write one audit row (`grant.approve`, `api_key.create`, `booking.read` ...) in the caller's transaction."""
    await session.execute(
        INSERT,
        {
            "id": ids.new_id(),
            "actor_kind": actor.kind,
            "actor_id": actor.id,
            "organisation_id": actor.organisation_id,
            "action": action,
            "object_kind": object_kind,
            "object_id": object_id,
            "at": clock.now(),
        },
    )
