"""Lists: `limit` and a sealed keyset cursor, bound to the path, the filter and the caller.

Sealed, because a sort key may be nothing that the caller should see.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from starlette.requests import Request

from app import sealing
from app.errors import AppError
from app.http.schemas import Page


class Identified(Protocol):
    """A row with an id."""

    @property
    def id(self) -> UUID: ...


T = TypeVar("T")
HasId = TypeVar("HasId", bound=Identified)
R = TypeVar("R")


class BadCursor(AppError, status=400, code="bad_cursor"):
    """This cursor was not given for this list, filter and caller."""


@dataclass(frozen=True)
class Paging:
    """What one list request asks for: `after` is the sort key of the last row seen."""

    limit: int
    after: tuple[Any, ...] | None
    _scope: bytes

    @property
    def fetch(self) -> int:
        """One row more than asked tells whether there is a next page."""
        return self.limit + 1

    @property
    def after_id(self) -> UUID | None:
        """The last row seen of a list in order of ids; None on its first page."""
        return UUID(self.after[0]) if self.after else None

    def page_by_id(self, rows: Sequence[HasId], read: Callable[[HasId], R]) -> Page[R]:
        """Cut rows that are in order of their ids."""
        return self.page(rows, read, lambda row: [str(row.id)])

    def page(self, rows: Sequence[T], read: Callable[[T], R], key: Callable[[T], Sequence[object]]) -> Page[R]:
        """Cut the fetched rows to a page; `key` gives JSON-able sort values of a row."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(
            data=[read(row) for row in shown],
            next_cursor=_seal(json.dumps(list(key(shown[-1]))).encode(), self._scope) if more else None,
        )


async def paging(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=100, description="how many rows at most")] = 25,
    cursor: Annotated[
        str | None, Query(max_length=500, description="the `next_cursor` of the page before; with the same filters")
    ] = None,
) -> Paging:
    filters = sorted((name, value) for name, value in request.query_params.multi_items() if name not in _OWN)
    actor = request.state.place.actor
    scope = json.dumps([request.url.path, filters, str(actor.id)]).encode()
    return Paging(limit, None if cursor is None else tuple(_open(cursor, scope)), scope)


_OWN = frozenset({"limit", "cursor"})
PagingDep = Annotated[Paging, Depends(paging)]


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
