"""Lists on pages: a part of one, as the API pages it."""

from starlette.requests import Request

from app.http.pagination import Paging, ordered

ALL = 100
"""What is short by nature is shown whole."""


async def listed(request: Request, order: str = "created_at", *, limit: int = ALL, count: bool = False) -> Paging:
    """Return the page of a list that the address asks for by `cursor` (where it is no whole one), in this order.

    With `count` it knows its `total` too.
    """
    cursor = None if limit == ALL else request.query_params.get("cursor")
    return await ordered(order)(request, limit=limit, cursor=cursor, order=order, count=count)
