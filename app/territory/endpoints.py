"""The public list of municipalities."""

from typing import Annotated

from fastapi import Query

from app.edge.at import At
from app.http.audiences import public_router
from app.http.pagination import PagingDep
from app.http.schemas import Page
from app.territory import queries
from app.territory.names import search_key
from app.territory.schemas import MunicipalityRead

public = public_router()


@public.list("/municipalities", "public", fresh_seconds=300)
async def municipality_list(
    at: At,
    paging: PagingDep,
    q: Annotated[
        str | None, Query(min_length=1, max_length=100, description="the beginning of the name, or words in it")
    ] = None,
) -> Page[MunicipalityRead]:
    """Search municipalities by a part of the name, accents and case aside; names that begin with it come first."""
    needle = search_key(q or "")
    if q is not None and not needle:
        return Page(data=[])
    found = await queries.search_municipalities(at.session, needle, paging.after, paging.fetch)
    return paging.page(found, MunicipalityRead.model_validate, lambda row: [row.rank, row.sort_key, row.istat_code])
