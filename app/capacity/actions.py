"""What happens to slots: published, resized, closed by their provider; seats given back by bookings."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.capacity import queries, schemas
from app.capacity.errors import SlotClosed, SlotTaken
from app.capacity.models import HolderKind, Slot
from app.capacity.queries import LockedSlot
from app.errors import Invalid, NotFound, PreconditionFailed
from app.events.actions import NewEvent
from app.events.actions import record as record_event

MONTHS_AHEAD = 24
MAX_DAYS = 31


async def create_slots(
    session: AsyncSession, provider_id: UUID, offering_id: UUID, wanted: Sequence[schemas.SlotCreate], *, pointer: str
) -> list[UUID]:
    """Publish slots, all or none: each in the future, at most 24 months ahead and 31 days long.

    `pointer` says where in the request a slot stands, `{}` for its place.
    """
    now = clock.now()
    wrong = [
        (pointer.format(place) + where, code, detail)
        for place, slot in enumerate(wanted)
        for where, code, detail in _problems(slot, now)
    ]
    if wrong:
        raise Invalid(*wrong[0], *wrong[1:50])
    made = [ids.new_id() for _ in wanted]
    published = await queries.PUBLISH.run(
        session,
        provider_id=provider_id,
        offering_id=offering_id,
        created_at=now,
        ids=made,
        starts=[slot.starts_at for slot in wanted],
        ends=[slot.ends_at for slot in wanted],
        capacities=[slot.capacity for slot in wanted],
        external_ids=[slot.external_id for slot in wanted],
        metadata=[json.dumps(slot.metadata) for slot in wanted],
    )
    if not published:
        raise NotFound
    return made


def _problems(wanted: schemas.SlotCreate, now: datetime) -> Iterator[tuple[str, str, str]]:
    if wanted.starts_at <= now:
        yield "/starts_at", "slot_past", "a slot starts in the future"
    elif wanted.starts_at >= _horizon():
        yield "/starts_at", "slot_too_far", f"a slot starts at most {MONTHS_AHEAD} months ahead"
    elif wanted.ends_at <= wanted.starts_at:
        yield "/ends_at", "end_before_start", "a slot ends after it starts"
    elif (wanted.ends_at - wanted.starts_at).days > MAX_DAYS:
        yield "/ends_at", "slot_too_long", f"a slot lasts at most {MAX_DAYS} days"


async def resize_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID, version: int, capacity: int) -> None:
    """Change a slot's capacity; SlotTaken below what is booked (the row's CHECK stands behind it)."""
    found = await _lock_one(session, provider_id, slot_id)
    if found.version != version:
        raise PreconditionFailed
    if found.status != "open":
        raise SlotClosed
    if capacity < found.taken:
        raise SlotTaken(taken=found.taken)
    own = update(Slot).where(Slot.provider_id == provider_id, Slot.id == slot_id)
    await session.execute(own.values(capacity=capacity, version=Slot.version + 1))


async def close_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID) -> None:
    """Take a slot off sale for good, after its bookings were cancelled and their seats given back.

    Raises NotFound, SlotClosed when it is closed already, SlotTaken when a seat is (or was meanwhile) taken.
    """
    found = await _lock_one(session, provider_id, slot_id)
    if found.status != "open":
        raise SlotClosed
    if found.taken:
        raise SlotTaken(taken=found.taken)
    own = update(Slot).where(Slot.provider_id == provider_id, Slot.id == slot_id)
    await session.execute(own.values(status="cancelled", version=Slot.version + 1))
    await record_event(session, NewEvent("slot.cancelled", "slot", slot_id, (provider_id,)))


async def lock(session: AsyncSession, slot_ids: Sequence[UUID]) -> None:
    """Lock slots by id, for callers that give back seats of several bookings."""
    if slot_ids:
        await queries.LOCK.run(session, ids=list(slot_ids))


async def give_back(session: AsyncSession, kind: HolderKind, holder_ids: Sequence[UUID], *, at: datetime) -> None:
    """Give back all seats that these holders have; who has none is refused by the database."""
    if holder_ids:
        await queries.GIVE_BACK.run(session, kind=kind, holder_ids=list(holder_ids), at=at)


async def _lock_one(session: AsyncSession, provider_id: UUID, slot_id: UUID) -> LockedSlot:
    found = await queries.LOCK_ONE.maybe(session, provider_id=provider_id, id=slot_id)
    if found is None:
        raise NotFound
    return found


def _horizon() -> datetime:
    """Return the instant from which on no slot may start."""
    today = clock.today()
    month = today.replace(day=1, year=today.year + MONTHS_AHEAD // 12)
    last = (month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1) - month).days
    return clock.end_of(month.replace(day=min(today.day, last)))
