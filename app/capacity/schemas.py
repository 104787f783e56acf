"""What capacity takes and shows."""

from typing import Annotated

from pydantic import Field

from app.capacity.models import SlotStatus
from app.clock import Instant
from app.http.schemas import In, Out
from app.ids import OfferingId, SlotId

Capacity = Annotated[int, Field(ge=1, le=1000, examples=[1])]


class SlotCreate(In):
    """A piece of capacity; its length is the offering's unit."""

    starts_at: Instant
    ends_at: Instant
    capacity: Capacity


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
    created_at: Instant
