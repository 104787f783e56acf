"""What capacity takes and shows."""

from typing import Annotated

from pydantic import Field

from app.capacity.models import SlotStatus
from app.clock import Instant
from app.http.schemas import VERSION, Code, In, Metadata, Out, example
from app.http.words import words
from app.ids import OfferingId, SlotId

MAX_BATCH = 500
Capacity = Annotated[int, Field(ge=1, le=1000, examples=[1])]


class SlotCreate(In):
    """A piece of capacity; its length is the offering's unit."""

    model_config = example(starts_at="2026-12-09T13:00:00Z", ends_at="2026-12-09T13:50:00Z", capacity=1)

    starts_at: Instant
    """When it starts (UTC)."""
    ends_at: Instant
    """When it ends (UTC)."""
    capacity: Capacity
    """How many people fit at once."""
    external_id: Code | None = Field(None, description="The slot's id in your own system")
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class SlotBatch(In):
    """Slots of one offering."""

    slots: Annotated[list[SlotCreate], Field(min_length=1, max_length=MAX_BATCH)]
    """The slots to publish: all of them, or none."""


class SlotBatchRead(Out):
    slot_ids: list[SlotId] = Field(description="The new slots, in the order in which they were given")


class SlotUpdate(In):
    model_config = example(capacity=2)

    capacity: Capacity
    """How many people fit at once."""


class PublicSlot(Out):
    """A slot that can be booked now."""

    id: SlotId
    offering_id: OfferingId
    """The offering."""
    starts_at: Instant
    """When it starts (UTC)."""
    ends_at: Instant
    """When it ends (UTC)."""
    capacity: int
    """How many people fit at once."""
    seats_left: int
    """How many seats are free."""


class SlotRead(Out):
    """A slot as its provider sees it."""

    id: SlotId
    offering_id: OfferingId
    """The offering."""
    starts_at: Instant
    """When it starts (UTC)."""
    ends_at: Instant
    """When it ends (UTC)."""
    capacity: int
    """How many people fit at once."""
    taken: int
    """How many seats are booked."""
    seats_left: int
    """How many seats are free."""
    status: SlotStatus
    """Whether the slot can be booked."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    version: int = Field(description=VERSION)
    created_at: Instant
    """When it was made, in business time (UTC)."""


words("SlotStatus", SlotStatus, open="it can be booked while seats are left", cancelled="it takes no bookings")
