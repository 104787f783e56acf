"""What operator and providers send and see; a provider's lines never tell employer, funding source or rule code."""

from typing import Annotated, Literal

from pydantic import Field

from app.clock import Day, Instant
from app.http.schemas import Code, In, Out
from app.ids import FeeRuleId, OrganisationId, SettlementId, SettlementRunId, UnitId, UserId
from app.money import BasisPoints, Cents
from app.payables.models import PayableKind
from app.settlements.models import FeePayer, FeeRuleStatus, LeftOutReason, RunStatus, SettlementStatus

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["9f" * 32])]


class FeeRuleCreate(In):
    """The most specific rule on the service date wins: provider and category, provider, category, everybody.

    At most the setting `fee_cap_bps` (20 per cent), fixed parts and minimum included, from a day on that is neither
    over nor settled.
    """

    provider_id: OrganisationId | None = None
    category: Code | None = None
    percent_bps: BasisPoints
    fixed_cents: Cents = Field(default=0, description="For each line")
    min_cents: Cents | None = Field(default=None, description="For each settlement")
    max_cents: Cents | None = Field(default=None, description="For each settlement")
    payer: Literal["provider"] = "provider"
    valid_from: Day
    valid_to: Day | None = Field(default=None, description="The first day on which it no longer holds")


class FeeRuleRead(Out):
    id: FeeRuleId
    provider_id: OrganisationId | None
    category: str | None
    percent_bps: int
    fixed_cents: int
    min_cents: int | None
    max_cents: int | None
    payer: FeePayer
    valid_from: Day
    valid_to: Day | None
    created_at: Instant
    status: FeeRuleStatus = Field(description="A draft takes nothing until another person has approved it")
    created_by: UserId | None
    approved_by: UserId | None
    approved_at: Instant | None


class SettlementRunCreate(In):
    cutoff_on: Day = Field(description="The last day (Rome) that belongs to the run; not after today")


class SettlementRunApproval(In):
    content_sha256: Sha256 = Field(description="The content you checked: of all settlements with their payees")


class SettlementRunRead(Out):
    id: SettlementRunId
    cutoff_on: Day
    status: RunStatus
    content_sha256: str
    settlement_count: int
    total_cents: int
    created_by: UserId
    created_at: Instant
    approved_by: UserId | None
    approved_at: Instant | None
    execution_on: Day | None
    sent_at: Instant | None
    left_out_count: int = Field(description="Providers that are owed something and not paid in this run")
    cancelled_by: UserId | None
    cancelled_at: Instant | None


class RunSettlementRead(Out):
    """One settlement of a run with its payee, fixed when the run was made and part of the hash."""

    id: SettlementId
    provider_id: OrganisationId
    number: str = Field(examples=["2026/1"])
    status: SettlementStatus
    payee_name: str
    iban: str
    street: str | None
    street_number: str | None
    postcode: str | None
    town: str | None
    country: str
    gross_cents: int
    fee_cents: int
    fee_vat_cents: int
    payout_cents: int
    content_sha256: str
    changed: list[Literal["new", "name", "iban", "address"]] = Field(
        description="What differs from the provider's last approved payout; `new` where it has none"
    )


class LeftOutRead(Out):
    """A provider that is owed something and not paid in this run."""

    provider_id: OrganisationId
    provider_name: str
    reason: LeftOutReason
    due_cents: int


class SettlementLineRead(Out):
    unit_id: UnitId
    kind: PayableKind
    service_on: Day
    gross_cents: int
    fee_cents: int
    fee_vat_cents: int
    subsidy_cents: int
    net_cents: int


class SettlementItemRead(Out):
    """A settlement in a list: without its lines."""

    id: SettlementId
    number: str = Field(examples=["2026/1"])
    cutoff_on: Day
    status: SettlementStatus
    gross_cents: int
    vat_cents: int
    fee_cents: int
    fee_vat_cents: int
    subsidy_cents: int
    payout_cents: int
    pay_on: Day
    content_sha256: str


class SettlementRead(SettlementItemRead):
    lines: list[SettlementLineRead]
