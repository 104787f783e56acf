"""Routes of capacity: bookable slots for anyone, all slots for their provider."""

from datetime import datetime
from typing import Annotated, Any
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
    values = search.period(date_from, date_to)
    rows = await catalogue.all_of(
        session, queries.BOOKABLE, offering=offering_id, limit=page.fetch, **values, **_after(page)
    )
    return page.page(rows, _public_slot, _position)


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
    if (
        await catalogue.one_of(session, catalogue.OFFERING, provider=provider_id, id=offering_id, today=clock.today())
        is None
    ):
        raise NotFound
    values = search.period(date_from, date_to)
    values.pop("now")
    if date_from is None:
        values["period_from"] = EARLIEST
    rows = await catalogue.all_of(
        session,
        queries.OF_OFFERING,
        provider=provider_id,
        offering=offering_id,
        limit=page.fetch,
        **values,
        **_after(page),
    )
    return page.page(rows, _slot, _position)


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
    found = await catalogue.one_of(session, queries.ONE, provider=provider_id, id=slot_id)
    if found is None:
        raise NotFound
    set_etag(response, found["version"])
    return _slot(found)


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


def _after(page: Paging) -> dict[str, Any]:
    if page.after is None:
        return {"after_start": EARLIEST, "after_id": UUID(int=0)}
    return {"after_start": page.after[0], "after_id": page.after[1]}


def _position(row: catalogue.Row) -> list[str]:
    return [row["starts_at"].isoformat(), str(row["id"])]


def _public_slot(row: catalogue.Row) -> schemas.PublicSlot:
    return schemas.PublicSlot(**{name: row[name] for name in schemas.PublicSlot.model_fields})


def _slot(row: catalogue.Row) -> schemas.SlotOut:
    return schemas.SlotOut(**{name: row[name] for name in schemas.SlotOut.model_fields})
