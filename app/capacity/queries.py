"""Reads and locks of slots; tenant scope is in every statement."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.capacity.models import SlotStatus
from app.db import APP, NOTHING, WORKER, Query


@dataclass(frozen=True, slots=True)
class BookableSlot:
    """A slot that can be booked now."""

    id: UUID
    offering_id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int
    seats_left: int


@dataclass(frozen=True, slots=True)
class SlotRow(BookableSlot):
    """A slot as its provider sees it."""

    taken: int
    status: SlotStatus
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class LockedSlot:
    status: SlotStatus
    taken: int
    version: int


PUBLISH = Query(NOTHING, "capacity.publish")
SLOT = Query(SlotRow, "capacity.slot")
SLOTS = Query(SlotRow, "capacity.slots")
BOOKABLE = Query(BookableSlot, "capacity.bookable")
LOCK_ONE = Query(LockedSlot, "capacity.lock_one")
LOCK = Query(UUID, "capacity.lock", roles=(APP, WORKER))
GIVE_BACK = Query(NOTHING, "capacity.give_back", roles=(APP, WORKER))
