"""What providers do with their sites, offerings and prices."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.catalogue import queries, schemas
from app.catalogue.queries import Row
from app.errors import Invalid, NotFound, PreconditionFailed
from app.http.schemas import In
from app.rules.book import BOOK

INSERT_SITE = text(
    "INSERT INTO site (id, provider_id, name, street, postcode, istat_code, created_at)"
    " VALUES (:id, :provider, :name, :street, :postcode, :istat_code, :at)"
)
INSERT_OFFERING = text("""
    INSERT INTO offering (id, provider_id, site_id, name, description, category, mode, unit, vat_code, min_age, max_age,
        confirmation, response_hours, min_notice_hours, free_until_hours, late_fee_bps, no_show_fee_bps, audience,
        access, external_id, metadata, created_at)
    VALUES (:id, :provider_id, :site_id, :name, :description, :category, :mode, :unit, :vat_code, :min_age, :max_age,
        :confirmation, :response_hours, :min_notice_hours, :free_until_hours, :late_fee_bps, :no_show_fee_bps,
        :audience, :access, :external_id, CAST(:metadata AS jsonb), :at)
""")
ADD_AREA = text(
    "INSERT INTO offering_area (offering_id, istat_code)"
    " SELECT :id, code FROM unnest(CAST(:codes AS text[])) AS given (code) ON CONFLICT DO NOTHING"
)
DROP_AREA = text("DELETE FROM offering_area WHERE offering_id = :id AND istat_code <> ALL(CAST(:codes AS text[]))")
INSERT_PRICE = text(
    "INSERT INTO price (id, offering_id, price_cents, valid_from, valid_to, created_at)"
    " VALUES (:id, :offering, :price_cents, :valid_from, :valid_to, :at)"
)
CLOSE_OPEN_PRICE = text(
    "UPDATE price SET valid_to = :day WHERE offering_id = :offering AND valid_to IS NULL AND valid_from < :day"
)
# Both lists are column names of ours, never a client's words.
SITE_FIELDS = frozenset({"name", "street", "postcode", "istat_code"})
OFFERING_FIELDS = frozenset(
    {
        "name", "description", "vat_code", "site_id", "min_age", "max_age", "confirmation", "response_hours",
        "min_notice_hours", "free_until_hours", "late_fee_bps", "no_show_fee_bps", "audience", "access", "status",
        "external_id", "metadata",
    }
)  # fmt: skip
PROVIDER_FIELDS = frozenset({"phone", "email", "description"})


async def update_profile(
    session: AsyncSession, actor: Actor, provider_id: UUID, version: int, changes: schemas.ProviderProfilePatch
) -> None:
    """Change how families reach a provider, if nobody changed it since `version`."""
    found = await queries.one_of(session, queries.PROVIDER_LOCKED, id=provider_id)
    values = _values(changes, changes.model_fields_set)
    await _change(session, "provider", "organisation_id", found, version, values, PROVIDER_FIELDS)
    await audit.record(session, actor, "provider.update", "provider", provider_id)


async def create_site(session: AsyncSession, actor: Actor, provider_id: UUID, wanted: schemas.SiteNew) -> UUID:
    """Add a place of the provider's; 422 for an unknown municipality."""
    await _check_municipalities(session, [wanted.istat_code], "/istat_code")
    site_id = ids.new_id()
    values = {"id": site_id, "provider": provider_id, "at": clock.now(), **wanted.model_dump()}
    await session.execute(INSERT_SITE, values)
    await audit.record(session, actor, "site.create", "site", site_id)
    return site_id


async def update_site(
    session: AsyncSession, actor: Actor, provider_id: UUID, site_id: UUID, version: int, changes: schemas.SitePatch
) -> None:
    """Correct a place, if nobody changed it since `version`."""
    found = await queries.one_of(session, queries.SITE_LOCKED, provider=provider_id, id=site_id)
    values = _values(changes, changes.model_fields_set)
    if "istat_code" in values:
        await _check_municipalities(session, [values["istat_code"]], "/istat_code")
    await _change(session, "site", "id", found, version, values, SITE_FIELDS)
    await audit.record(session, actor, "site.update", "site", site_id)


async def create_offering(session: AsyncSession, actor: Actor, provider_id: UUID, wanted: schemas.OfferingNew) -> UUID:
    """Publish an offering with its area and its first price, valid from today; 422 names what does not fit."""
    today = clock.today()
    category = BOOK.category(wanted.category, today)
    if category is None:
        raise Invalid("/category", "unknown_category", "not a category of today (GET /v1/categories)")
    if wanted.unit not in category.units:
        raise Invalid("/unit", "unit_not_of_category", "not a unit of this category (GET /v1/categories)")
    values = _values(wanted, schemas.OfferingNew.model_fields)
    await _check_offering(session, provider_id, values)
    offering_id = ids.new_id()
    at = clock.now()
    values |= {"id": offering_id, "provider_id": provider_id, "at": at, "metadata": json.dumps(wanted.metadata)}
    area, price_cents = values.pop("service_area"), values.pop("price_cents")
    await session.execute(INSERT_OFFERING, values)
    if area:
        await session.execute(ADD_AREA, {"id": offering_id, "codes": area})
    price = {"id": ids.new_id(), "offering": offering_id, "price_cents": price_cents, "valid_from": today}
    await session.execute(INSERT_PRICE, {**price, "valid_to": None, "at": at})
    await audit.record(session, actor, "offering.create", "offering", offering_id)
    return offering_id


async def update_offering(
    session: AsyncSession,
    actor: Actor,
    provider_id: UUID,
    offering_id: UUID,
    version: int,
    changes: schemas.OfferingPatch,
) -> None:
    """Change an offering for future bookings, if nobody changed it since `version`; existing ones keep their terms."""
    if await queries.one_of(session, queries.OFFERING_LOCK, provider=provider_id, id=offering_id) is None:
        raise NotFound
    found = await queries.one_of(session, queries.OFFERING, provider=provider_id, id=offering_id, today=clock.today())
    values = _values(changes, changes.model_fields_set)
    if found is not None and found["version"] == version:
        await _check_offering(session, provider_id, {**found, **values})
    area = values.pop("service_area", None)
    if "metadata" in values:
        values["metadata"] = json.dumps(values["metadata"])
    await _change(session, "offering", "id", found, version, values, OFFERING_FIELDS)
    if area is not None:
        await session.execute(DROP_AREA, {"id": offering_id, "codes": area})
        await session.execute(ADD_AREA, {"id": offering_id, "codes": area})
    await audit.record(session, actor, "offering.update", "offering", offering_id)


async def add_price(
    session: AsyncSession, actor: Actor, provider_id: UUID, offering_id: UUID, wanted: schemas.PriceNew
) -> UUID:
    """Set a price from today on or later; an open-ended one ends the open-ended one before it the day before.

    Raises PriceOverlap (by the exclusion constraint) where another price is valid on one of its days.
    """
    if wanted.valid_from < clock.today():
        raise Invalid("/valid_from", "day_past", "a price cannot change the past")
    if wanted.valid_to is not None and wanted.valid_to < wanted.valid_from:
        raise Invalid("/valid_to", "end_before_start", "the last day is before the first")
    if await queries.one_of(session, queries.OFFERING_LOCK, provider=provider_id, id=offering_id) is None:
        raise NotFound
    if wanted.valid_to is None:
        await session.execute(CLOSE_OPEN_PRICE, {"day": wanted.valid_from, "offering": offering_id})
    price_id = ids.new_id()
    await session.execute(
        INSERT_PRICE,
        {
            "id": price_id,
            "offering": offering_id,
            "price_cents": wanted.price_cents,
            "valid_from": wanted.valid_from,
            "valid_to": None if wanted.valid_to is None else wanted.valid_to + timedelta(days=1),
            "at": clock.now(),
        },
    )
    await audit.record(session, actor, "price.create", "price", price_id)
    return price_id


def _values(given: In, names: Iterable[str]) -> dict[str, Any]:
    """Return the named fields as columns (dumping would turn ids into text)."""
    values = {name: getattr(given, name) for name in names}
    terms = values.pop("cancellation", None)
    return values if terms is None else {**values, **terms.model_dump()}


async def _check_offering(session: AsyncSession, provider_id: UUID, values: Mapping[str, Any]) -> None:
    low, high = values["min_age"], values["max_age"]
    if low is not None and high is not None and high < low:
        raise Invalid("/max_age", "max_below_min", "max_age is below min_age")
    area: list[str] = values["service_area"]
    if values["mode"] == "home_visit" and not area:
        raise Invalid("/service_area", "area_missing", "a home visit needs the municipalities it serves")
    if len(set(area)) < len(area):
        raise Invalid("/service_area", "duplicate", "a municipality is named twice")
    await _check_municipalities(session, area, "/service_area")
    if values["site_id"] is not None:
        site = await queries.one_of(session, queries.SITE, provider=provider_id, id=values["site_id"])
        if site is None:
            raise Invalid("/site_id", "unknown_site", "not a site of this provider")


async def _check_municipalities(session: AsyncSession, codes: list[str], pointer: str) -> None:
    if codes and await queries.all_of(session, queries.UNKNOWN_MUNICIPALITIES, codes=codes):
        raise Invalid(pointer, "unknown_municipality", "not an ISTAT code of a municipality (GET /v1/municipalities)")


async def _change(
    session: AsyncSession,
    table: str,
    key: str,
    found: Row | None,
    version: int,
    values: Mapping[str, Any],
    allowed: frozenset[str],
) -> None:
    """Write the changed columns of a locked row and count its version."""
    if found is None:
        raise NotFound
    if found["version"] != version:
        raise PreconditionFailed
    if not values.keys() <= allowed:
        raise ValueError("a field without a column")
    columns = "".join(f"{name} = :{name}, " for name in sorted(values))
    statement = text(f"UPDATE {table} SET {columns}version = version + 1 WHERE {key} = :row_key")  # noqa: S608 - own names
    await session.execute(statement, {**values, "row_key": found[key]})
