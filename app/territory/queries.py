"""Reading municipalities."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import Query


@dataclass(frozen=True, slots=True)
class FoundMunicipality:
    """A municipality with its place in the search."""

    istat_code: str
    name: str
    province: str
    sort_key: str
    rank: int


SEARCH_MUNICIPALITIES = Query(FoundMunicipality, "territory.search_municipalities")
KNOWN_MUNICIPALITIES = Query(str, "territory.known_municipalities")


async def search_municipalities(
    session: AsyncSession, needle: str, after: tuple[int, str, str] | None, limit: int
) -> list[FoundMunicipality]:
    """Return municipalities whose sort key contains the needle, those beginning with it first."""
    rank, key, code = after or (-1, "", "")
    pattern = f"%{_literal(needle)}%"
    return await SEARCH_MUNICIPALITIES.all(
        session, needle=needle, pattern=pattern, rank=rank, key=key, code=code, limit=limit
    )


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def unknown_municipalities(session: AsyncSession, codes: Sequence[str]) -> set[str]:
    return set(codes).difference(await KNOWN_MUNICIPALITIES.all(session, codes=list(codes)))
