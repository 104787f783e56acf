"""Reads of the catalogue that its provider and the modules above need; tenant scope is in every statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.catalogue.models import Audience, CareAccess, Confirmation, Mode, Offering, OfferingStatus, Site, VatCode
from app.db import NOTHING, Query
from app.rules.rows import OfferingUnit


@dataclass(frozen=True, slots=True)
class ProviderSite:
    id: UUID
    name: str
    street: str
    postcode: str
    istat_code: str


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """A provider as anyone sees it."""

    id: UUID
    name: str
    description: str
    phone: str | None
    email: str | None
    version: int
    sites: list[ProviderSite]


@dataclass(frozen=True, slots=True)
class Terms:
    """What every row of an offering has, its terms of cancellation as an object of its own too."""

    id: UUID
    provider_id: UUID
    name: str
    category: str
    mode: Mode
    unit: OfferingUnit
    min_age: int | None
    max_age: int | None
    confirmation: Confirmation
    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int
    access: CareAccess
    service_area: list[str]

    @property
    def cancellation(self) -> Self:
        return self


@dataclass(frozen=True, slots=True)
class OfferingRow(Terms):
    """An offering as its provider sees it; the price is the one valid today."""

    site_id: UUID | None
    description: str
    vat_code: VatCode
    response_hours: int
    min_notice_hours: int
    audience: Audience
    status: OfferingStatus
    external_id: str | None
    metadata: dict[str, str]
    created_at: datetime
    version: int
    price_cents: int | None


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price; `valid_to` is its last day."""

    id: UUID
    offering_id: UUID
    price_cents: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price in cents, from `valid_from` to before `valid_to` (None: open-ended)."""

    price_cents: int
    valid_from: date
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        """Whether this is the price of that Rome day, as price_holds in sql/notice_and_price.sql."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    id: UUID
    starts_at: datetime
    ends_at: datetime
    seats_left: int
    status: str


@dataclass(frozen=True, slots=True)
class BookableOffering(Terms):
    """Everything a quote asks about an offering; whether it may be booked is for the caller to decide.

    `bookable_from` is what the provider's notice makes of now: what begins later can be booked.
    """

    site_id: UUID | None
    vat_code: VatCode
    response_hours: int
    bookable_from: datetime
    quote_minutes: int
    audience: Audience
    status: OfferingStatus
    open_to_person: bool
    provider_name: str
    provider_phone: str | None
    earned_account_id: UUID
    payable_account_id: UUID
    prices: list[DatedPrice]
    slots: dict[UUID, OfferedSlot]

    def price_on(self, day: date) -> int | None:
        """Return the price valid on that Rome day, in cents."""
        return next((price.price_cents for price in self.prices if price.holds_on(day)), None)

    def serves(self, istat_code: str | None) -> bool:
        """Whether the municipality is in the service area; an empty area restricts nothing."""
        return not self.service_area or istat_code in self.service_area


PROVIDER = Query(ProviderRow, "catalogue.provider")
PROVIDERS = Query(ProviderRow, "catalogue.providers")
SITE_VERSION = Query(int, "catalogue.site_version")
OFFERING = Query(OfferingRow, "catalogue.offering")
OFFERINGS = Query(OfferingRow, "catalogue.offerings")
LOCK_OFFERING = Query(UUID, "catalogue.lock_offering")
SERVE = Query(NOTHING, "catalogue.serve")
PRICES = Query(PriceRow, "catalogue.prices")
BOOKABLE_OFFERING = Query(BookableOffering, "catalogue.bookable_offering")


async def sites(session: AsyncSession, provider_id: UUID, after: UUID | None, limit: int) -> Sequence[Site]:
    """Return a provider's places, oldest first."""
    own = select(Site).where(Site.provider_id == provider_id).order_by(Site.id).limit(limit)
    return (await session.scalars(own if after is None else own.where(Site.id > after))).all()


async def site(session: AsyncSession, provider_id: UUID, site_id: UUID) -> Site | None:
    return await session.scalar(select(Site).where(Site.provider_id == provider_id, Site.id == site_id))


async def offering(session: AsyncSession, provider_id: UUID, offering_id: UUID) -> OfferingRow | None:
    return await OFFERING.maybe(session, provider_id=provider_id, id=offering_id, today=clock.today())


async def owns_offering(session: AsyncSession, provider_id: UUID, offering_id: UUID) -> bool:
    own = select(Offering.id).where(Offering.provider_id == provider_id, Offering.id == offering_id)
    return await session.scalar(own) is not None


async def bookable_offering(
    session: AsyncSession, offering_id: UUID, person_id: UUID, now: datetime, slot_ids: Sequence[UUID] = ()
) -> BookableOffering | None:
    """Return an offering of any status as it is for a person at an instant, with the prices from that day on.

    `slots` are those of the asked ones that it has.
    """
    return await BOOKABLE_OFFERING.maybe(
        session, id=offering_id, person_id=person_id, on=clock.day_of(now), now=now, slot_ids=list(slot_ids)
    )
