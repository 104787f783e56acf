"""Routes of capacity: bookable slots for anyone, all slots for their provider."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from app import clock
from app.capacity import actions, queries, schemas
from app.capacity.errors import SlotClosed, SlotTaken
from app.catalogue import queries as catalogue
from app.catalogue import search
from app.catalogue.endpoints import check_period
from app.errors import NotFound
from app.http.access import access
from app.http.audiences import provider_router, public_router
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, Paging, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.ids import OfferingId, OrganisationId, SlotId

public = public_router()
provider = provider_router()

FromDay = Annotated[clock.Day | None, Query(description="first Rome day")]
ToDay = Annotated[clock.Day | None, Query(description="last Rome day")]


@public.get("/offerings/{offering_id}/slots", response_model=Page[schemas.PublicSlot])
@access("public", errors=[BadCursor])
async def slot_search(
    session: SessionDep,
    actor: ActorDep,
    page: PagingDep,
    offering_id: OfferingId,
    date_from: FromDay = None,
    date_to: ToDay = None,
) -> Page[schemas.PublicSlot]:
    """Show slots that can be booked now: open, seats left, far enough ahead for the provider's notice."""
    check_period(date_from, date_to)
    if await search.offering(session, await search.viewer_of(session, actor), offering_id) is None:
        raise NotFound
    now = clock.now()
    asked = _stretch(page, date_from, date_to, now)
    rows = await queries.BOOKABLE.all(session, offering_id=offering_id, now=now, **asked)
    return page.page(rows, schemas.PublicSlot.model_validate, _position)


@provider.get("/offerings/{offering_id}/slots", response_model=Page[schemas.SlotOut])
@access("catalogue:read", errors=[BadCursor])
async def slot_list(
    session: SessionDep,
    page: PagingDep,
    provider_id: OrganisationId,
    offering_id: OfferingId,
    date_from: FromDay = None,
    date_to: ToDay = None,
) -> Page[schemas.SlotOut]:
    """Show every slot of an offering by start, past and cancelled ones too."""
    check_period(date_from, date_to)
    if not await catalogue.owns_offering(session, provider_id, offering_id):
        raise NotFound
    asked = _stretch(page, date_from, date_to, EARLIEST)
    rows = await queries.SLOTS.all(session, provider_id=provider_id, offering_id=offering_id, **asked)
    return page.page(rows, schemas.SlotOut.model_validate, _position)


@provider.post("/offerings/{offering_id}/slots", response_model=schemas.SlotOut, status_code=201)
@access("catalogue:write")
async def slot_create(
    session: SessionDep,
    actor: ActorDep,
    response: Response,
    provider_id: OrganisationId,
    offering_id: OfferingId,
    body: schemas.SlotNew,
) -> schemas.SlotOut:
    """Publish one slot."""
    slot_id = await actions.create_slot(session, actor, provider_id, offering_id, body)
    return await slot_read(session, response, provider_id, slot_id)


@provider.get("/slots/{slot_id}", response_model=schemas.SlotOut)
@access("catalogue:read")
async def slot_read(
    session: SessionDep, response: Response, provider_id: OrganisationId, slot_id: SlotId
) -> schemas.SlotOut:
    found = await queries.SLOT.maybe(session, provider_id=provider_id, id=slot_id)
    if found is None:
        raise NotFound
    set_etag(response, found.version)
    return schemas.SlotOut.model_validate(found)


@provider.patch("/slots/{slot_id}", response_model=schemas.SlotOut)
@access("catalogue:write", errors=[SlotTaken, SlotClosed, MalformedPrecondition])
async def slot_update(
    session: SessionDep,
    actor: ActorDep,
    response: Response,
    provider_id: OrganisationId,
    slot_id: SlotId,
    version: ExpectedVersion,
    body: schemas.SlotPatch,
) -> schemas.SlotOut:
    """Change the capacity, not below what is taken; time and offering of a slot never change."""
    await actions.resize_slot(session, actor, provider_id, slot_id, version, body.capacity)
    return await slot_read(session, response, provider_id, slot_id)


EARLIEST = clock.midnight(datetime(clock.FIRST_YEAR, 1, 1, tzinfo=clock.ROME).date())


def _stretch(
    page: Paging, date_from: clock.Day | None, date_to: clock.Day | None, earliest: datetime
) -> dict[str, object]:
    """Return from and before when slots start, after which one the page begins and how long it is."""
    start, end = search.period(date_from, date_to, earliest)
    after_start, after_id = page.after or (EARLIEST, UUID(int=0))
    return {
        "period_from": start,
        "period_to": end,
        "after_start": after_start,
        "after_id": after_id,
        "limit": page.fetch,
    }


def _position(row: queries.BookableSlot) -> list[str]:
    return [row.starts_at.isoformat(), str(row.id)]
