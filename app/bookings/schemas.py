"""What goes in and out of quotes and bookings: one read schema per audience."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.bookings.models import BookingStatus, FeeSource, UnitStatus
from app.catalogue.models import Confirmation, VatCode
from app.clock import Day, Instant
from app.credit.planner import CreditMode, FundingSource
from app.http.schemas import In, Name, Out, Prose
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
    max_cents: PositiveCents | None = None


class QuoteCreate(In):
    offering_id: OfferingId
    beneficiary_id: BeneficiaryId
    slot_ids: SlotIds
    credit: CreditChoice = CreditChoice()


class FundingRead(Out):
    source: FundingSource
    source_id: LotId | None
    amount_cents: int
    rule_code: str | None


class QuoteUnitRead(Out):
    index: int
    slot_id: SlotId
    starts_at: Instant
    price_cents: int
    funding: list[FundingRead]


class DecisionRead(Out):
    """Whether credit may pay a unit, and why."""

    index: int
    code: str
    allowed: bool
    rule_code: str | None
    reason: str
    citation: str
    valid_on: Day
    status: str


class CancellationPolicyRead(Out):
    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int


class QuoteRead(Out):
    id: QuoteId
    offering_id: OfferingId
    total_cents: int
    credit_cents: int
    own_money_cents: int
    units: list[QuoteUnitRead]
    decisions: list[DecisionRead]
    cancellation_policy: CancellationPolicyRead
    confirmation: Confirmation = Field(description="Whether booking confirms at once or asks the provider")
    response_hours: int = Field(description="Within so many hours the provider answers, where it is asked")
    vat_code: VatCode = Field(description="The VAT contained in the prices")
    expires_at: Instant


class BookingCreate(In):
    quote_id: QuoteId
    note: Prose | None = None


class UnitRead(Out):
    id: UnitId
    index: int
    slot_id: SlotId | None
    status: UnitStatus
    starts_at: Instant
    ends_at: Instant
    price_cents: int
    funding: list[FundingRead]
    fee_cents: int
    fee_source: FeeSource | None
    own_money_due_cents: int
    disputed: bool
    refunded_cents: int = Field(description="What a dispute gave back of the price or the fee")
    needs_review: bool


class BookingRead(Out):
    """A booking as the employee sees it."""

    id: BookingId
    status: BookingStatus
    offering_id: OfferingId
    offering_name: str
    provider_id: OrganisationId
    provider_name: str
    provider_phone: str | None
    beneficiary_id: BeneficiaryId
    total_cents: int
    credit_cents: int
    own_money_due_cents: int
    confirm_by: Instant | None
    free_until: Instant | None
    note: str | None
    end_reason: str | None
    created_at: Instant
    units: list[UnitRead]


class CancellationPreviewRead(Out):
    fee_cents: int
    fee_own_money_cents: int
    fee_from_credit_cents: int
    released_cents: int
    free_until: Instant | None


class CancelIn(In):
    """Which units; all that can still be cancelled when absent."""

    unit_ids: UnitIds | None = None
    reason: Prose | None = None


class UnitsIn(In):
    """Which units; all that the verb fits when absent."""

    unit_ids: UnitIds | None = None


class DeclineIn(In):
    reason: Name


class ProviderCancelIn(In):
    unit_ids: UnitIds | None = None
    reason: Name


class AddressRead(Out):
    street: str
    postcode: str
    istat_code: str


class BeneficiaryContactRead(Out):
    """What the provider needs to deliver; gone 30 days after the last unit."""

    given_name: str
    family_name: str
    phone: str | None
    address: AddressRead | None
    access_notes: str | None


class ProviderUnitRead(Out):
    """A unit as the provider sees it: never who pays, never under which rule."""

    id: UnitId
    index: int
    slot_id: SlotId | None
    status: UnitStatus
    starts_at: Instant
    ends_at: Instant
    price_cents: int
    to_collect_cents: int
    expected_payment_on: Day | None
    disputed: bool
    refunded_cents: int = Field(description="What a dispute took back of the price or the fee")
    needs_review: bool


class VisitRead(ProviderUnitRead):
    """A unit in its provider's day, with what is needed to go there."""

    booking_id: BookingId
    offering_id: OfferingId
    offering_name: str
    site_name: str | None = Field(description="Where it takes place; null at the beneficiary's home")
    beneficiary: BeneficiaryContactRead | None = Field(description="Gone 30 days after the booking's last visit")
    note: str | None
    confirm_by: Instant | None = Field(description="Until when a request must be answered; null once it was")


BulkMode = Literal["all", "each"]
BulkUnitIds = Annotated[list[UnitId], Field(min_length=1, max_length=MAX_BULK), AfterValidator(_distinct)]


class VisitsIn(In):
    """Which visits, up to 500."""

    unit_ids: BulkUnitIds
    mode: BulkMode = Field(
        "all", description="`all`: all or none; `each`: booking by booking, `results` tells what became of each visit"
    )


class VisitResult(Out):
    unit_id: UnitId
    done: bool
    status: UnitStatus | None = Field(description="Its state now; null where nothing was done")
    code: str | None = Field(description="Why nothing was done, as an error's `code`; null where it was done")
    detail: str | None = Field(description="The same in words, in the caller's language")


class VisitResults(Out):
    results: list[VisitResult] = Field(description="One for each visit, in the order in which they were named")


class ProviderBookingRead(Out):
    """A booking as the provider sees it."""

    id: BookingId
    status: BookingStatus
    offering_id: OfferingId
    offering_name: str
    beneficiary: BeneficiaryContactRead | None
    note: str | None
    end_reason: str | None
    confirm_by: Instant | None
    created_at: Instant
    units: list[ProviderUnitRead]


class SlotCancelIn(In):
    reason: Name | None = None


class SlotCancelRead(Out):
    slot_id: SlotId
    cancelled_bookings: int
