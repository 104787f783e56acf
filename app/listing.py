"""Lists: a page of a statement's rows in one of its orders, walked either way, and how many there are.

An order is a tuple of columns, all ascending (`name`) or all descending (`-name`), the last ones telling rows apart.
A page begins behind the keys of the last row seen, so that it costs the same wherever it stands.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Select, String, cast, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db import APP, Query, Role, statements_of

R = TypeVar("R")
S = TypeVar("S")
PART = re.compile(r"/\* page by (\S+) \*/")
MOST_COUNTED = 10_000
"""Who asks how many there are learns no more than this: counting a million rows is no page's business."""


@dataclass(frozen=True, slots=True)
class Window:
    """What is asked of a list; `after` are the keys of the row behind which the page begins (`backward`: before)."""

    order: str
    limit: int = 100
    after: tuple[object, ...] | None = None
    backward: bool = False
    counts: bool = False

    @property
    def fetch(self) -> int:
        """One row more than asked tells whether the list goes on."""
        return self.limit + 1

    @property
    def name(self) -> str:
        return self.order.removeprefix("-")

    @property
    def descends(self) -> bool:
        """Whether the statement goes from large to small: a page before a row is found by walking back."""
        return self.order.startswith("-") != self.backward


NEWEST = Window("-created_at")


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """A page's rows in the list's order; the keys from which it goes on and back, where it does."""

    rows: list[R]
    next_keys: list[object] | None = None
    previous_keys: list[object] | None = None
    total: int | None = None

    def each(self, read: Callable[[R], S]) -> "Found[S]":
        """Return the same page of what is read from each row."""
        return Found([read(row) for row in self.rows], self.next_keys, self.previous_keys, self.total)


class ListQuery(Generic[R]):
    """A named statement (`-- name: x`) without order and limit, as the pages of a list.

    `orders` says by which of its columns it can be ordered: `{"name": "family_name text, id uuid"}`. Of each it makes a
    first page and one behind a row, both ways, and one statement that counts; all are checked as every statement is.
    Where the block is a union of what may be long, `/* page by x */` at the end of a part lets it give no more than the
    page can show; `x` is the first key there.
    """

    def __init__(
        self,
        row: type[R],
        name: str,
        orders: Mapping[str, str],
        *,
        roles: Sequence[Role] = (APP,),
        replan: bool = False,
    ) -> None:
        module, _, block = name.partition(".")
        listed = f"(\n{statements_of(module)[block]}\n) AS listed"
        self.columns = {order: [part.split()[0] for part in columns.split(", ")] for order, columns in orders.items()}
        self._pages = {
            (order, descends, later): Query(
                row,
                name,
                roles=roles,
                replan=replan,
                text=_page(listed, [part.split() for part in columns.split(", ")], descends=descends, later=later),
            )
            for (order, columns), descends, later in product(orders.items(), (False, True), (False, True))
        }
        listed = PART.sub(f"LIMIT {MOST_COUNTED}", listed)
        counted = f"SELECT count(*) FROM (SELECT FROM {listed} LIMIT {MOST_COUNTED}) AS counted"  # noqa: S608 - our own words
        self._count = Query(int, name, roles=roles, replan=replan, text=counted)

    async def page(self, session: AsyncSession, window: Window, /, **values: object) -> Found[R]:
        """Return what the window shows; TypeError where values and parameters differ in name."""
        query = self._pages[window.name, window.descends, window.after is not None]
        keys = {f"after_{place}": value for place, value in enumerate(window.after or ())}
        rows = await query.all(session, **values, **keys, limit=window.fetch)
        total = await self._count.one(session, **values) if window.counts else None
        columns = self.columns[window.name]
        return _found(rows, window, lambda row: [getattr(row, column) for column in columns], total)


def _page(listed: str, keys: Sequence[Sequence[str]], *, descends: bool, later: bool) -> str:
    names = [f"listed.{column}" for column, _ in keys]
    sign, way = ("<", " DESC") if descends else (">", "")
    part = rf"ORDER BY \1{way} LIMIT :limit + 1"
    listed = PART.sub(rf"AND \1 {sign}= CAST(:after_0 AS {keys[0][1]}) {part}" if later else part, listed)
    after = ", ".join(f"CAST(:after_{place} AS {kind})" for place, (_, kind) in enumerate(keys))
    behind = f"\nWHERE ({', '.join(names)}) {sign} ({after})" if later else ""
    order = ", ".join(name + way for name in names)
    return f"SELECT listed.* FROM {listed}{behind}\nORDER BY {order} LIMIT :limit"  # noqa: S608 - our own words


async def page_of(
    session: AsyncSession,
    statement: Select[R],
    window: Window,
    orders: Mapping[str, Sequence[InstrumentedAttribute[Any]]],
) -> Found[R]:
    """Return what the window shows of a model's rows; `statement` says which, without order and limit."""
    columns = orders[window.name]
    walked = statement.order_by(*(column.desc() if window.descends else column for column in columns))
    if window.after is not None:
        keys = tuple_(*columns)
        seen = tuple_(*(cast(literal(value, String), c.type) for value, c in zip(window.after, columns, strict=True)))
        walked = walked.where(keys < seen if window.descends else keys > seen)
    rows = list((await session.scalars(walked.limit(window.fetch))).all())
    total = None
    if window.counts:
        shown = statement.with_only_columns(columns[-1]).limit(MOST_COUNTED).subquery()
        total = await session.scalar(select(func.count()).select_from(shown))
    return _found(rows, window, lambda row: [getattr(row, column.key) for column in columns], total)


def page_in(rows: Sequence[R], window: Window, orders: Mapping[str, Callable[[R], Sequence[object]]]) -> Found[R]:
    """Return what the window shows of rows that are all here."""
    key = orders[window.name]
    kept = sorted(rows, key=lambda row: list(key(row)), reverse=window.descends)
    if window.after is not None:
        seen = list(window.after)
        kept = [row for row in kept if (list(key(row)) < seen if window.descends else list(key(row)) > seen)]
    total = min(len(rows), MOST_COUNTED) if window.counts else None
    return _found(kept[: window.fetch], window, key, total)


def _found(rows: Sequence[R], window: Window, key: Callable[[R], Sequence[object]], total: int | None) -> Found[R]:
    shown, more = list(rows[: window.limit]), len(rows) > window.limit
    if window.backward:
        shown.reverse()
    if not shown:
        return Found(shown, total=total)
    goes_on = more or window.backward
    goes_back = more if window.backward else window.after is not None
    return Found(
        shown,
        _plain(key(shown[-1])) if goes_on else None,
        _plain(key(shown[0])) if goes_back else None,
        total,
    )


def _plain(keys: Sequence[object]) -> list[object]:
    """Return keys as JSON takes them and CAST reads them again."""
    return [key.isoformat() if isinstance(key, date) else str(key) if isinstance(key, UUID) else key for key in keys]
