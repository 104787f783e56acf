"""What an organisation reads of its feed."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.db import Query
from app.listing import ListQuery


@dataclass(frozen=True, slots=True)
class FeedRow:
    """An event at its place; the place is nobody's business: it counts also what this reader does not see."""

    position: int
    event_id: UUID
    type: str
    object_kind: str
    object_id: UUID
    happened_at: datetime


FEED = ListQuery(FeedRow, "events.feed", {"position": "position bigint"})
POSITION_OF = Query(int, "events.position_of")
