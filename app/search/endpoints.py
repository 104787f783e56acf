"""Routes of the search: the public list of offerings."""

from typing import Annotated

from fastapi import Depends, Query

from app import clock
from app.catalogue.models import Mode
from app.catalogue.queries import viewer_of
from app.catalogue.schemas import PublicOffering
from app.edge.at import At
from app.http.audiences import public_router
from app.http.pagination import Paging, ordered
from app.http.period import period
from app.http.schemas import Page
from app.ids import AllianceId, OrganisationId
from app.money import MAX_CENTS
from app.search import queries
from app.search.finding import Filters, find
from app.search.schemas import ServedMunicipalityRead
from app.territory.schemas import IstatCode

public = public_router()


@public.list("/offerings/municipalities", "public", fresh_seconds=300)
async def offering_municipality_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("name", "-name", "offering_count", "-offering_count", limit=100))],
    category: Annotated[str | None, Query(max_length=64, description="a code of `/v1/categories`")] = None,
    alliance_id: Annotated[
        AllianceId | None, Query(description="all of this alliance's territory, with those that no offering names")
    ] = None,
) -> Page[ServedMunicipalityRead]:
    """List the municipalities that offerings name in their area, with how many do and where they are."""
    viewer = await viewer_of(at.session, at.actor)
    asked = {
        "category": category,
        "today": clock.today(),
        "employed": viewer.employed,
        "allied_providers": viewer.allied_providers,
    }
    if alliance_id is None:
        found = await queries.SERVED_MUNICIPALITIES.page(at.session, paging.window, **asked)
    else:
        found = await queries.ALLIANCE_MUNICIPALITIES.page(at.session, paging.window, alliance_id=alliance_id, **asked)
    return paging.page(found, ServedMunicipalityRead.model_validate)


@public.list("/offerings", "public", fresh_seconds=0)
async def offering_search(
    at: At,
    paging: Annotated[Paging, Depends(ordered("relevance", "name", "-name", "price_cents", "-price_cents"))],
    q: Annotated[str | None, Query(max_length=200, description="words, Italian; quotes, `or` and `-word` work")] = None,
    category: Annotated[str | None, Query(max_length=64, description="a code of `GET /v1/categories`")] = None,
    municipality: Annotated[IstatCode | None, Query(description="in the service area, or no area")] = None,
    provider_id: Annotated[OrganisationId | None, Query(description="of this provider")] = None,
    age: Annotated[int | None, Query(ge=0, le=130, description="for somebody of this age, in years")] = None,
    date_from: Annotated[clock.Day | None, Query(description="a free slot on or after this Rome day")] = None,
    date_to: Annotated[clock.Day | None, Query(description="a free slot on or before this Rome day")] = None,
    max_price_cents: Annotated[
        int | None, Query(ge=0, le=MAX_CENTS, description="at most this price, in cents")
    ] = None,
    mode: Annotated[Mode | None, Query(description="given in this way")] = None,
) -> Page[PublicOffering]:
    """Search what can be booked: by relevance where words are given, else by name."""
    in_days = date_from is not None or date_to is not None
    filters = Filters(
        q=q if q is not None and q.strip() else None,
        category=category,
        municipality=municipality,
        provider_id=provider_id,
        age=age,
        period=period(date_from, date_to, clock.now()) if in_days else None,
        max_price_cents=max_price_cents,
        mode=mode,
    )
    viewer = await viewer_of(at.session, at.actor)
    found = await find(at.session, viewer, filters, paging.window)
    return paging.page(found, PublicOffering.model_validate)
