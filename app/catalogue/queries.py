"""Reads of the catalogue that its provider and the modules above need; tenant scope is in every statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.catalogue.models import (
    AccreditationStatus,
    Audience,
    CareAccess,
    Confirmation,
    Mode,
    Offering,
    OfferingStatus,
    Site,
    VatCode,
)
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


@dataclass(frozen=True, slots=True)
class AccreditationRow:
    """A provider's accreditation by an alliance; `valid_to` is the first day without it."""

    id: UUID
    alliance_id: UUID
    alliance_name: str
    provider_id: UUID
    provider_name: str
    categories: list[str] | None
    valid_from: date
    valid_to: date | None
    status: AccreditationStatus
    admission_ended_on: date | None
    requested_by: UUID | None
    requested_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    entered_by: UUID | None
    """Who made the provider's organisation."""


@dataclass(frozen=True, slots=True)
class Period:
    """From `valid_from` to before `valid_to` (None: open-ended)."""

    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    id: UUID
    starts_at: datetime
    ends_at: datetime
    seats_left: int
    status: str


@dataclass(frozen=True, slots=True)
class BookableOffering(Terms):
    """Everything a quote asks about an offering; whether it may be booked is for the caller to decide."""

    site_id: UUID | None
    vat_code: VatCode
    response_hours: int
    min_notice_hours: int
    audience: Audience
    status: OfferingStatus
    open_to_person: bool
    provider_name: str
    provider_phone: str | None
    earned_account_id: UUID
    payable_account_id: UUID
    prices: list[DatedPrice]
    credit_periods: list[Period]
    slots: dict[UUID, OfferedSlot]

    def takes_credit(self, day: date) -> bool:
        """Whether the provider is admitted and accredited for the category on that Rome day."""
        return any(
            period.valid_from <= day and (period.valid_to is None or day < period.valid_to)
            for period in self.credit_periods
        )

    def price_on(self, day: date) -> int | None:
        """Return the price valid on that Rome day, in cents."""
        for price in self.prices:
            if price.valid_from <= day and (price.valid_to is None or day < price.valid_to):
                return price.price_cents
        return None

    def serves(self, istat_code: str | None) -> bool:
        """Whether the municipality is in the service area; an empty area restricts nothing."""
        return not self.service_area or istat_code in self.service_area

    def in_notice(self, starts_at: datetime, now: datetime) -> bool:
        """Whether a start is in the future and far enough for the provider's notice."""
        return starts_at > now + timedelta(hours=self.min_notice_hours)


PROVIDER = Query(ProviderRow, "catalogue.provider")
PROVIDERS = Query(ProviderRow, "catalogue.providers")
SITE_VERSION = Query(int, "catalogue.site_version")
OFFERING = Query(OfferingRow, "catalogue.offering")
OFFERINGS = Query(OfferingRow, "catalogue.offerings")
LOCK_OFFERING = Query(UUID, "catalogue.lock_offering")
SERVE = Query(NOTHING, "catalogue.serve")
PRICES = Query(PriceRow, "catalogue.prices")
BOOKABLE_OFFERING = Query(BookableOffering, "catalogue.bookable_offering")
ACCREDITATIONS = Query(AccreditationRow, "catalogue.accreditations")
LOCK_ACCREDITATION = Query(AccreditationRow, "catalogue.lock_accreditation")
ADMISSION = Query(UUID, "catalogue.admission")


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
    session: AsyncSession, offering_id: UUID, person_id: UUID, on: date, slot_ids: Sequence[UUID] = ()
) -> BookableOffering | None:
    """Return an offering of any status as it is for a person on a day, with the prices from that day on.

    `slots` are those of the asked ones that it has.
    """
    return await BOOKABLE_OFFERING.maybe(session, id=offering_id, person_id=person_id, on=on, slot_ids=list(slot_ids))


async def accreditations(
    session: AsyncSession,
    *,
    alliance_id: UUID | None = None,
    provider_id: UUID | None = None,
    status: AccreditationStatus | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> list[AccreditationRow]:
    """Return accreditations, newest first; of one alliance or provider where it is named."""
    return await ACCREDITATIONS.all(
        session,
        alliance_id=alliance_id,
        provider_id=provider_id,
        status=status,
        before=after or ids.LAST,
        limit=limit,
    )
