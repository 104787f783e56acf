"""What an organisation reads of its feed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db import Query


@dataclass(frozen=True, slots=True)
class FeedRow:
    """An event at its place; the place is nobody's business: it counts also what this reader does not see."""

    position: int
    event_id: UUID
    type: str
    object_kind: str
    object_id: UUID
    happened_at: datetime


FEED = Query(FeedRow, "events.feed")
POSITION_OF = Query(int, "events.position_of")
