"""Routes of the catalogue: public offerings and providers, and the provider's own offerings."""

from typing import Annotated

from fastapi import Depends, Query

from app import clock
from app.catalogue import actions, queries, schemas
from app.catalogue.errors import PriceOverlap
from app.catalogue.models import OfferingStatus
from app.edge.at import At
from app.errors import NotFound
from app.http.audiences import provider_router, public_router
from app.http.filters import ExternalId, UpdatedSince, Words, any_of, containing, literal
from app.http.pagination import Paging, ordered
from app.http.schemas import Page
from app.ids import OfferingId, OrganisationId, SiteId
from app.listing import page_in
from app.organisations import actions as parties
from app.organisations.schemas import ProviderUpdate
from app.rules.book import book_in_force

public = public_router()
provider = provider_router()


ByName = Annotated[Paging, Depends(ordered("name", "-name"))]
ByCode = Annotated[Paging, Depends(ordered("code", "-code", limit=100))]
"""Lists that are short by nature come whole."""
Named = Annotated[Paging, Depends(ordered("created_at", "-created_at", "name", "-name"))]


@public.read("/offerings/{offering_id}", "public", fresh_seconds=0)
async def offering_get(at: At, offering_id: OfferingId) -> schemas.PublicOffering:
    """Show one offering as anyone sees it."""
    found = await queries.visible_offering(at.session, await queries.viewer_of(at.session, at.actor), offering_id)
    if found is None:
        raise NotFound
    return schemas.PublicOffering.model_validate(found)


@public.list("/providers", "public", fresh_seconds=0)
async def provider_list(at: At, paging: ByName, q: Words = None) -> Page[schemas.PublicProvider]:
    """Providers by name."""
    found = await queries.PROVIDERS.page(at.session, paging.window, words=None if q is None else literal(q))
    return paging.page(found, schemas.PublicProvider.model_validate)


@public.read("/providers/{provider_id}", "public", fresh_seconds=0)
async def provider_get(at: At, provider_id: OrganisationId) -> schemas.PublicProvider:
    """Show one provider with the places where it gives care."""
    found = await queries.PROVIDER.maybe(at.session, id=provider_id)
    if found is None:
        raise NotFound
    return at.tagged(found.version, schemas.PublicProvider.model_validate(found))


@public.list("/categories", "public", fresh_seconds=300)
async def category_list(paging: ByCode) -> Page[schemas.CategoryRead]:
    """Kinds of care of today and the rule codes that may pay for them, preferred first."""
    today = book_in_force().categories_on(clock.today())
    found = page_in(list(today), paging.window, {"code": lambda row: [row.code]})
    return paging.page(found, schemas.CategoryRead.model_validate)


@provider.change("", "provider:write", audit="provider.update")
async def provider_update(at: At, body: ProviderUpdate) -> schemas.PublicProvider:
    """Change the public profile; the ETag is that of `GET /v1/providers/{provider_id}`."""
    await parties.update_profile(at.session, at.tenant, at.expected_version, body)
    return await provider_get(at, at.tenant)


@provider.list("/sites", "catalogue:read")
async def site_list(at: At, paging: Named, q: Words = None, external_id: ExternalId = None) -> Page[schemas.SiteRead]:
    """List the provider's places, oldest first."""
    found = await queries.sites(at.session, at.tenant, paging.window, words=q, external_id=external_id)
    return paging.page(found, schemas.SiteRead.model_validate)


@provider.command("/sites", "catalogue:write", keyed=False, status=201, audit="site.create")
async def site_create(at: At, body: schemas.SiteCreate) -> schemas.SiteRead:
    """Add a place where the provider gives care."""
    site_id = await actions.create_site(at.session, at.tenant, body)
    return at.about(site_id, await site_get(at, site_id))


@provider.read("/sites/{site_id}", "catalogue:read")
async def site_get(at: At, site_id: SiteId) -> schemas.SiteRead:
    """Show one place."""
    found = await queries.site(at.session, at.tenant, site_id)
    if found is None:
        raise NotFound
    return at.tagged(found.version, schemas.SiteRead.model_validate(found))


@provider.change("/sites/{site_id}", "catalogue:write", audit="site.update")
async def site_update(at: At, site_id: SiteId, body: schemas.SiteUpdate) -> schemas.SiteRead:
    """Change a place."""
    await actions.update_site(at.session, at.tenant, site_id, at.expected_version, body)
    return await site_get(at, site_id)


@provider.list("/offerings", "catalogue:read")
async def provider_offering_list(
    at: At,
    paging: Named,
    q: Words = None,
    status: Annotated[list[OfferingStatus] | None, Query(description="may be repeated")] = None,
    category: Annotated[str | None, Query(max_length=64, description="a code of `/v1/categories`")] = None,
    external_id: ExternalId = None,
    updated_since: UpdatedSince = None,
) -> Page[schemas.OfferingRead]:
    """The provider's offerings, withdrawn ones too, oldest first."""
    found = await queries.OFFERINGS.page(
        at.session, paging.window, provider_id=at.tenant, today=clock.today(), words=containing(q),
        statuses=any_of(status), category=category, external_id=external_id, updated_since=updated_since,
    )  # fmt: skip
    return paging.page(found, schemas.OfferingRead.model_validate)


@provider.command("/offerings", "catalogue:write", keyed=False, status=201, audit="offering.create")
async def offering_create(at: At, body: schemas.OfferingCreate) -> schemas.OfferingRead:
    """Publish an offering; its price is valid from today."""
    offering_id = await actions.create_offering(at.session, at.tenant, body)
    return at.about(offering_id, await provider_offering_get(at, offering_id))


@provider.read("/offerings/{offering_id}", "catalogue:read")
async def provider_offering_get(at: At, offering_id: OfferingId) -> schemas.OfferingRead:
    """Show one offering as its provider sees it."""
    found = await queries.offering(at.session, at.tenant, offering_id)
    if found is None:
        raise NotFound
    return at.tagged(found.version, schemas.OfferingRead.model_validate(found))


@provider.change("/offerings/{offering_id}", "catalogue:write", audit="offering.update")
async def offering_update(at: At, offering_id: OfferingId, body: schemas.OfferingUpdate) -> schemas.OfferingRead:
    """Change terms for future bookings; `status: inactive` withdraws the offering."""
    await actions.update_offering(at.session, at.tenant, offering_id, at.expected_version, body)
    return await provider_offering_get(at, offering_id)


@provider.list("/offerings/{offering_id}/prices", "catalogue:read")
async def price_list(
    at: At, paging: Annotated[Paging, Depends(ordered("valid_from", "-valid_from"))], offering_id: OfferingId
) -> Page[schemas.PriceRead]:
    """Past, present and future prices, oldest first."""
    if not await queries.owns_offering(at.session, at.tenant, offering_id):
        raise NotFound
    found = await queries.PRICES.page(at.session, paging.window, provider_id=at.tenant, offering_id=offering_id)
    return paging.page(found, schemas.PriceRead.model_validate)


@provider.command(
    "/offerings/{offering_id}/prices",
    "catalogue:write",
    keyed=False,
    status=201,
    errors=[PriceOverlap],
    audit="price.create",
)
async def price_create(at: At, offering_id: OfferingId, body: schemas.PriceCreate) -> schemas.PriceRead:
    """Set a price from today or later on; without `valid_to` it ends the open-ended price before it."""
    price_id = await actions.add_price(at.session, at.tenant, offering_id, body)
    return at.about(price_id, schemas.PriceRead(id=price_id, offering_id=offering_id, **body.model_dump()))
