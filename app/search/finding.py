"""Find offerings: Italian full text, near misses, filters, keyset pages.

What is shown: active offerings with a price valid today that the caller may see. A municipality matches when it is in
the service area, or when the area is empty (who comes to a site may come from anywhere).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.catalogue.models import Mode
from app.catalogue.queries import Viewer
from app.rules.book import RuleBook, book_in_force
from app.search import queries, synonyms
from app.search.queries import FoundOffering, Stage

SHORTEST_TELLING_WORD = 3
"""Articles and prepositions tell nothing."""


@dataclass(frozen=True)
class Filters:
    """What a search asks for; None does not restrict."""

    q: str | None = None
    category: str | None = None
    municipality: str | None = None
    provider_id: UUID | None = None
    age: int | None = None
    period: tuple[datetime, datetime] | None = None
    max_price_cents: int | None = None
    mode: Mode | None = None


async def find(
    session: AsyncSession, viewer: Viewer, filters: Filters, limit: int, after: Sequence[object] | None
) -> Sequence[FoundOffering]:
    """Return up to `limit` rows; `after` is `position` of the last row seen.

    Without words the order is the name's. With words it is relevance: full text first, and only where that finds
    nothing at all, near misses by trigram; a list stays in the stage its first page was in.
    """
    if filters.q is None:
        return await _stage(session, "name", viewer, filters, limit, after)
    if not synonyms.plain(filters.q):
        return []
    if after is None or after[0] == "text":
        found = await _stage(session, "text", viewer, filters, limit, after)
        if found or after is not None:
            return found
    await queries.NEARNESS.run(session)
    return await _stage(session, "near", viewer, filters, limit, after)


def position(row: FoundOffering) -> list[object]:
    """Return where a row stands in the list it came from."""
    return [row.stage, row.rank, str(row.id)]


async def _stage(
    session: AsyncSession, stage: Stage, viewer: Viewer, filters: Filters, limit: int, after: Sequence[object] | None
) -> Sequence[FoundOffering]:
    wordings = [filters.q or ""] if stage != "text" else synonyms.variants(filters.q or "")
    values = {
        "stage": stage,
        "words": synonyms.any_of(wordings),
        "categories": named_categories(wordings, book_in_force()) if stage == "text" else [],
        "category": filters.category,
        "municipality": filters.municipality,
        "provider_id": filters.provider_id,
        "age": filters.age,
        "max_price_cents": filters.max_price_cents,
        "mode": filters.mode,
        "employed": viewer.employed,
        "allied_providers": viewer.allied_providers,
        "today": clock.today(),
        "after_rank": after[1] if after else None,
        "after_id": after[2] if after else None,
        "limit": limit,
    }
    if filters.period is None:
        return await queries.OFFERINGS.all(session, **values)
    start, end = filters.period
    return await queries.OFFERINGS_IN_PERIOD.all(session, **values, now=clock.now(), period_from=start, period_to=end)


def named_categories(wordings: Sequence[str], book: RuleBook) -> list[str]:
    """Return the categories whose Italian or English name contains all words of some wording."""
    if synonyms.has_operators(wordings[0]):
        return []
    wanted = [_telling_words(wording) for wording in wordings]
    return [
        category.code
        for category in book.categories_on(clock.today())
        for words in [set(synonyms.plain(f"{category.name} {category.name_en}").split())]
        if any(asked and asked <= words for asked in wanted)
    ]


def _telling_words(wording: str) -> set[str]:
    return {word for word in synonyms.plain(wording).split() if len(word) >= SHORTEST_TELLING_WORD}
