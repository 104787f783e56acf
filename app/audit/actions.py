"""Recording acts that no route declares: of sweeps, of commands, or about several objects."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.edge import act as acts
from app.edge.act import Act


async def record(session: AsyncSession, actor: Actor, action: str, object_kind: str, object_id: UUID | None) -> None:
    """Write one audit entry (`slot.resize`, `role.grant` ...) in the caller's transaction."""
    await acts.record(
        session,
        Act(
            act_id=ids.new_id(),
            actor_kind=actor.kind,
            actor_id=actor.id,
            organisation_id=actor.organisation_id,
            action=action,
            object_kind=object_kind,
            object_id=object_id,
            happened_at=clock.now(),
        ),
    )
