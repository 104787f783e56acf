"""What goes in and out of quotes and bookings: one read schema per audience."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.bookings.models import BookingStatus, FeeSource, UnitStatus
from app.catalogue.models import Confirmation, VatCode
from app.clock import Day, Instant
from app.credit.planner import CreditMode, FundingSource
from app.http.schemas import Code, In, Metadata, Name, Out, Prose, example
from app.http.words import words
from app.ids import BeneficiaryId, BookingId, LotId, OfferingId, OrganisationId, QuoteId, SlotId, UnitId
from app.money import PositiveCents

MAX_UNITS = 60
MAX_BULK = 500


def _distinct(values: list[UUID]) -> list[UUID]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("not_distinct", "each id may be given once")
    return values


SlotIds = Annotated[list[SlotId], Field(min_length=1, max_length=MAX_UNITS), AfterValidator(_distinct)]
UnitIds = Annotated[list[UnitId], Field(min_length=1, max_length=MAX_UNITS), AfterValidator(_distinct)]


class CreditChoice(In):
    """How much credit may be used."""

    mode: CreditMode = "auto"
    """How much credit may be used."""
    max_cents: PositiveCents | None = None
    """The most to use with `up_to`, in cents; null in the other modes."""


class QuoteCreate(In):
    offering_id: OfferingId
    """The offering."""
    beneficiary_id: BeneficiaryId
    """Who would receive the care: the employee or a relative."""
    slot_ids: SlotIds
    """The slots to take, one for each unit."""
    credit: CreditChoice = CreditChoice()
    """How much credit may be used."""


class FundingRead(Out):
    source: FundingSource
    """What kind of money."""
    source_id: LotId | None
    """The lot that pays; null for own money."""
    amount_cents: int
    """What this source pays of the unit, in cents."""
    rule_code: str | None
    """The rule under which it pays; null for own money."""


class QuoteUnitRead(Out):
    index: int
    """The unit's place in the quote, from 0."""
    slot_id: SlotId
    """The slot it would take."""
    starts_at: Instant
    """When it starts (UTC)."""
    price_cents: int
    """The price on that day, VAT included, in cents."""
    funding: list[FundingRead]
    """Who would pay the unit."""


class DecisionRead(Out):
    """Whether credit may pay a unit, and why."""

    index: int
    """Which unit of the quote, from 0."""
    code: str
    """Why, as a stable code."""
    allowed: bool
    """Whether credit may pay this unit."""
    rule_code: str | None
    """The rule that allows it; null where none does."""
    reason: str
    """Why, in the person's language."""
    citation: str
    """The passage of the law that decides."""
    valid_on: Day
    """The day by which it was decided."""
    status: str
    """Whether the reading of the law is confirmed."""


class CancellationPolicyRead(Out):
    free_until_hours: int
    """Hours before the start until which cancelling is free."""
    late_fee_bps: int
    """The share of the price that a late cancellation costs, in basis points (10000 is all)."""
    no_show_fee_bps: int
    """The share of the price that not coming costs, in basis points (10000 is all)."""


class QuoteRead(Out):
    id: QuoteId
    offering_id: OfferingId
    """The offering."""
    beneficiary_id: BeneficiaryId
    """For whom it would be booked."""
    total_cents: int
    """The price of all units, VAT included, in cents."""
    credit_cents: int
    """What credit would pay, in cents."""
    own_money_cents: int
    """What the employee would pay the provider, in cents."""
    units: list[QuoteUnitRead]
    """The units, in order."""
    decisions: list[DecisionRead]
    """For each unit whether credit may pay it, and why."""
    cancellation_policy: CancellationPolicyRead
    """What cancelling late would cost."""
    confirmation: Confirmation = Field(description="Whether booking confirms at once or asks the provider")
    response_hours: int = Field(description="Within so many hours the provider answers, where it is asked")
    vat_code: VatCode = Field(description="The VAT contained in the prices")
    expires_at: Instant
    """Until when it can be booked (UTC)."""


class BookingCreate(In):
    quote_id: QuoteId
    """The quote that is accepted."""
    note: Prose | None = None
    """A word to the provider, who alone reads it; null: none."""
    external_id: Code | None = None
    """Its id in your own system, for the employee alone to read; null: none."""
    metadata: Metadata = Field(default_factory=dict)
    """Your own notes on it, up to 50 short texts; nobody else reads them."""


class UnitRead(Out):
    id: UnitId
    index: int
    """The unit's place in the booking, from 0."""
    slot_id: SlotId | None
    """The slot it takes; null where it takes none."""
    status: UnitStatus
    """Where it stands."""
    starts_at: Instant
    """When it starts (UTC)."""
    ends_at: Instant
    """When it ends (UTC)."""
    price_cents: int
    """The price, VAT included, in cents."""
    funding: list[FundingRead]
    """Who pays the unit."""
    fee_cents: int
    """The fee of a late cancellation or of not coming, in cents."""
    fee_source: FeeSource | None
    """Who paid the fee; null where there is none."""
    own_money_due_cents: int
    """What the employee pays the provider, in cents."""
    disputed: bool
    """Whether the employee disputes it: it is neither paid out nor completed then."""
    refunded_cents: int = Field(description="What a dispute gave back of the price or the fee")
    needs_review: bool
    """Whether the operator must look first: it is neither paid out nor completed then."""


class BookingRead(Out):
    """A booking as the employee sees it."""

    id: BookingId
    status: BookingStatus
    """Where it stands."""
    offering_id: OfferingId
    """The offering."""
    offering_name: str
    """The offering's name."""
    provider_id: OrganisationId
    """The provider."""
    provider_name: str
    """The provider's name."""
    provider_phone: str | None
    """Where to call the provider; null where it shows no number."""
    beneficiary_id: BeneficiaryId
    """Who receives the care."""
    total_cents: int
    """The price of all units, VAT included, in cents."""
    credit_cents: int
    """What credit pays, in cents."""
    own_money_due_cents: int
    """What the employee pays the provider, in cents."""
    confirm_by: Instant | None
    """By when the provider answers; null where nothing waits for an answer."""
    free_until: Instant | None
    """Until when cancelling the next unit is free (UTC); null where none can be cancelled."""
    note: str | None
    """What the employee wrote to the provider; null: nothing."""
    end_reason: str | None
    """Why it was declined or cancelled, as whoever did it wrote; null where nobody gave a reason."""
    created_at: Instant
    """When it was booked (UTC)."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Your own notes on it; no provider, employer or operator reads them."""
    units: list[UnitRead]
    """The units, in order."""


class CancellationPreviewRead(Out):
    fee_cents: int
    """What cancelling now would cost, in cents."""
    fee_own_money_cents: int
    """The part of the fee that the employee would pay, in cents."""
    fee_from_credit_cents: int
    """The part of the fee that credit would pay, in cents."""
    released_cents: int
    """The credit that would be free again, in cents."""
    free_until: Instant | None
    """Until when cancelling is free (UTC); null where none of the units can be cancelled."""


class CancelIn(In):
    """Which units; all that can still be cancelled when absent."""

    model_config = example(reason="Il nonno è in ospedale")

    unit_ids: UnitIds | None = None
    """Which units; null: all that the verb fits."""
    reason: Prose | None = None
    """Why, for the provider; null: no reason is given."""


class UnitsIn(In):
    """Which units; all that the verb fits when absent."""

    model_config = example()

    unit_ids: UnitIds | None = None
    """Which units; null: all that the verb fits."""


class DeclineIn(In):
    model_config = example(reason="Quel giorno non c'è nessuno di libero")

    reason: Name
    """Why, for the family."""


class ProviderCancelIn(In):
    model_config = example(reason="L'operatrice è malata")

    unit_ids: UnitIds | None = None
    """Which units; null: all that the verb fits."""
    reason: Name
    """Why, for the family."""


class VisitAddressRead(Out):
    street: str
    """Street and number."""
    postcode: str
    """The postcode."""
    istat_code: str
    """The municipality, by its ISTAT code of six digits."""


class BeneficiaryContactRead(Out):
    """What the provider needs to deliver; gone 30 days after the last unit."""

    given_name: str
    """The given name."""
    family_name: str
    """The family name."""
    phone: str | None
    """The phone number that the provider of a booking may call; null when there is none."""
    address: VisitAddressRead | None
    """Where the visit takes place; null when nobody gave an address."""
    access_notes: str | None
    """How to get in: bell, floor, dog; read by the provider of a booking, null when there is nothing to say."""


class ProviderUnitRead(Out):
    """A unit as the provider sees it: never who pays, never under which rule."""

    id: UnitId
    index: int
    """The unit's place in the booking, from 0."""
    slot_id: SlotId | None
    """The slot it takes; null where it takes none."""
    status: UnitStatus
    """Where it stands."""
    starts_at: Instant
    """When it starts (UTC)."""
    ends_at: Instant
    """When it ends (UTC)."""
    price_cents: int
    """The price, VAT included, in cents."""
    to_collect_cents: int
    """What the provider collects from the family, in cents."""
    expected_payment_on: Day | None
    """When it will be paid out, if nobody disputes it; null where nothing will."""
    disputed: bool
    """Whether the employee disputes it: it is neither paid out nor completed then."""
    refunded_cents: int = Field(description="What a dispute took back of the price or the fee")
    needs_review: bool
    """Whether the operator must look first: it is neither paid out nor completed then."""


class VisitRead(ProviderUnitRead):
    """A unit in its provider's day, with what is needed to go there."""

    booking_id: BookingId
    offering_id: OfferingId
    offering_name: str
    """The offering's name."""
    site_name: str | None = Field(description="Where it takes place; null at the beneficiary's home")
    beneficiary: BeneficiaryContactRead | None = Field(description="Gone 30 days after the booking's last visit")
    note: str | None
    """What the employee wrote to the provider; null: nothing."""
    confirm_by: Instant | None = Field(description="Until when a request must be answered; null once it was")


BulkMode = Literal["all", "each"]
BulkUnitIds = Annotated[list[UnitId], Field(min_length=1, max_length=MAX_BULK), AfterValidator(_distinct)]


class VisitsIn(In):
    """Which visits, up to 500."""

    unit_ids: BulkUnitIds
    """Which visits."""
    mode: BulkMode = Field(
        "all", description="`all`: all or none; `each`: booking by booking, `results` tells what became of each visit"
    )


class VisitResult(Out):
    unit_id: UnitId
    done: bool
    """Whether it was done; else `code` says why not."""
    status: UnitStatus | None = Field(description="Its state now; null where nothing was done")
    code: str | None = Field(description="Why nothing was done, as an error's `code`; null where it was done")
    detail: str | None = Field(description="The same in words, in the caller's language")


class VisitResults(Out):
    results: list[VisitResult] = Field(description="One for each visit, in the order in which they were named")


class ProviderBookingRead(Out):
    """A booking as the provider sees it."""

    id: BookingId
    status: BookingStatus
    """Where it stands."""
    offering_id: OfferingId
    """The offering."""
    offering_name: str
    """The offering's name."""
    beneficiary: BeneficiaryContactRead | None
    """Who receives the care; null 30 days after the last unit."""
    note: str | None
    """What the employee wrote to the provider; null: nothing."""
    end_reason: str | None
    """Why it was declined or cancelled, as whoever did it wrote; null where nobody gave a reason."""
    confirm_by: Instant | None
    """By when the provider answers; null where nothing waits for an answer."""
    created_at: Instant
    """When it was booked (UTC)."""
    units: list[ProviderUnitRead]
    """The units, in order."""


class SlotCancelIn(In):
    model_config = example(reason="L'operatrice è malata")

    reason: Name | None = None
    """Why, for the families; null: no reason is given."""


class SlotCancelRead(Out):
    slot_id: SlotId
    """The slot that was cancelled."""
    cancelled_bookings: int
    """How many bookings lost a unit by it."""


words(
    "UnitStatus",
    UnitStatus,
    requested="the provider has not answered yet",
    confirmed="it will take place",
    delivered="the provider says that it took place; the employee may dispute it",
    completed="accepted, by the employee or by five days of silence",
    declined="the provider said no",
    expired="nobody answered or reported in time",
    cancelled="cancelled without a fee",
    cancelled_late="cancelled by the employee at a fee",
    no_show="nobody was there; the fee of the terms is due",
)
words(
    "BookingStatus",
    BookingStatus,
    requested="some unit waits for the provider's answer",
    in_progress="some units took place, others are to come",
    confirmed="its units are to come",
    delivered="its units took place; some may still be disputed",
    completed="all that took place is accepted",
    no_show="nobody was there",
    cancelled="it was cancelled",
    declined="the provider said no",
    expired="nobody answered in time",
)
words("FeeSource", FeeSource, credit="the credit that held the unit", out_of_pocket="the employee, to the provider")
words(
    "FundingSource",
    FundingSource,
    lot="credit from a company",
    entitlement="credit from a public programme",
    own_money="the employee pays the provider",
)
words(
    "CreditMode",
    CreditMode,
    auto="as much as possible, what expires first first",
    none="no credit: own money only",
    up_to="at most `max_cents`",
)
words("BulkMode", BulkMode, all="all of them, or none", each="each booking by itself")
