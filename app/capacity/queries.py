"""Reads and locks of slots, and all that a quote asks of an offering; tenant scope is in every statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.capacity.models import SlotStatus
from app.catalogue.models import Audience, OfferingStatus, VatCode
from app.catalogue.queries import Terms
from app.db import APP, NOTHING, WORKER, Query
from app.listing import ListQuery


@dataclass(frozen=True, slots=True)
class BookableSlot:
    """A slot that can be booked now."""

    id: UUID
    offering_id: UUID
    starts_at: datetime
    ends_at: datetime
    capacity: int
    seats_left: int


@dataclass(frozen=True, slots=True)
class SlotRow(BookableSlot):
    """A slot as its provider sees it."""

    taken: int
    status: SlotStatus
    created_at: datetime
    version: int
    external_id: str | None
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class LockedSlot:
    status: SlotStatus
    taken: int
    version: int


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price in cents, from `valid_from` to before `valid_to` (None: open-ended)."""

    price_cents: int
    valid_from: date
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        """Whether this is the price of that Rome day, as price_holds in app/catalogue/sql/notice_and_price.sql."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class CreditPeriod:
    """When the provider takes credit: from `valid_from` to before `valid_to` (None: open-ended)."""

    valid_from: date
    valid_to: date | None

    def holds_on(self, day: date) -> bool:
        """Whether that Rome day is in it, as takes_credit in app/catalogue/sql/credit_periods.sql."""
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    id: UUID
    starts_at: datetime
    ends_at: datetime
    seats_left: int
    status: SlotStatus


@dataclass(frozen=True, slots=True)
class BookableOffering(Terms):
    """Everything a quote asks about an offering; whether it may be booked is for the caller to decide.

    `bookable_from` is what the provider's notice makes of now: what begins later can be booked.
    """

    site_id: UUID | None
    vat_code: VatCode
    response_hours: int
    min_notice_hours: int
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
    credit_periods: list[CreditPeriod]
    slots: dict[UUID, OfferedSlot]

    def takes_credit(self, day: date) -> bool:
        """Whether the provider is admitted and accredited for the category on that Rome day."""
        return any(period.holds_on(day) for period in self.credit_periods)

    def price_on(self, day: date) -> int | None:
        """Return the price valid on that Rome day, in cents."""
        return next((price.price_cents for price in self.prices if price.holds_on(day)), None)

    def serves(self, istat_code: str | None) -> bool:
        """Whether the municipality is in the service area; an empty area restricts nothing."""
        return not self.service_area or istat_code in self.service_area


BY_START = {"starts_at": "starts_at timestamptz, id uuid"}
PUBLISH = Query(NOTHING, "capacity.publish")
SLOT = Query(SlotRow, "capacity.slot")
SLOTS = ListQuery(SlotRow, "capacity.slots", BY_START)
BOOKABLE = ListQuery(BookableSlot, "capacity.bookable", BY_START)
LOCK_ONE = Query(LockedSlot, "capacity.lock_one")
LOCK = Query(UUID, "capacity.lock", roles=(APP, WORKER))
GIVE_BACK = Query(NOTHING, "capacity.give_back", roles=(APP, WORKER))
BOOKABLE_OFFERING = Query(BookableOffering, "capacity.bookable_offering")


async def bookable_offering(
    session: AsyncSession, offering_id: UUID, person_id: UUID, now: datetime, slot_ids: Sequence[UUID] = ()
) -> BookableOffering | None:
    """Return an offering of any status as it is for a person at an instant, with the prices from that day on.

    `slots` are those of the asked ones that it has.
    """
    return await BOOKABLE_OFFERING.maybe(
        session, id=offering_id, person_id=person_id, on=clock.day_of(now), now=now, slot_ids=list(slot_ids)
    )
