"""Recording acts that no route declares: of sweeps, of commands, or about several objects."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import Actor
from app.edge import act as acts


async def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    object_kind: str,
    object_id: UUID | None,
    *,
    shown: Sequence[UUID] | None = None,
) -> None:
    """Write one audit entry (`slot.resize` ...) in the caller's transaction; `shown` are the objects a list showed."""
    await acts.record(session, acts.new_act(actor, action, object_kind, object_id, shown=shown))
