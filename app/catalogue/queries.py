"""Reads of the catalogue that its provider and the modules above need; tenant scope is in every statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Self
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
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
from app.listing import Found, ListQuery, Window, page_of
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
class ListedProvider(ProviderRow):
    """The same, and what the list of them is ordered by."""

    sort_key: str


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
class Viewer:
    """What decides which offerings the caller may see."""

    employed: bool
    allied_providers: list[UUID]


@dataclass(frozen=True, slots=True)
class VisibleOffering(Terms):
    """An offering as anyone sees it; the price is the one valid today."""

    description: str
    price_cents: int
    provider_name: str


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


PROVIDER = Query(ProviderRow, "catalogue.provider")
PROVIDERS = ListQuery(ListedProvider, "catalogue.providers", {"name": "sort_key text, id uuid"})
SITE_VERSION = Query(int, "catalogue.site_version")
OFFERING = Query(OfferingRow, "catalogue.offering")
OFFERINGS = ListQuery(OfferingRow, "catalogue.offerings", {"created_at": "id uuid", "name": "name text, id uuid"})
LOCK_OFFERING = Query(UUID, "catalogue.lock_offering")
SERVE = Query(NOTHING, "catalogue.serve")
PRICES = ListQuery(PriceRow, "catalogue.prices", {"valid_from": "valid_from date, id uuid"})
ACCREDITATIONS = ListQuery(AccreditationRow, "catalogue.accreditations", {"created_at": "id uuid"}, replan=True)
LOCK_ACCREDITATION = Query(AccreditationRow, "catalogue.lock_accreditation")
ADMISSION = Query(UUID, "catalogue.admission")
VISIBLE = Query(VisibleOffering, "catalogue.visible_offering")
CIRCLE = Query(Viewer, "catalogue.circle")


async def sites(
    session: AsyncSession, provider_id: UUID, window: Window, *, words: str | None, external_id: str | None
) -> Found[Site]:
    """Return a provider's places; `words` stand in the name."""
    own = select(Site).where(Site.provider_id == provider_id)
    if words is not None:
        own = own.where(Site.name.icontains(words, autoescape=True))
    if external_id is not None:
        own = own.where(Site.external_id == external_id)
    return await page_of(session, own, window, {"created_at": (Site.id,), "name": (Site.name, Site.id)})


async def site(session: AsyncSession, provider_id: UUID, site_id: UUID) -> Site | None:
    return await session.scalar(select(Site).where(Site.provider_id == provider_id, Site.id == site_id))


async def offering(session: AsyncSession, provider_id: UUID, offering_id: UUID) -> OfferingRow | None:
    return await OFFERING.maybe(session, provider_id=provider_id, id=offering_id, today=clock.today())


async def owns_offering(session: AsyncSession, provider_id: UUID, offering_id: UUID) -> bool:
    own = select(Offering.id).where(Offering.provider_id == provider_id, Offering.id == offering_id)
    return await session.scalar(own) is not None


async def viewer_of(session: AsyncSession, actor: Actor) -> Viewer:
    """Return what the caller may see: API keys and strangers the public offerings only."""
    if actor.kind != "user":
        return Viewer(employed=False, allied_providers=[])
    return await CIRCLE.one(session, person_id=actor.id, today=clock.today())


async def visible_offering(session: AsyncSession, viewer: Viewer, offering_id: UUID) -> VisibleOffering | None:
    """Return one visible offering."""
    return await VISIBLE.maybe(
        session, id=offering_id, employed=viewer.employed, allied_providers=viewer.allied_providers, today=clock.today()
    )


async def accreditations(
    session: AsyncSession,
    window: Window,
    *,
    alliance_id: UUID | None = None,
    provider_id: UUID | None = None,
    statuses: Sequence[AccreditationStatus] | None = None,
) -> Found[AccreditationRow]:
    """Return accreditations; of one alliance or provider where it is named."""
    return await ACCREDITATIONS.page(
        session, window, alliance_id=alliance_id, provider_id=provider_id, statuses=statuses
    )
