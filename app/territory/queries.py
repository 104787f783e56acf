"""Reading municipalities."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Query
from app.listing import Found, ListQuery, Window


@dataclass(frozen=True, slots=True)
class FoundMunicipality:
    """A municipality with its place in the search."""

    istat_code: str
    name: str
    province: str
    sort_key: str
    rank: int


SEARCH_MUNICIPALITIES = ListQuery(
    FoundMunicipality,
    "territory.search_municipalities",
    {"relevance": "rank integer, sort_key text, istat_code text", "name": "sort_key text, istat_code text"},
)
KNOWN_MUNICIPALITIES = Query(str, "territory.known_municipalities")


async def search_municipalities(
    session: AsyncSession, needle: str, names: Sequence[str] | None, window: Window
) -> Found[FoundMunicipality]:
    """Return municipalities whose sort key contains the needle, by relevance those beginning with it first.

    With `names` only those whose sort key is one of them.
    """
    pattern = f"%{_literal(needle)}%"
    return await SEARCH_MUNICIPALITIES.page(session, window, needle=needle, pattern=pattern, names=names)


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def unknown_municipalities(session: AsyncSession, codes: Sequence[str]) -> set[str]:
    return set(codes).difference(await KNOWN_MUNICIPALITIES.all(session, codes=list(codes)))
