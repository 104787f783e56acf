"""What happens to slots: published, resized, closed by their provider; seats taken and given back by bookings."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.capacity import queries, schemas
from app.capacity.errors import SlotClosed, SlotFull, SlotTaken
from app.catalogue import queries as catalogue
from app.errors import Invalid, NotFound, PreconditionFailed

MONTHS_AHEAD = 24
MAX_DAYS = 31
INSERT = text("""
    INSERT INTO slot (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at)
    SELECT :id, o.provider_id, o.id, :starts_at, :ends_at, :capacity, :at
    FROM offering o WHERE o.provider_id = :provider AND o.id = :offering RETURNING id
""")
RESIZE = text("UPDATE slot SET capacity = :capacity, version = version + 1 WHERE provider_id = :provider AND id = :id")
CLOSE = text("UPDATE slot SET status = 'cancelled', version = version + 1 WHERE provider_id = :provider AND id = :id")


async def create_slot(
    session: AsyncSession, actor: Actor, provider_id: UUID, offering_id: UUID, wanted: schemas.SlotNew
) -> UUID:
    """Publish a slot in the future, at most 24 months ahead and 31 days long."""
    now = clock.now()
    if wanted.starts_at <= now:
        raise Invalid("/starts_at", "slot_past", "a slot starts in the future")
    if wanted.starts_at >= _horizon():
        raise Invalid("/starts_at", "slot_too_far", f"a slot starts at most {MONTHS_AHEAD} months ahead")
    if wanted.ends_at <= wanted.starts_at:
        raise Invalid("/ends_at", "end_before_start", "a slot ends after it starts")
    if (wanted.ends_at - wanted.starts_at).days > MAX_DAYS:
        raise Invalid("/ends_at", "slot_too_long", f"a slot lasts at most {MAX_DAYS} days")
    slot_id = ids.new_id()
    values = {
        "id": slot_id,
        "provider": provider_id,
        "offering": offering_id,
        "starts_at": wanted.starts_at,
        "ends_at": wanted.ends_at,
        "capacity": wanted.capacity,
        "at": now,
    }
    if (await session.execute(INSERT, values)).one_or_none() is None:
        raise NotFound
    await audit.record(session, actor, "slot.create", "slot", slot_id)
    return slot_id


async def resize_slot(
    session: AsyncSession, actor: Actor, provider_id: UUID, slot_id: UUID, version: int, capacity: int
) -> None:
    """Change a slot's capacity; SlotTaken below what is booked (the row's CHECK stands behind it)."""
    found = await catalogue.one_of(session, queries.ONE_LOCKED, provider=provider_id, id=slot_id)
    if found is None:
        raise NotFound
    if found["version"] != version:
        raise PreconditionFailed
    if found["status"] != "open":
        raise SlotClosed
    if capacity < found["taken"]:
        raise SlotTaken(taken=found["taken"])
    await session.execute(RESIZE, {"capacity": capacity, "provider": provider_id, "id": slot_id})
    await audit.record(session, actor, "slot.resize", "slot", slot_id)


async def close_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID) -> None:
    """Take a slot off sale for good, after its bookings were cancelled and their seats given back.

    Raises NotFound, SlotClosed when it is closed already, SlotTaken when a seat is (or was meanwhile) taken.
    """
    found = await catalogue.one_of(session, queries.ONE_LOCKED, provider=provider_id, id=slot_id)
    if found is None:
        raise NotFound
    if found["status"] != "open":
        raise SlotClosed
    if found["taken"]:
        raise SlotTaken(taken=found["taken"])
    await session.execute(CLOSE, {"provider": provider_id, "id": slot_id})


async def take(session: AsyncSession, slot_ids: Sequence[UUID]) -> None:
    """Take one seat per named slot in one statement, all or nothing once the caller rolls back.

    Raises SlotClosed where a slot is not open (or is none), SlotFull where no seat is left.
    """
    if not slot_ids:
        return
    rows = (await session.execute(queries.TAKE, {"slots": list(slot_ids)})).all()
    if any(row.status != "open" for row in rows):
        raise SlotClosed
    if not all(row.took for row in rows):
        raise SlotFull


async def lock(session: AsyncSession, slot_ids: Sequence[UUID]) -> None:
    """Lock slots by id, for callers that give back seats of several bookings."""
    if slot_ids:
        await session.execute(queries.LOCK, {"slots": list(slot_ids)})


async def give_back(session: AsyncSession, slot_ids: Sequence[UUID]) -> None:
    """Give back one seat per named slot; the CHECK refuses more than were taken."""
    if slot_ids:
        await session.execute(queries.GIVE_BACK, {"slots": list(slot_ids)})


def _horizon() -> datetime:
    """Return the instant from which on no slot may start."""
    today = clock.today()
    month = today.replace(day=1, year=today.year + MONTHS_AHEAD // 12)
    last = (month.replace(year=month.year + month.month // 12, month=month.month % 12 + 1) - month).days
    return clock.end_of(month.replace(day=min(today.day, last)))
