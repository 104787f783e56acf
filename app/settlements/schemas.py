"""What operator and providers send and see; a provider's lines never tell employer, funding source or rule code."""

from typing import Annotated, Literal

from pydantic import Field

from app.clock import Day, Instant
from app.http.schemas import Code, In, Out, example
from app.http.words import words
from app.ids import FeeRuleId, OrganisationId, SettlementId, SettlementRunId, UnitId, UserId
from app.money import BasisPoints, Cents
from app.payables.models import PayableKind
from app.settlements.models import FeePayer, FeeRuleStatus, LeftOutReason, RunStatus, SettlementStatus

PayeeChange = Literal["new", "name", "iban", "address"]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["9f" * 32])]


class FeeRuleCreate(In):
    """The most specific rule on the service date wins: provider and category, provider, category, everybody.

    At most the setting `fee_cap_bps` (20 per cent), fixed parts and minimum included, from a day on that is neither
    over nor settled.
    """

    model_config = example(percent_bps=200, valid_from="2027-01-01")

    provider_id: OrganisationId | None = None
    """The provider it is for; null: every one."""
    category: Code | None = None
    """The category it is for, a code of `GET /v1/categories`; null: every one."""
    percent_bps: BasisPoints
    """The share of the price, in basis points (200 is 2 per cent)."""
    fixed_cents: Cents = Field(default=0, description="For each line")
    min_cents: Cents | None = Field(default=None, description="For each settlement")
    max_cents: Cents | None = Field(default=None, description="For each settlement")
    payer: Literal["provider"] = "provider"
    """Who pays the fee."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None = Field(default=None, description="The first day on which it no longer holds")


class FeeRuleRead(Out):
    id: FeeRuleId
    provider_id: OrganisationId | None
    """The provider it is for; null: every one."""
    category: str | None
    """The category it is for, a code of `GET /v1/categories`; null: every one."""
    percent_bps: int
    """The share of the price, in basis points (200 is 2 per cent)."""
    fixed_cents: int
    """For each line, in cents."""
    min_cents: int | None
    """The least for each settlement, in cents; null: no minimum."""
    max_cents: int | None
    """The most for each settlement, in cents; null: no limit."""
    payer: FeePayer
    """Who pays the fee."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None
    """The first day on which it no longer holds; null: no end."""
    created_at: Instant
    """When it was made, in business time (UTC)."""
    status: FeeRuleStatus = Field(description="A draft takes nothing until another person has approved it")
    created_by: UserId | None
    """Who drafted the rule, and so cannot approve it; null where the installation did."""
    approved_by: UserId | None
    """Who approved it; null before."""
    approved_at: Instant | None
    """When another person approved it; null before."""


class SettlementRunCreate(In):
    model_config = example(cutoff_on="2026-11-22")

    cutoff_on: Day = Field(description="The last day (Rome) that belongs to the run; not after today")


class SettlementRunApproval(In):
    content_sha256: Sha256 = Field(description="The content you checked: of all settlements with their payees")


class SettlementRunRead(Out):
    id: SettlementRunId
    cutoff_on: Day
    """The last day (Rome) that belongs to the run."""
    status: RunStatus
    """Where it stands."""
    content_sha256: str
    """The hash of all settlements with their payees: approve by it."""
    settlement_count: int
    """How many providers are paid."""
    total_cents: int
    """What the run pays in all, in cents."""
    created_by: UserId
    """Who made the run, and so cannot approve it."""
    created_at: Instant
    """When it was made, in business time (UTC)."""
    approved_by: UserId | None
    """Who approved it; null before."""
    approved_at: Instant | None
    """When another person approved it; null before."""
    execution_on: Day | None
    """The day on which the bank pays; null before the payment file was made."""
    sent_at: Instant | None
    """When the payment file went to the bank; null before."""
    left_out_count: int = Field(description="Providers that are owed something and not paid in this run")
    cancelled_by: UserId | None
    """Who cancelled it; null where nobody did."""
    cancelled_at: Instant | None
    """When it was cancelled; null where it was not."""


class RunSettlementRead(Out):
    """One settlement of a run with its payee, fixed when the run was made and part of the hash."""

    id: SettlementId
    provider_id: OrganisationId
    """The provider."""
    number: str = Field(examples=["2026/1"])
    """The provider's own number of the settlement in its year."""
    status: SettlementStatus
    """Where it stands."""
    payee_name: str
    """The name that the payment carries."""
    iban: str
    """The account that is paid to (IBAN)."""
    street: str | None
    """The payee's street; null when not known."""
    street_number: str | None
    """The payee's number in the street; null when not known."""
    postcode: str | None
    """The payee's postcode; null when not known."""
    town: str | None
    """The payee's town; null when not known."""
    country: str
    """The payee's country: two letters of ISO 3166-1."""
    gross_cents: int
    """What the provider earned, VAT included, in cents."""
    fee_cents: int
    """The platform's fee in cents, without VAT."""
    fee_vat_cents: int
    """The VAT on the platform's fee, in cents."""
    payout_cents: int
    """What is paid to the provider, in cents."""
    content_sha256: str
    """The hash of this settlement with its payee and lines."""
    changed: list[PayeeChange] = Field(
        description="What differs from the provider's last approved payout; `new` where it has none"
    )


class LeftOutRead(Out):
    """A provider that is owed something and not paid in this run."""

    provider_id: OrganisationId
    """The provider."""
    provider_name: str
    """The provider's name."""
    reason: LeftOutReason
    """Why it is not paid in this run."""
    due_cents: int
    """What the provider is owed and not paid in this run, in cents."""


class SettlementLineRead(Out):
    unit_id: UnitId
    """What was delivered, or cancelled at a fee."""
    kind: PayableKind
    """What is paid."""
    service_on: Day
    """The day of the service (Rome)."""
    gross_cents: int
    """What the provider earned, VAT included, in cents."""
    fee_cents: int
    """The platform's fee in cents, without VAT."""
    fee_vat_cents: int
    """The VAT on the platform's fee, in cents."""
    subsidy_cents: int
    """What project funds add, in cents."""
    net_cents: int
    """What is paid for it, in cents."""


class SettlementItemRead(Out):
    """A settlement in a list: without its lines."""

    id: SettlementId
    number: str = Field(examples=["2026/1"])
    """The provider's own number of the settlement in its year."""
    cutoff_on: Day
    """The last day (Rome) that belongs to the settlement."""
    status: SettlementStatus
    """Where it stands."""
    gross_cents: int
    """What the provider earned, VAT included, in cents."""
    vat_cents: int
    """The VAT that the gross amount contains, in cents."""
    fee_cents: int
    """The platform's fee in cents, without VAT."""
    fee_vat_cents: int
    """The VAT on the platform's fee, in cents."""
    subsidy_cents: int
    """What project funds add, in cents."""
    payout_cents: int
    """What is paid to the provider, in cents."""
    pay_on: Day
    """The day on which it is to be paid."""
    content_sha256: str
    """The hash of the settlement with its payee and lines."""


class SettlementRead(SettlementItemRead):
    lines: list[SettlementLineRead]
    """One line for each paid item."""


words(
    "FeePayer",
    FeePayer,
    provider="the provider, from what it is paid",
    company="the company",
    project_fund="a project fund",
)
words(
    "FeeRuleStatus", FeeRuleStatus, draft="takes nothing until another person approves it", approved="holds by its days"
)
words(
    "SettlementRunStatus",
    RunStatus,
    closed="made; nothing is paid before another person approves it",
    approved="the payment file can be made",
    sent="the file is at the bank",
    reconciled="the bank's statement says so too",
    cancelled="cancelled before it was approved",
)
words(
    "SettlementStatus",
    SettlementStatus,
    issued="made; waits for the approval of its run",
    approved="approved for payment",
    paying="on its way through the bank",
    paid="paid",
    returned="the bank sent it back",
    cancelled="its run was cancelled",
)
words(
    "LeftOutReason",
    LeftOutReason,
    not_accredited="no alliance has accredited the provider",
    iban_missing="it has no bank account in force",
    iban_on_hold="its new bank account waits",
    name_unusable="its name or address is not fit for a payment file",
    below_minimum="it is owed less than the smallest sum that is paid",
)
words(
    "PayeeChange",
    PayeeChange,
    new="it was never paid before",
    name="the payee's name",
    iban="the bank account",
    address="the payee's address",
)
words(
    "PayableKind",
    PayableKind,
    service="a unit that took place",
    late_fee="the fee of a late cancellation",
    no_show_fee="the fee of not coming",
    adjustment="a correction of something paid before",
)
