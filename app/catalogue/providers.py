"""Providers as anyone sees them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.catalogue.queries import Row, all_of, one_of

_PROVIDER = """
SELECT g.id, g.name, v.description, v.phone, v.email, v.version,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'street', s.street,
        'postcode', s.postcode, 'istat_code', s.istat_code) ORDER BY s.id), '[]')
     FROM site s WHERE s.provider_id = g.id) AS sites
FROM provider v JOIN organisation g ON g.id = v.organisation_id
"""
ONE = text(_PROVIDER + " WHERE g.id = :id")
_BY_NAME = ' ORDER BY public.plain_text(g.name) COLLATE "C", g.id LIMIT :limit'
LISTED = text(_PROVIDER + _BY_NAME)
_AFTER = """
    WHERE (public.plain_text(g.name) COLLATE "C", g.id) > (
        (SELECT public.plain_text(l.name) FROM organisation l WHERE l.id = CAST(:after AS uuid)), CAST(:after AS uuid))
"""
LISTED_AFTER = text(_PROVIDER + _AFTER + _BY_NAME)


async def one(session: AsyncSession, provider_id: UUID) -> Row | None:
    found = await one_of(session, ONE, id=provider_id)
    return None if found is None else _read(found)


async def listed(session: AsyncSession, limit: int, after: tuple[Any, ...] | None) -> Sequence[Row]:
    """Return providers by name; `after` holds the id of the last one seen."""
    if after is None:
        rows = await all_of(session, LISTED, limit=limit)
    else:
        rows = await all_of(session, LISTED_AFTER, limit=limit, after=UUID(after[0]))
    return [_read(row) for row in rows]


def _read(row: Row) -> Row:
    return {**row, "sites": [{**site, "id": UUID(site["id"])} for site in row["sites"]]}
