"""Routes of the catalogue: public search and providers, and the provider's own offerings."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.catalogue import actions, queries, schemas, search
from app.catalogue.errors import PriceOverlap
from app.catalogue.models import Mode
from app.errors import Invalid, NotFound
from app.http.access import access
from app.http.audiences import provider_router, public_router
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, Paging, PagingDep, paging
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.ids import OfferingId, OrganisationId, SiteId
from app.money import MAX_CENTS
from app.organisations import actions as parties
from app.organisations.schemas import ProviderUpdate
from app.rules.book import book_in_force
from app.territory.schemas import IstatCode

public = public_router()
provider = provider_router()

FIRST = UUID(int=0)


async def whole_list(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100)] = 100,
    cursor: Annotated[str | None, Query(max_length=500)] = None,
) -> Paging:
    """Return a page large enough for lists that are short by nature."""
    return await paging(request, limit, cursor)


ShortListDep = Annotated[Paging, Depends(whole_list)]


@public.get("/offerings", response_model=Page[schemas.PublicOffering])
@access("public", errors=[BadCursor])
async def offering_search(
    session: SessionDep,
    actor: ActorDep,
    page: PagingDep,
    q: Annotated[str | None, Query(max_length=200, description="words, Italian; quotes, `or` and `-word` work")] = None,
    category: Annotated[str | None, Query(max_length=64)] = None,
    municipality: Annotated[IstatCode | None, Query(description="in the service area, or no area")] = None,
    provider_id: Annotated[OrganisationId | None, Query()] = None,
    age: Annotated[int | None, Query(ge=0, le=130)] = None,
    date_from: Annotated[clock.Day | None, Query(description="a free slot on or after this Rome day")] = None,
    date_to: Annotated[clock.Day | None, Query(description="a free slot on or before this Rome day")] = None,
    max_price_cents: Annotated[int | None, Query(ge=0, le=MAX_CENTS)] = None,
    mode: Annotated[Mode | None, Query()] = None,
) -> Page[schemas.PublicOffering]:
    """Search what can be booked: by relevance where words are given, else by name."""
    check_period(date_from, date_to)
    words = q if q is not None and q.strip() else None
    filters = search.Filters(
        q=words,
        category=category,
        municipality=municipality,
        provider_id=provider_id,
        age=age,
        date_from=date_from,
        date_to=date_to,
        max_price_cents=max_price_cents,
        mode=mode,
    )
    viewer = await search.viewer_of(session, actor)
    rows = await search.search(session, viewer, filters, page.fetch, page.after)
    return page.page(rows, schemas.PublicOffering.model_validate, search.position)


@public.get("/offerings/{offering_id}", response_model=schemas.PublicOffering)
@access("public")
async def offering_read(session: SessionDep, actor: ActorDep, offering_id: OfferingId) -> schemas.PublicOffering:
    found = await search.offering(session, await search.viewer_of(session, actor), offering_id)
    if found is None:
        raise NotFound
    return schemas.PublicOffering.model_validate(found)


@public.get("/providers", response_model=Page[schemas.PublicProvider])
@access("public", errors=[BadCursor])
async def provider_list(session: SessionDep, page: PagingDep) -> Page[schemas.PublicProvider]:
    """Providers by name."""
    after = page.after[0] if page.after else None
    rows = await queries.PROVIDERS.all(session, after=after, limit=page.fetch)
    return page.page(rows, schemas.PublicProvider.model_validate, lambda row: [str(row.id)])


@public.get("/providers/{provider_id}", response_model=schemas.PublicProvider)
@access("public")
async def provider_read(session: SessionDep, response: Response, provider_id: OrganisationId) -> schemas.PublicProvider:
    found = await queries.PROVIDER.maybe(session, id=provider_id)
    if found is None:
        raise NotFound
    set_etag(response, found.version)
    return schemas.PublicProvider.model_validate(found)


@public.get("/categories", response_model=Page[schemas.CategoryOut])
@access("public", errors=[BadCursor])
async def category_list(page: ShortListDep) -> Page[schemas.CategoryOut]:
    """Kinds of care of today and the rule codes that may pay for them, preferred first."""
    seen = page.after[0] if page.after else ""
    today = book_in_force().categories_on(clock.today())
    rows = sorted((row for row in today if row.code > seen), key=lambda row: row.code)
    return page.page(rows, schemas.CategoryOut.model_validate, lambda row: [row.code])


@public.get("/rules", response_model=Page[schemas.RuleOut])
@access("public", errors=[BadCursor])
async def rule_list(
    page: ShortListDep, on: Annotated[clock.Day | None, Query(description="default today (Rome)")] = None
) -> Page[schemas.RuleOut]:
    """Show the rule codes in force on a day, with citation and whether an adviser confirmed the row."""
    seen = page.after[0] if page.after else ""
    valid = book_in_force().rules_on(on or clock.today())
    rows = sorted((row for row in valid if row.code > seen), key=lambda row: row.code)
    return page.page(rows, schemas.RuleOut.model_validate, lambda row: [row.code])


@provider.patch("", response_model=schemas.PublicProvider)
@access("provider:write", errors=[MalformedPrecondition])
async def provider_update(
    session: SessionDep,
    actor: ActorDep,
    response: Response,
    provider_id: OrganisationId,
    version: ExpectedVersion,
    body: ProviderUpdate,
) -> schemas.PublicProvider:
    """Change the public profile; the ETag is that of `GET /v1/providers/{provider_id}`."""
    await parties.update_profile(session, actor, provider_id, version, body)
    return await provider_read(session, response, provider_id)


@provider.get("/sites", response_model=Page[schemas.SiteOut])
@access("catalogue:read", errors=[BadCursor])
async def site_list(session: SessionDep, page: PagingDep, provider_id: OrganisationId) -> Page[schemas.SiteOut]:
    rows = await queries.sites(session, provider_id, _after_id(page), page.fetch)
    return page.page(rows, schemas.SiteOut.model_validate, lambda row: [str(row.id)])


@provider.post("/sites", response_model=schemas.SiteOut, status_code=201)
@access("catalogue:write")
async def site_create(
    session: SessionDep, actor: ActorDep, response: Response, provider_id: OrganisationId, body: schemas.SiteNew
) -> schemas.SiteOut:
    site_id = await actions.create_site(session, actor, provider_id, body)
    return await site_read(session, response, provider_id, site_id)


@provider.get("/sites/{site_id}", response_model=schemas.SiteOut)
@access("catalogue:read")
async def site_read(
    session: SessionDep, response: Response, provider_id: OrganisationId, site_id: SiteId
) -> schemas.SiteOut:
    found = await queries.site(session, provider_id, site_id)
    if found is None:
        raise NotFound
    set_etag(response, found.version)
    return schemas.SiteOut.model_validate(found)


@provider.patch("/sites/{site_id}", response_model=schemas.SiteOut)
@access("catalogue:write", errors=[MalformedPrecondition])
async def site_update(
    session: SessionDep,
    actor: ActorDep,
    response: Response,
    provider_id: OrganisationId,
    site_id: SiteId,
    version: ExpectedVersion,
    body: schemas.SitePatch,
) -> schemas.SiteOut:
    await actions.update_site(session, actor, provider_id, site_id, version, body)
    return await site_read(session, response, provider_id, site_id)


@provider.get("/offerings", response_model=Page[schemas.OfferingOut])
@access("catalogue:read", errors=[BadCursor])
async def provider_offering_list(
    session: SessionDep, page: PagingDep, provider_id: OrganisationId
) -> Page[schemas.OfferingOut]:
    """The provider's offerings, withdrawn ones too, oldest first."""
    rows = await queries.OFFERINGS.all(
        session, provider_id=provider_id, after=_after_id(page), limit=page.fetch, today=clock.today()
    )
    return page.page(rows, schemas.OfferingOut.model_validate, lambda row: [str(row.id)])


@provider.post("/offerings", response_model=schemas.OfferingOut, status_code=201)
@access("catalogue:write")
async def offering_create(
    session: SessionDep, actor: ActorDep, response: Response, provider_id: OrganisationId, body: schemas.OfferingNew
) -> schemas.OfferingOut:
    """Publish an offering; its price is valid from today."""
    offering_id = await actions.create_offering(session, actor, provider_id, body)
    return await provider_offering_read(session, response, provider_id, offering_id)


@provider.get("/offerings/{offering_id}", response_model=schemas.OfferingOut)
@access("catalogue:read")
async def provider_offering_read(
    session: SessionDep, response: Response, provider_id: OrganisationId, offering_id: OfferingId
) -> schemas.OfferingOut:
    found = await queries.offering(session, provider_id, offering_id)
    if found is None:
        raise NotFound
    set_etag(response, found.version)
    return schemas.OfferingOut.model_validate(found)


@provider.patch("/offerings/{offering_id}", response_model=schemas.OfferingOut)
@access("catalogue:write", errors=[MalformedPrecondition])
async def offering_update(
    session: SessionDep,
    actor: ActorDep,
    response: Response,
    provider_id: OrganisationId,
    offering_id: OfferingId,
    version: ExpectedVersion,
    body: schemas.OfferingPatch,
) -> schemas.OfferingOut:
    """Change terms for future bookings; `status: inactive` withdraws the offering."""
    await actions.update_offering(session, actor, provider_id, offering_id, version, body)
    return await provider_offering_read(session, response, provider_id, offering_id)


@provider.get("/offerings/{offering_id}/prices", response_model=Page[schemas.PriceOut])
@access("catalogue:read", errors=[BadCursor])
async def price_list(
    session: SessionDep, page: PagingDep, provider_id: OrganisationId, offering_id: OfferingId
) -> Page[schemas.PriceOut]:
    """Past, present and future prices, oldest first."""
    if not await queries.owns_offering(session, provider_id, offering_id):
        raise NotFound
    after = page.after[0] if page.after else f"{clock.FIRST_YEAR}-01-01"
    rows = await queries.PRICES.all(
        session, provider_id=provider_id, offering_id=offering_id, after=after, limit=page.fetch
    )
    return page.page(rows, schemas.PriceOut.model_validate, lambda row: [row.valid_from.isoformat()])


@provider.post("/offerings/{offering_id}/prices", response_model=schemas.PriceOut, status_code=201)
@access("catalogue:write", errors=[PriceOverlap])
async def price_create(
    session: SessionDep, actor: ActorDep, provider_id: OrganisationId, offering_id: OfferingId, body: schemas.PriceNew
) -> schemas.PriceOut:
    """Set a price from today or later on; without `valid_to` it ends the open-ended price before it."""
    price_id = await actions.add_price(session, actor, provider_id, offering_id, body)
    return schemas.PriceOut(id=price_id, offering_id=offering_id, **body.model_dump())


def check_period(date_from: clock.Day | None, date_to: clock.Day | None) -> None:
    """Refuse a period that ends before it begins."""
    if date_from is not None and date_to is not None and date_to < date_from:
        raise Invalid("/query/date_to", "end_before_start", "the last day is before the first")


def _after_id(page: Paging) -> UUID:
    return UUID(page.after[0]) if page.after else FIRST
