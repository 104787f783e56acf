"""What capacity takes and shows."""

from typing import Annotated

from pydantic import Field

from app.capacity.models import SlotStatus
from app.clock import Instant
from app.http.schemas import VERSION, Code, In, Metadata, Out
from app.ids import OfferingId, SlotId

MAX_BATCH = 500
Capacity = Annotated[int, Field(ge=1, le=1000, examples=[1])]


class SlotCreate(In):
    """A piece of capacity; its length is the offering's unit."""

    starts_at: Instant
    ends_at: Instant
    capacity: Capacity
    external_id: Code | None = Field(None, description="The slot's id in your own system")
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class SlotBatch(In):
    """Slots of one offering."""

    slots: Annotated[list[SlotCreate], Field(min_length=1, max_length=MAX_BATCH)]


class SlotBatchRead(Out):
    slot_ids: list[SlotId] = Field(description="The new slots, in the order in which they were given")


class SlotUpdate(In):
    capacity: Capacity


class PublicSlot(Out):
    """A slot that can be booked now."""

    id: SlotId
    offering_id: OfferingId
    starts_at: Instant
    ends_at: Instant
    capacity: int
    seats_left: int


class SlotRead(Out):
    """A slot as its provider sees it."""

    id: SlotId
    offering_id: OfferingId
    starts_at: Instant
    ends_at: Instant
    capacity: int
    taken: int
    seats_left: int
    status: SlotStatus
    external_id: str | None
    metadata: dict[str, str]
    version: int = Field(description=VERSION)
    created_at: Instant
