"""Quotes, bookings and units as they are stored, their reads and locks; each is scoped to its person or provider."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.bookings.models import OPEN, BookingStatus, FeeSource, Quote, Unit, UnitStatus
from app.capacity.models import SeatsRefused
from app.catalogue.models import Confirmation, VatCode
from app.credit.models import FeeFunding
from app.credit.planner import FundingSource
from app.credit.planner import Leg as QuotedLeg
from app.db import APP, NOTHING, WORKER, Query
from app.errors import NotFound
from app.listing import ListQuery


@dataclass(frozen=True, slots=True)
class QuotedUnit:
    """A place in a slot, its price on its day, who pays it: planned, then stored in the quote, then booked."""

    index: int
    slot_id: UUID
    starts_at: datetime
    ends_at: datetime
    price_cents: int
    legs: tuple[QuotedLeg, ...] = ()

    @property
    def service_on(self) -> date:
        return clock.day_of(self.starts_at)

    @property
    def on_credit(self) -> bool:
        return any(leg.source_id is not None for leg in self.legs)


@dataclass(frozen=True, slots=True)
class QuoteToBook:
    """A quote with its terms, and what decides whether it can be booked now."""

    units: list[QuotedUnit]
    expires_at: datetime
    facts_unchanged: bool
    offering_status: str
    vat_code: VatCode
    confirmation: Confirmation
    response_hours: int
    bookable_from: datetime
    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int
    earned_account_id: UUID
    booked_status: BookingStatus | None
    fee_funding: dict[str, FeeFunding]
    """What each paying lot's programme says about fees."""


@dataclass(frozen=True, slots=True)
class BookingRow:
    """What a booking says besides its units; its cancellation terms are those of when it was made."""

    id: UUID
    user_id: UUID
    provider_id: UUID
    offering_id: UUID
    beneficiary_id: UUID
    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int
    confirm_by: datetime | None
    sealed_note: bytes | None
    sealed_end_reason: bytes | None
    created_at: datetime
    external_id: str | None
    sealed_metadata: bytes | None
    offering_name: str
    category: str
    provider_name: str
    provider_phone: str | None
    earned_account_id: UUID
    payable_account_id: UUID


@dataclass(frozen=True, slots=True)
class BookedRow(BookingRow):
    """A booking just made: whether seats were refused and why; then it must be rolled back."""

    refused: SeatsRefused | None


@dataclass(frozen=True, slots=True)
class VisitRow(BookingRow):
    """A unit with its booking, as its provider's day lists it; `site_name` is where, unless at home."""

    unit_id: UUID
    starts_at: datetime
    site_name: str | None


@dataclass(frozen=True, slots=True)
class UnitOfBooking:
    unit_id: UUID
    booking_id: UUID


@dataclass(frozen=True, slots=True)
class PaidFor:
    """A unit as the person finds it again in her wallet."""

    unit_id: UUID
    booking_id: UUID
    starts_at: datetime
    offering_name: str
    provider_name: str

    @property
    def service_on(self) -> date:
        return clock.day_of(self.starts_at)


@dataclass(frozen=True, slots=True)
class LegState:
    """A source's part of a unit; `hold_id` is its reservation in the ledger, none for own money."""

    id: UUID
    source: FundingSource
    lot_id: UUID | None
    hold_id: UUID | None
    amount_cents: int
    rule_code: str | None


@dataclass(frozen=True, slots=True)
class UnitState:
    """A unit as it is stored, legs in funding order."""

    id: UUID
    booking_id: UUID
    index: int
    slot_id: UUID | None
    status: UnitStatus
    starts_at: datetime
    ends_at: datetime
    price_cents: int
    vat_code: VatCode
    fee_funding: FeeFunding
    own_money_due_cents: int
    legs: tuple[LegState, ...]
    fee_cents: int = 0
    fee_source: FeeSource | None = None
    disputed: bool = False
    needs_review: bool = False
    review_by: datetime | None = None
    complete_at: datetime | None = None
    completed_at: datetime | None = None
    dispute_decided_at: datetime | None = None
    refunded_cents: int = 0

    @property
    def service_on(self) -> date:
        return clock.day_of(self.starts_at)

    @property
    def on_credit(self) -> bool:
        return any(leg.hold_id is not None for leg in self.legs)

    @property
    def frozen(self) -> bool:
        return self.disputed or self.needs_review


@dataclass(frozen=True, slots=True)
class Contact:
    """What a provider must know of who receives care."""

    id: UUID
    given_name: str
    family_name: str
    istat_code: str | None
    sealed_access_notes: bytes | None
    sealed_details: bytes


@dataclass(frozen=True, slots=True)
class Unanswered:
    id: UUID
    provider_id: UUID
    confirm_by: datetime


@dataclass(frozen=True, slots=True)
class Overdue:
    """A booking with units that wait for nobody any more: contested long enough, or never reported."""

    id: UUID
    provider_id: UUID


@dataclass(frozen=True, slots=True)
class Reminded:
    """A unit that somebody was asked about: at the provider, or (last) the employee."""

    step: int
    provider_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where to write to a person or a provider, and in which language."""

    id: UUID
    email: str
    locale: Locale


@dataclass(frozen=True, slots=True)
class WhoseBooking:
    """A booking to look at again: whose it is, with whom, for whom."""

    id: UUID
    user_id: UUID
    provider_id: UUID
    beneficiary_id: UUID


@dataclass(frozen=True, slots=True)
class LeaversUnit:
    """An open unit paid by a programme that ends with the employment, which has ended."""

    id: UUID
    booking_id: UUID
    provider_id: UUID
    starts_at: datetime
    ended_on: date


BOTH = (APP, WORKER)
QUOTE_TO_BOOK = Query(QuoteToBook, "bookings.quote_to_book")
BOOK = Query(BookedRow, "bookings.book")
BOOKING = Query(BookingRow, "bookings.booking")
BOOKING_LOCKED = Query(BookingRow, "bookings.booking_locked", roles=BOTH)
PERSON_BOOKINGS = ListQuery(BookingRow, "bookings.person_bookings", {"created_at": "id uuid"})
PROVIDER_BOOKINGS = ListQuery(BookingRow, "bookings.provider_bookings", {"created_at": "id uuid"})
VISITS = ListQuery(VisitRow, "bookings.visits", {"starts_at": "starts_at timestamptz, unit_id uuid"}, replan=True)
BOOKINGS_OF_UNITS = Query(UnitOfBooking, "bookings.bookings_of_units")
PAID_FOR = Query(PaidFor, "bookings.paid_for")
UNITS = Query(UnitState, "bookings.units", roles=BOTH)
MOVE = Query(NOTHING, "bookings.move", roles=BOTH)
REPLACE_HOLDS = Query(NOTHING, "bookings.replace_holds")
BENEFICIARY_CONTACTS = Query(Contact, "bookings.beneficiary_contacts")
LOCK_BOOKINGS = Query(UUID, "bookings.lock_bookings", roles=BOTH)
EARLIEST_UNANSWERED = Query(datetime, "bookings.earliest_unanswered", roles=(WORKER,))
UNANSWERED = Query(Unanswered, "bookings.unanswered", roles=BOTH)
BOOKINGS_TO_COMPLETE = Query(Overdue, "bookings.bookings_to_complete", roles=BOTH)
OWE_FEE = Query(NOTHING, "bookings.owe_fee", roles=BOTH)
FREEZE = Query(NOTHING, "bookings.freeze")
THAW = Query(NOTHING, "bookings.thaw")
EARLIEST_UNREPORTED: Query[datetime | None] = Query(datetime, "bookings.earliest_unreported", roles=(WORKER,))
REMIND = Query(Reminded, "bookings.remind", roles=BOTH)
UNREPORTED = Query(Overdue, "bookings.unreported", roles=BOTH)
INBOXES_OF_PEOPLE = Query(Inbox, "bookings.inboxes_of_people", roles=BOTH)
INBOXES_OF_PROVIDERS = Query(Inbox, "bookings.inboxes_of_providers", roles=BOTH)
FORGET_QUOTES = Query(int, "bookings.forget_quotes", roles=(WORKER,))
TO_REVIEW = Query(UUID, "bookings.to_review")
DECIDED_OTHERWISE = Query(WhoseBooking, "bookings.decided_otherwise", roles=BOTH)
ANY_DECIDED_OTHERWISE = Query(bool, "bookings.any_decided_otherwise", roles=(WORKER,))
REVIEW = Query(NOTHING, "bookings.review", roles=BOTH)
RECODE = Query(NOTHING, "bookings.recode", roles=BOTH)
MARK_DECIDED = Query(NOTHING, "bookings.mark_decided", roles=BOTH)
PAY_OWN_MONEY = Query(NOTHING, "bookings.pay_own_money")
UNRESOLVED = Query(WhoseBooking, "bookings.unresolved", roles=BOTH)
LEAVERS_UNITS = Query(LeaversUnit, "bookings.leavers_units", roles=BOTH)


async def booking(
    session: AsyncSession, booking_id: UUID, *, user_id: UUID | None, provider_id: UUID | None, lock: bool
) -> BookingRow:
    """Return one booking of a person or a provider, locked on demand; NotFound for anybody else's."""
    statement = BOOKING_LOCKED if lock else BOOKING
    found = await statement.maybe(session, id=booking_id, user_id=user_id, provider_id=provider_id)
    if found is None:
        raise NotFound
    return found


async def units_of(session: AsyncSession, booking_ids: Sequence[UUID]) -> dict[UUID, tuple[UnitState, ...]]:
    """Return the units of bookings with their legs, in one query."""
    grouped: dict[UUID, list[UnitState]] = {booking_id: [] for booking_id in booking_ids}
    for unit in await UNITS.all(session, booking_ids=list(booking_ids)) if booking_ids else ():
        grouped[unit.booking_id].append(unit)
    return {booking_id: tuple(units) for booking_id, units in grouped.items()}


async def paid_for(session: AsyncSession, user_id: UUID, unit_ids: Sequence[UUID]) -> dict[UUID, PaidFor]:
    """Return what of a person's these units are."""
    rows = await PAID_FOR.all(session, user_id=user_id, unit_ids=list(unit_ids)) if unit_ids else ()
    return {row.unit_id: row for row in rows}


async def quote_of(session: AsyncSession, user_id: UUID, quote_id: UUID) -> Quote:
    found = await session.scalar(select(Quote).where(Quote.id == quote_id, Quote.user_id == user_id))
    if found is None:
        raise NotFound
    return found


async def beneficiary_contacts(session: AsyncSession, beneficiary_ids: Sequence[UUID]) -> dict[UUID, Contact]:
    return {row.id: row for row in await BENEFICIARY_CONTACTS.all(session, ids=list(beneficiary_ids))}


async def bookings_in_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID) -> Sequence[UUID]:
    """Return bookings with an open unit in a slot, in the order in which they must be locked."""
    found = select(Unit.booking_id).where(
        Unit.provider_id == provider_id, Unit.slot_id == slot_id, Unit.status.in_(OPEN)
    )
    return (await session.scalars(found.distinct().order_by(Unit.booking_id))).all()


async def earliest_unanswered(session: AsyncSession, now: datetime) -> datetime | None:
    return await EARLIEST_UNANSWERED.maybe(session, now=now)


async def earliest_unreported(session: AsyncSession, steps: Mapping[int, int], now: datetime) -> datetime | None:
    """Return when the first unit waited that was asked about so many times, so many days after its end."""
    return await EARLIEST_UNREPORTED.one(session, steps=list(steps), days=list(steps.values()), now=now)


async def earliest_to_complete(session: AsyncSession, now: datetime) -> datetime | None:
    due = select(func.min(Unit.complete_at)).where(Unit.complete_at <= now, ~Unit.disputed, ~Unit.needs_review)
    return await session.scalar(due)


async def earliest_unresolved(session: AsyncSession, now: datetime) -> datetime | None:
    return await session.scalar(select(func.min(Unit.review_by)).where(Unit.review_by <= now))
