"""The public catalogue: search with Italian full text, near misses, filters, keyset pages.

What everybody sees: active offerings with a price valid today; those for `alliance` and `companies` only who is
employed. A municipality matches when it is in the service area, or when the area is empty (who comes to a site may come
from anywhere). Days are Rome days, both ends included.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
from app.catalogue import synonyms
from app.catalogue.queries import Row
from app.rules import book

VIEWER = """
SELECT EXISTS (SELECT 1 FROM employee e
    WHERE e.user_id = :user_id AND (e.ended_on IS NULL OR e.ended_on >= :today)) AS employed
"""
COLUMNS = """
    o.id, o.name, o.name_key, o.description, o.category, o.mode, o.unit, o.provider_id, o.min_age, o.max_age,
    o.confirmation, o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps, o.access, o.version, p.price_cents
"""
# The area and the provider's name are looked up for the page's rows only.
PAGE = """
SELECT page.*, g.name AS provider_name,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = page.id ORDER BY a.istat_code) AS service_area
FROM ({inner}) AS page JOIN organisation g ON g.id = page.provider_id
ORDER BY {order}
"""
INNER = """
SELECT {columns}, {rank} AS rank FROM offering o
JOIN price p ON p.offering_id = o.id AND p.valid_from <= :today AND (p.valid_to IS NULL OR p.valid_to > :today)
WHERE o.status = 'active' AND (o.audience = 'public' OR :employed) AND {conditions}
"""
FILTERS = {
    "offering_id": "o.id = :offering_id",
    "category": "o.category = :category",
    "mode": "o.mode = :mode",
    "provider_id": "o.provider_id = :provider_id",
    "age": "(o.min_age IS NULL OR o.min_age <= :age) AND (o.max_age IS NULL OR o.max_age >= :age)",
    "max_price_cents": "p.price_cents <= :max_price_cents",
    "municipality": (
        # One look per offering, walking the list in order: two EXISTS would each be hashed over all areas first.
        "coalesce((SELECT bool_or(a.istat_code = :municipality) FROM offering_area a WHERE a.offering_id = o.id), true)"
    ),
}
BOOKABLE_IN_PERIOD = """
EXISTS (SELECT 1 FROM slot s WHERE s.offering_id = o.id AND s.status = 'open' AND s.taken < s.capacity
    AND s.starts_at > :now + make_interval(hours => o.min_notice_hours)
    AND s.starts_at >= :period_from AND s.starts_at < :period_to)
"""
FULL_TEXT_RANK = "round(ts_rank(o.search, {query}) * 1000000)::int"
NEAR_RANK = "round(word_similarity(public.plain_text(:q0), o.name_key) * 1000000)::int"
# PostgreSQL's own 0.6 misses one letter in a word that is written apart (babysiter, baby sitter). The planner takes
# comparing trigrams for cheap and would compare with every name (55 ms for 5,000); this ends with the transaction.
NEARNESS = text(
    "SELECT set_config('pg_trgm.word_similarity_threshold', '0.45', true), set_config('enable_seqscan', 'off', true)"
)
NEAR_MATCH = "public.plain_text(:q0) <% o.name_key"


@dataclass(frozen=True)
class Filters:
    """What a search asks for; None does not restrict."""

    q: str | None = None
    offering_id: UUID | None = None
    category: str | None = None
    municipality: str | None = None
    provider_id: UUID | None = None
    age: int | None = None
    date_from: date | None = None
    date_to: date | None = None
    max_price_cents: int | None = None
    mode: str | None = None


@dataclass(frozen=True)
class Viewer:
    """Which offerings the caller may see."""

    employed: bool


async def viewer_of(session: AsyncSession, actor: Actor) -> Viewer:
    """Return what the caller may see: API keys and strangers the public offerings only."""
    if actor.kind != "user":
        return Viewer(employed=False)
    found = await session.execute(text(VIEWER), {"user_id": actor.id, "today": clock.today()})
    return Viewer(employed=bool(found.scalar_one()))


async def search(
    session: AsyncSession, viewer: Viewer, filters: Filters, limit: int, after: tuple[Any, ...] | None
) -> Sequence[Row]:
    """Return up to `limit` rows; `after` is `position` of the last row seen.

    Without words the order is the name's. With words it is relevance: full text first, and only where that finds
    nothing at all, near misses by trigram; a list stays in the stage its first page was in.
    """
    if filters.q is None:
        return await _named(session, viewer, filters, limit, after)
    if not synonyms.plain(filters.q):
        return []
    if after is None or after[0] == "text":
        found = await _full_text(session, viewer, filters, limit, after)
        if found or after is not None:
            return found
    return await _near(session, viewer, filters, limit, after)


def position(row: Row) -> list[Any]:
    """Return where a row stands in the list it came from."""
    return [row["stage"], row["rank"], str(row["id"])]


async def offering(session: AsyncSession, viewer: Viewer, offering_id: UUID) -> Row | None:
    """Return one visible offering."""
    found = await _named(session, viewer, Filters(offering_id=offering_id), 1, None)
    return found[0] if found else None


async def _named(
    session: AsyncSession, viewer: Viewer, filters: Filters, limit: int, after: tuple[Any, ...] | None
) -> Sequence[Row]:
    conditions, values = _conditions(filters)
    if after is not None:
        conditions.append(
            "(o.name_key, o.id) > ((SELECT l.name_key FROM offering l WHERE l.id = :after_id), CAST(:after_id AS uuid))"
        )
        values["after_id"] = after[2]
    inner = INNER.format(columns=COLUMNS, rank="0", conditions=" AND ".join(conditions))
    statement = PAGE.format(inner=f"{inner} ORDER BY o.name_key, o.id LIMIT :limit", order="page.name_key, page.id")
    return await _rows(session, viewer, statement, values, limit, "name")


async def _full_text(
    session: AsyncSession, viewer: Viewer, filters: Filters, limit: int, after: tuple[Any, ...] | None
) -> Sequence[Row]:
    conditions, values = _conditions(filters)
    wordings = synonyms.variants(filters.q or "")
    query = " || ".join(
        f"websearch_to_tsquery('public.it_unaccent', CAST(:q{number} AS text))" for number in range(len(wordings))
    )
    query = f"({query})"
    values.update({f"q{number}": wording for number, wording in enumerate(wordings)})
    values["categories"] = named_categories(wordings)
    conditions.append(f"(o.search @@ {query} OR o.category = ANY(CAST(:categories AS text[])))")
    return await _ranked(session, viewer, conditions, values, FULL_TEXT_RANK.format(query=query), limit, after, "text")


async def _near(
    session: AsyncSession, viewer: Viewer, filters: Filters, limit: int, after: tuple[Any, ...] | None
) -> Sequence[Row]:
    conditions, values = _conditions(filters)
    values["q0"] = filters.q
    conditions.append(NEAR_MATCH)
    await session.execute(NEARNESS)
    return await _ranked(session, viewer, conditions, values, NEAR_RANK, limit, after, "near")


async def _ranked(
    session: AsyncSession,
    viewer: Viewer,
    conditions: list[str],
    values: dict[str, Any],
    rank: str,
    limit: int,
    after: tuple[Any, ...] | None,
    stage: str,
) -> Sequence[Row]:
    inner = INNER.format(columns=COLUMNS, rank=rank, conditions=" AND ".join(conditions))
    seen = "true"
    if after is not None:
        seen = "(m.rank < :after_rank OR m.rank = :after_rank AND m.id > CAST(:after_id AS uuid))"
        values |= {"after_rank": after[1], "after_id": after[2]}
    ranked = f"SELECT m.* FROM ({inner}) AS m WHERE {seen} ORDER BY m.rank DESC, m.id LIMIT :limit"  # noqa: S608
    statement = PAGE.format(inner=ranked, order="page.rank DESC, page.id")
    return await _rows(session, viewer, statement, values, limit, stage)


async def _rows(
    session: AsyncSession, viewer: Viewer, statement: str, values: dict[str, Any], limit: int, stage: str
) -> Sequence[Row]:
    values |= {"today": clock.today(), "employed": viewer.employed, "limit": limit}
    found = (await session.execute(text(statement), values)).mappings().all()
    return [{**row, "stage": stage} for row in found]


def _conditions(filters: Filters) -> tuple[list[str], dict[str, Any]]:
    conditions = ["true"]
    values: dict[str, Any] = {}
    for name, condition in FILTERS.items():
        if (value := getattr(filters, name)) is not None:
            conditions.append(condition)
            values[name] = value
    if filters.date_from is not None or filters.date_to is not None:
        conditions.append(BOOKABLE_IN_PERIOD)
        values |= period(filters.date_from, filters.date_to)
    return conditions, values


def period(date_from: date | None, date_to: date | None) -> dict[str, datetime]:
    """Return the instants of a period of Rome days, open where no day is given, and the present one."""
    now = clock.now()
    return {
        "now": now,
        "period_from": now if date_from is None else clock.midnight(date_from),
        "period_to": clock.midnight(date(clock.LAST_YEAR, 12, 31)) if date_to is None else clock.end_of(date_to),
    }


def named_categories(wordings: Sequence[str]) -> list[str]:
    """Return the categories whose Italian or English name contains all words of some wording."""
    if synonyms.has_operators(wordings[0]):
        return []
    wanted = [_telling_words(wording) for wording in wordings]
    return [
        category.code
        for category in book.categories(clock.today())
        for words in [set(synonyms.plain(f"{category.name} {category.name_en}").split())]
        if any(asked and asked <= words for asked in wanted)
    ]


def _telling_words(wording: str) -> set[str]:
    """Articles and prepositions tell nothing."""
    return {word for word in synonyms.plain(wording).split() if len(word) > 2}  # noqa: PLR2004 - il, di, e
