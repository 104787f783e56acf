"""What a route's declaration says was done, and by whom: one entry of the audit trail."""

from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import ActorKind
from app.db import APP, HR, WORKER, Query

RECORD_ACT = Query(UUID, "edge.record_act", roles=(APP, HR, WORKER))


@dataclass(frozen=True)
class Act:
    """One act of one actor on one object; its names are the parameters of `record_act`, which the audit trail owns."""

    act_id: UUID
    actor_kind: ActorKind
    actor_id: UUID | None
    organisation_id: UUID | None
    action: str
    object_kind: str
    object_id: UUID | None
    happened_at: datetime

    def values(self) -> dict[str, object]:
        return asdict(self)


async def record(session: AsyncSession, act: Act) -> None:
    """Write the entry in the request's transaction."""
    await RECORD_ACT.one(session, **act.values())


async def record_and_commit(session: AsyncSession, act: Act) -> None:
    """Write the entry as the last of the request's transaction."""
    await RECORD_ACT.run_and_commit(session, **act.values())
