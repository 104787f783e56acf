"""What providers do with their sites, offerings and prices."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.catalogue import queries, schemas
from app.catalogue.models import Mode, Offering, Price, Site
from app.errors import Invalid, NotFound, PreconditionFailed
from app.http.schemas import In
from app.rules.book import book_in_force
from app.territory.queries import unknown_municipalities


async def create_site(session: AsyncSession, provider_id: UUID, wanted: schemas.SiteCreate) -> UUID:
    """Add a place of the provider's; 422 for an unknown municipality."""
    await _check_municipalities(session, [wanted.istat_code], "/istat_code")
    site_id = ids.new_id()
    values = dict(wanted) | {"id": site_id, "provider_id": provider_id, "created_at": clock.now()}
    values["metadata_"] = values.pop("metadata")
    await session.execute(insert(Site).values(**values))
    return site_id


async def update_site(
    session: AsyncSession, provider_id: UUID, site_id: UUID, version: int, changes: schemas.SiteUpdate
) -> None:
    """Correct a place, if nobody changed it since `version`."""
    found = await queries.SITE_VERSION.maybe(session, provider_id=provider_id, id=site_id)
    if "istat_code" in changes.model_fields_set:
        await _check_municipalities(session, [changes.istat_code], "/istat_code")
    _check_version(found, version)
    own = update(Site).where(Site.provider_id == provider_id, Site.id == site_id)
    await session.execute(own.values(**_changed(changes), version=Site.version + 1))


async def create_offering(session: AsyncSession, provider_id: UUID, wanted: schemas.OfferingCreate) -> UUID:
    """Publish an offering with its area and its first price, valid from today; 422 names what does not fit."""
    today = clock.today()
    category = book_in_force().category(wanted.category, today)
    if category is None:
        raise Invalid("/category", "unknown_category", "not a category of today (GET /v1/categories)")
    if wanted.unit not in category.units:
        raise Invalid("/unit", "unit_not_of_category", "not a unit of this category (GET /v1/categories)")
    _check_ages(wanted.min_age, wanted.max_age)
    await _check_area(session, wanted.mode, wanted.service_area)
    await _check_site(session, provider_id, wanted.site_id)
    offering_id = ids.new_id()
    at = clock.now()
    values = _columns(dict(wanted)) | {"id": offering_id, "provider_id": provider_id, "created_at": at}
    values["metadata_"] = values.pop("metadata")
    del values["service_area"], values["price_cents"]
    await session.execute(insert(Offering).values(**values))
    if wanted.service_area:
        await queries.SERVE.run(session, id=offering_id, codes=wanted.service_area)
    price = {"offering_id": offering_id, "price_cents": wanted.price_cents, "valid_from": today}
    await session.execute(insert(Price).values(id=ids.new_id(), **price, created_at=at))
    return offering_id


async def update_offering(
    session: AsyncSession,
    provider_id: UUID,
    offering_id: UUID,
    version: int,
    changes: schemas.OfferingUpdate,
) -> None:
    """Change an offering for future bookings, if nobody changed it since `version`; existing ones keep their terms."""
    if await queries.LOCK_OFFERING.maybe(session, provider_id=provider_id, id=offering_id) is None:
        raise NotFound
    found = await queries.offering(session, provider_id, offering_id)
    if found is None or found.version != version:
        raise PreconditionFailed
    given = changes.model_fields_set
    _check_ages(
        changes.min_age if "min_age" in given else found.min_age,
        changes.max_age if "max_age" in given else found.max_age,
    )
    if "service_area" in given:
        await _check_area(session, found.mode, changes.service_area)
    await _check_site(session, provider_id, changes.site_id)
    changed = _changed(changes)
    changed.pop("service_area", None)
    own = update(Offering).where(Offering.provider_id == provider_id, Offering.id == offering_id)
    await session.execute(own.values(**changed, version=Offering.version + 1, updated_at=clock.now()))
    if "service_area" in given:
        await queries.SERVE.run(session, id=offering_id, codes=changes.service_area)


async def add_price(session: AsyncSession, provider_id: UUID, offering_id: UUID, wanted: schemas.PriceCreate) -> UUID:
    """Set a price from today on or later; an open-ended one ends the open-ended one before it the day before.

    Raises PriceOverlap (by the exclusion constraint) where another price is valid on one of its days.
    """
    if wanted.valid_from < clock.today():
        raise Invalid("/valid_from", "day_past", "a price cannot change the past")
    if wanted.valid_to is not None and wanted.valid_to < wanted.valid_from:
        raise Invalid("/valid_to", "end_before_start", "the last day is before the first")
    if await queries.LOCK_OFFERING.maybe(session, provider_id=provider_id, id=offering_id) is None:
        raise NotFound
    if wanted.valid_to is None:
        day = wanted.valid_from
        gives_way = Price.offering_id == offering_id, Price.valid_to.is_(None), Price.valid_from < day
        await session.execute(update(Price).where(*gives_way).values(valid_to=day))
    price_id = ids.new_id()
    await session.execute(
        insert(Price).values(
            id=price_id,
            offering_id=offering_id,
            price_cents=wanted.price_cents,
            valid_from=wanted.valid_from,
            valid_to=None if wanted.valid_to is None else wanted.valid_to + timedelta(days=1),
            created_at=clock.now(),
        )
    )
    return price_id


def _changed(changes: In) -> dict[str, object]:
    """Return the given fields of a change as columns."""
    changed = _columns({name: value for name, value in changes if name in changes.model_fields_set})
    if "metadata" in changed:
        changed["metadata_"] = changed.pop("metadata")
    return changed


def _columns(values: dict[str, object]) -> dict[str, object]:
    terms = values.pop("cancellation", None)
    return values | dict(terms) if isinstance(terms, schemas.Cancellation) else values


def _check_version(found: int | None, expected: int) -> None:
    """Refuse to change a row that is not there, or that somebody changed since."""
    if found is None:
        raise NotFound
    if found != expected:
        raise PreconditionFailed


def _check_ages(low: int | None, high: int | None) -> None:
    if low is not None and high is not None and high < low:
        raise Invalid("/max_age", "max_below_min", "max_age is below min_age")


async def _check_area(session: AsyncSession, mode: Mode, area: list[str]) -> None:
    if mode == "home_visit" and not area:
        raise Invalid("/service_area", "area_missing", "a home visit needs the municipalities it serves")
    if len(set(area)) < len(area):
        raise Invalid("/service_area", "duplicate", "a municipality is named twice")
    await _check_municipalities(session, area, "/service_area")


async def _check_site(session: AsyncSession, provider_id: UUID, site_id: UUID | None) -> None:
    if site_id is not None and await queries.site(session, provider_id, site_id) is None:
        raise Invalid("/site_id", "unknown_site", "not a site of this provider")


async def _check_municipalities(session: AsyncSession, codes: list[str], pointer: str) -> None:
    if codes and await unknown_municipalities(session, codes):
        raise Invalid(pointer, "unknown_municipality", "not an ISTAT code of a municipality (GET /v1/municipalities)")
