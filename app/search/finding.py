"""Find offerings: Italian full text, near misses, filters, keyset pages.

What is shown: active offerings with a price valid today that the caller may see. A municipality matches when it is in
the service area, or when the area is empty (who comes to a site may come from anywhere).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.catalogue.models import Mode
from app.catalogue.queries import Viewer
from app.listing import Found, Window
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


async def find(session: AsyncSession, viewer: Viewer, filters: Filters, window: Window) -> Found[FoundOffering]:
    """Return what the window shows; by relevance is by name where no words are given.

    Full text first, and only where that finds nothing at all, near misses by trigram; a list stays in the stage its
    first page was in.
    """
    if filters.q is None:
        by_name = replace(window, order="name") if window.order == "relevance" else window
        return await _stage(session, "name", viewer, filters, by_name)
    if not synonyms.plain(filters.q):
        return Found([], total=0 if window.counts else None)
    if window.after is None or window.after[-1] == "text":
        found = await _stage(session, "text", viewer, filters, window)
        if found.rows or window.after is not None:
            return found
    await queries.NEARNESS.run(session)
    return await _stage(session, "near", viewer, filters, window)


async def _stage(
    session: AsyncSession, stage: Stage, viewer: Viewer, filters: Filters, window: Window
) -> Found[FoundOffering]:
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
    }
    if filters.period is None:
        return await queries.OFFERINGS.page(session, window, **values)
    start, end = filters.period
    return await queries.OFFERINGS_IN_PERIOD.page(
        session, window, **values, now=clock.now(), period_from=start, period_to=end
    )


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
