"""Routes of capacity: bookable slots for anyone, all slots for their provider."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from app import clock
from app.capacity import actions, queries, schemas
from app.capacity.errors import SlotClosed, SlotTaken
from app.catalogue import queries as catalogue
from app.edge.at import At
from app.errors import NotFound
from app.http.audiences import provider_router, public_router
from app.http.pagination import Paging, PagingDep
from app.http.period import period
from app.http.schemas import Page
from app.ids import OfferingId, SlotId

public = public_router()
provider = provider_router()

FromDay = Annotated[clock.Day | None, Query(description="first Rome day")]
ToDay = Annotated[clock.Day | None, Query(description="last Rome day")]


@public.list("/offerings/{offering_id}/slots", "public", fresh_seconds=0)
async def slot_search(
    at: At, paging: PagingDep, offering_id: OfferingId, date_from: FromDay = None, date_to: ToDay = None
) -> Page[schemas.PublicSlot]:
    """Show slots that can be booked now: open, seats left, far enough ahead for the provider's notice."""
    now = clock.now()
    asked = _stretch(paging, date_from, date_to, now)
    viewer = await catalogue.viewer_of(at.session, at.actor)
    if await catalogue.visible_offering(at.session, viewer, offering_id) is None:
        raise NotFound
    rows = await queries.BOOKABLE.all(at.session, offering_id=offering_id, now=now, **asked)
    return paging.page(rows, schemas.PublicSlot.model_validate, _position)


@provider.list("/offerings/{offering_id}/slots", "catalogue:read")
async def slot_list(
    at: At, paging: PagingDep, offering_id: OfferingId, date_from: FromDay = None, date_to: ToDay = None
) -> Page[schemas.SlotRead]:
    """Show every slot of an offering by start, past and cancelled ones too."""
    asked = _stretch(paging, date_from, date_to, EARLIEST)
    if not await catalogue.owns_offering(at.session, at.tenant, offering_id):
        raise NotFound
    rows = await queries.SLOTS.all(at.session, provider_id=at.tenant, offering_id=offering_id, **asked)
    return paging.page(rows, schemas.SlotRead.model_validate, _position)


@provider.command("/offerings/{offering_id}/slots", "catalogue:write", keyed=False, status=201, audit="slot.create")
async def slot_create(at: At, offering_id: OfferingId, body: schemas.SlotCreate) -> schemas.SlotRead:
    """Publish one slot."""
    slot_id = await actions.create_slot(at.session, at.tenant, offering_id, body)
    return at.about(slot_id, await slot_get(at, slot_id))


@provider.read("/slots/{slot_id}", "catalogue:read")
async def slot_get(at: At, slot_id: SlotId) -> schemas.SlotRead:
    """Show one slot with its seats."""
    found = await queries.SLOT.maybe(at.session, provider_id=at.tenant, id=slot_id)
    if found is None:
        raise NotFound
    return at.tagged(found.version, schemas.SlotRead.model_validate(found))


@provider.change("/slots/{slot_id}", "catalogue:write", errors=[SlotTaken, SlotClosed], audit="slot.resize")
async def slot_update(at: At, slot_id: SlotId, body: schemas.SlotUpdate) -> schemas.SlotRead:
    """Change the capacity, not below what is taken; time and offering of a slot never change."""
    await actions.resize_slot(at.session, at.tenant, slot_id, at.expected_version, body.capacity)
    return await slot_get(at, slot_id)


EARLIEST = clock.midnight(datetime(clock.FIRST_YEAR, 1, 1, tzinfo=clock.ROME).date())


def _stretch(
    paging: Paging, date_from: clock.Day | None, date_to: clock.Day | None, earliest: datetime
) -> dict[str, object]:
    """Return from and before when slots start, after which one the page begins and how long it is."""
    start, end = period(date_from, date_to, earliest)
    after_start, after_id = paging.after or (EARLIEST, UUID(int=0))
    return {
        "period_from": start,
        "period_to": end,
        "after_start": after_start,
        "after_id": after_id,
        "limit": paging.fetch,
    }


def _position(row: queries.BookableSlot) -> list[str]:
    return [row.starts_at.isoformat(), str(row.id)]
