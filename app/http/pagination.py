"""Lists: `limit`, `order`, `count`, and a sealed keyset cursor, bound to the path, the filter and the caller.

Sealed, because a sort key may be nothing that the caller should see.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlencode

from fastapi import Depends, Query
from starlette.requests import Request

from app import sealing
from app.errors import AppError
from app.http.schemas import Page
from app.listing import Found, Window

T = TypeVar("T")
R = TypeVar("R")
FORWARD, BACKWARD = ">", "<"
CURSORS = 2
"""Their form: one of another form does not open."""


class BadCursor(AppError, status=400, code="bad_cursor"):
    """This cursor was not given for this list, filter and caller."""


@dataclass(frozen=True)
class Paging:
    """What one list request asks for."""

    window: Window
    _request: Request
    _scope: bytes

    def page(self, found: Found[T], read: Callable[[T], R]) -> Page[R]:
        """Return the page as it is shown; `Link` says the same as its cursors."""
        page: Page[R] = Page(
            data=[read(row) for row in found.rows],
            next_cursor=self._cursor(FORWARD, found.next_keys),
            prev_cursor=self._cursor(BACKWARD, found.previous_keys),
            total=found.total,
        )
        links = (("next", page.next_cursor), ("prev", page.prev_cursor))
        self._request.state.links = [f'<{self._url(cursor)}>; rel="{rel}"' for rel, cursor in links if cursor]
        return page

    def _cursor(self, way: str, keys: list[object] | None) -> str | None:
        return None if keys is None else _seal(json.dumps([way, *keys]).encode(), self._scope)

    def _url(self, cursor: str) -> str:
        query = [pair for pair in self._request.query_params.multi_items() if pair[0] != "cursor"]
        return f"{self._request.url.path}?{urlencode([*query, ('cursor', cursor)])}"


def ordered(*orders: str, most: int = 100, limit: int = 25) -> Callable[..., Awaitable[Paging]]:
    """Return the dependency of a list that can be had in these orders; the first one is its own."""
    in_order = Literal[orders]  # type: ignore[valid-type]
    usual = limit

    async def paging(
        request: Request,
        limit: Annotated[int, Query(ge=1, le=most, description="how many at most")] = usual,
        cursor: Annotated[
            str | None, Query(max_length=MAX_CURSOR, description="`next_cursor` or `prev_cursor` of another page")
        ] = None,
        order: Annotated[in_order, Query(description="by what; `-` in front turns it round")] = orders[0],
        count: Annotated[bool, Query(description="tell `total` too, 10,000 at most")] = False,  # noqa: FBT002 - a query parameter
    ) -> Paging:
        filters = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _OWN)
        actor = request.state.place.actor
        scope = json.dumps([CURSORS, request.url.path, filters, str(actor.id)]).encode()
        way, *keys = (FORWARD,) if cursor is None else _open(cursor, scope)
        window = Window(str(order), limit, None if cursor is None else tuple(keys), way == BACKWARD, count)
        return Paging(window, request, scope)

    return paging


MAX_CURSOR = 2_000
"""Names are keys too, two of 200 characters at most."""
_OWN = frozenset({"limit", "cursor", "count"})
OldestFirst = Annotated[Paging, Depends(ordered("created_at", "-created_at"))]
NewestFirst = Annotated[Paging, Depends(ordered("-created_at", "created_at"))]


def _seal(payload: bytes, scope: bytes) -> str:
    return base64.urlsafe_b64encode(sealing.encrypt("cursor", payload, scope)).rstrip(b"=").decode()


def _open(cursor: str, scope: bytes) -> list[object]:
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise BadCursor from None
    opened = sealing.open_given("cursor", sealed, scope)
    if opened is None:
        raise BadCursor
    values: list[object] = json.loads(opened)
    return values
