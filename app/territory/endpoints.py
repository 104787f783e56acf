"""The public list of municipalities."""

from typing import Annotated

from fastapi import Depends, Query
from pydantic import Field

from app.edge.at import At
from app.http.audiences import public_router
from app.http.pagination import Paging, ordered
from app.http.schemas import Page
from app.listing import Found
from app.territory import queries
from app.territory.names import search_key
from app.territory.schemas import MunicipalityRead

public = public_router()
MOST_NAMES = 50


@public.list("/municipalities", "public", fresh_seconds=300)
async def municipality_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("relevance", "name", "-name"))],
    q: Annotated[str | None, Query(min_length=1, max_length=100, description="a part of the name")] = None,
    name: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100)]] | None,
        Query(max_length=MOST_NAMES, description="the whole name, accents and case aside; may be repeated"),
    ] = None,
) -> Page[MunicipalityRead]:
    """Search municipalities by a part of the name, accents and case aside; names that begin with it come first."""
    needle = search_key(q or "")
    if q is not None and not needle:
        return paging.page(Found([], total=0 if paging.window.counts else None), MunicipalityRead.model_validate)
    names = None if name is None else [search_key(one) for one in name]
    found = await queries.search_municipalities(at.session, needle, names, paging.window)
    return paging.page(found, MunicipalityRead.model_validate)
