"""Recording events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.db import APP, HR, WORKER, Query

RECORD = Query(UUID, "events.record", roles=(APP, HR, WORKER))


@dataclass(frozen=True)
class NewEvent:
    """One change: its type (of `vocabulary.py`), the object, the organisations that may see it."""

    type: str
    object_kind: str
    object_id: UUID
    organisation_ids: tuple[UUID, ...]
    at: datetime | None = None


async def record(session: AsyncSession, *events: NewEvent) -> None:
    """Write events in the caller's transaction, in one statement."""
    await record_many(session, events)


async def record_many(session: AsyncSession, events: Sequence[NewEvent]) -> None:
    if not events:
        return
    now = clock.now()
    await RECORD.all(
        session,
        ids=[ids.new_id() for _ in events],
        types=[event.type for event in events],
        kinds=[event.object_kind for event in events],
        object_ids=[event.object_id for event in events],
        organisations=[",".join(str(value) for value in event.organisation_ids) for event in events],
        ats=[event.at or now for event in events],
    )
