"""Routes of capacity: bookable slots for anyone, all slots for their provider."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query

from app import clock
from app.capacity import actions, queries, schemas
from app.capacity.errors import SlotClosed, SlotTaken
from app.capacity.models import SlotStatus
from app.catalogue import queries as catalogue
from app.edge.at import At
from app.errors import NotFound
from app.http.audiences import provider_router, public_router
from app.http.filters import ExternalId, any_of
from app.http.pagination import Paging, ordered
from app.http.period import period
from app.http.schemas import Page
from app.ids import OfferingId, SlotId

public = public_router()
provider = provider_router()

FromDay = Annotated[clock.Day | None, Query(description="first Rome day")]
ByStart = Annotated[Paging, Depends(ordered("starts_at", "-starts_at"))]
EARLIEST = clock.midnight(datetime(clock.FIRST_YEAR, 1, 1, tzinfo=clock.ROME).date())
MAX_BATCH_BYTES = 512 * 1024
ToDay = Annotated[clock.Day | None, Query(description="last Rome day")]


@public.list("/offerings/{offering_id}/slots", "public", fresh_seconds=0)
async def slot_search(
    at: At, paging: ByStart, offering_id: OfferingId, date_from: FromDay = None, date_to: ToDay = None
) -> Page[schemas.PublicSlot]:
    """Show slots that can be booked now: open, seats left, far enough ahead for the provider's notice."""
    now = clock.now()
    start, end = period(date_from, date_to, now)
    viewer = await catalogue.viewer_of(at.session, at.actor)
    if await catalogue.visible_offering(at.session, viewer, offering_id) is None:
        raise NotFound
    found = await queries.BOOKABLE.page(
        at.session, paging.window, offering_id=offering_id, now=now, period_from=start, period_to=end
    )
    return paging.page(found, schemas.PublicSlot.model_validate)


@provider.list("/offerings/{offering_id}/slots", "catalogue:read")
async def slot_list(
    at: At,
    paging: ByStart,
    offering_id: OfferingId,
    date_from: FromDay = None,
    date_to: ToDay = None,
    status: Annotated[list[SlotStatus] | None, Query(description="may be repeated")] = None,
    external_id: ExternalId = None,
) -> Page[schemas.SlotRead]:
    """Show every slot of an offering by start, past and cancelled ones too."""
    start, end = period(date_from, date_to, EARLIEST)
    if not await catalogue.owns_offering(at.session, at.tenant, offering_id):
        raise NotFound
    found = await queries.SLOTS.page(
        at.session, paging.window, provider_id=at.tenant, offering_id=offering_id, period_from=start, period_to=end,
        statuses=any_of(status), external_id=external_id,
    )  # fmt: skip
    return paging.page(found, schemas.SlotRead.model_validate)


@provider.command("/offerings/{offering_id}/slots", "catalogue:write", keyed=False, status=201, audit="slot.create")
async def slot_create(at: At, offering_id: OfferingId, body: schemas.SlotCreate) -> schemas.SlotRead:
    """Publish one slot."""
    (slot_id,) = await actions.create_slots(at.session, at.tenant, offering_id, [body], pointer="")
    return at.about(slot_id, await slot_get(at, slot_id))


@provider.command(
    "/offerings/{offering_id}/slots/batch",
    "catalogue:write",
    status=201,
    max_bytes=MAX_BATCH_BYTES,
    made_in="/v1/providers/{provider_id}/offerings/{offering_id}/slots",
    audit="slot.create",
)
async def slot_create_batch(at: At, offering_id: OfferingId, body: schemas.SlotBatch) -> schemas.SlotBatchRead:
    """Publish up to 500 slots, all or none; a slot that is not acceptable is named by its place in the list."""
    made = await actions.create_slots(at.session, at.tenant, offering_id, body.slots, pointer="/slots/{}")
    at.showing(made)
    return at.about(at.tenant, schemas.SlotBatchRead(slot_ids=made))


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
