"""The map of an alliance: how many offerings reach each of its municipalities."""

from collections.abc import Callable

from starlette.requests import Request

from app.edge.at import Place
from app.ids import AllianceId
from app.portal import boundaries, svg
from app.portal.lists import listed
from app.search import endpoints as search


async def alliance_map(
    at: Place, request: Request, alliance_id: AllianceId, href: Callable[[str], str], chosen: str | None = None
) -> svg.Map | None:
    """Draw an alliance of up to a hundred municipalities; a click leads to `href` of its code."""
    found = await search.offering_municipality_list(at, await listed(request, "name"), alliance_id=alliance_id)
    if found.next_cursor is not None:
        return None
    spots = [
        svg.Spot(row.istat_code, row.name, row.longitude, row.latitude, row.offering_count, href(row.istat_code))
        for row in found.data
        if row.longitude is not None and row.latitude is not None
    ]
    return svg.territory(spots, boundaries.in_force(), chosen)
