"""Tables of settlement."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.payables.models import PayableKind

FeePayer = Literal["provider", "company", "project_fund"]
RunStatus = Literal["closed", "approved", "sent", "reconciled", "cancelled"]
SettlementStatus = Literal["issued", "approved", "paying", "paid", "returned", "cancelled"]
PayoutStatus = Literal["prepared", "approved", "paying", "paid", "returned", "cancelled"]
FeeRuleStatus = Literal["draft", "approved"]
LeftOutReason = Literal["not_accredited", "iban_missing", "iban_on_hold", "name_unusable", "below_minimum"]


class FeeRule(Model):
    """The platform's share for a provider, a category or everybody, from a day on; the most specific rule wins."""

    __tablename__ = "fee_rule"
    __table_args__ = (
        CheckConstraint("percent_bps BETWEEN 0 AND 10000 AND fixed_cents >= 0", name="not_negative"),
        CheckConstraint("min_cents >= 0 AND max_cents >= coalesce(min_cents, 0)", name="bounds"),
        CheckConstraint(one_of("payer", FeePayer), name="payer_known"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
        CheckConstraint(one_of("status", FeeRuleStatus), name="status_known"),
        CheckConstraint("(status = 'approved') = (approved_at IS NOT NULL)", name="approved_once"),
        CheckConstraint("approved_by <> created_by", name="approver_is_not_maker"),
        Index("fee_rule_provider_id_idx", "provider_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    provider_id: Mapped[UUID | None] = mapped_column(ForeignKey("provider.organisation_id"))
    category: Mapped[str | None] = mapped_column(Text)
    percent_bps: Mapped[int] = mapped_column(Integer)
    fixed_cents: Mapped[int] = mapped_column(BigInteger)
    min_cents: Mapped[int | None] = mapped_column(BigInteger)
    max_cents: Mapped[int | None] = mapped_column(BigInteger)
    payer: Mapped[FeePayer] = mapped_column(Text)
    vat_bps: Mapped[int] = mapped_column(Integer, server_default="2200")
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    status: Mapped[FeeRuleStatus] = mapped_column(Text, server_default="draft")
    created_by: Mapped[UUID | None] = mapped_column(Uuid)
    """Null where the rule stood before rules needed two people."""
    approved_by: Mapped[UUID | None] = mapped_column(Uuid)
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SettlementRun(Model):
    """One closing of the books for a cutoff day over all providers."""

    __tablename__ = "settlement_run"
    __table_args__ = (
        CheckConstraint(one_of("status", RunStatus), name="status_known"),
        CheckConstraint("approved_by IS NULL OR approved_by <> created_by", name="approver_is_not_maker"),
        CheckConstraint(
            "(approved_sha256 IS NULL) = (approved_by IS NULL) AND (approved_by IS NULL) = (approved_at IS NULL)",
            name="approval_is_complete",
        ),
        CheckConstraint("approved_sha256 IS NULL OR approved_sha256 = content_sha256", name="approved_is_this_content"),
        CheckConstraint("status IN ('closed','cancelled') OR approved_by IS NOT NULL", name="approved_before_sent"),
        CheckConstraint("(status IN ('sent','reconciled')) = (sent_at IS NOT NULL)", name="sent_has_instant"),
        CheckConstraint(
            "approved_by IS NULL OR (debtor_name IS NOT NULL AND debtor_iban IS NOT NULL AND execution_on IS NOT NULL"
            " AND (payment_file_sha256 IS NULL) = (settlement_count = 0))",
            name="payment_is_complete",
        ),
        CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL) AND (cancelled_at IS NULL) = (cancelled_by IS NULL)",
            name="cancelled_by_somebody",
        ),
        CheckConstraint("cancelled_at IS NULL OR approved_by IS NULL", name="cancelled_or_approved"),
        Index("settlement_run_cutoff_on_key", "cutoff_on", unique=True, postgresql_where="status <> 'cancelled'"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    cutoff_on: Mapped[date] = mapped_column(Date)
    status: Mapped[RunStatus] = mapped_column(Text, server_default="closed")
    content_sha256: Mapped[str] = mapped_column(Text)
    settlement_count: Mapped[int] = mapped_column(Integer)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    approved_by: Mapped[UUID | None] = mapped_column(Uuid)
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    approved_sha256: Mapped[str | None] = mapped_column(Text)
    debtor_name: Mapped[str | None] = mapped_column(Text)
    debtor_iban: Mapped[str | None] = mapped_column(Text)
    execution_on: Mapped[date | None] = mapped_column(Date)
    """When the bank is asked to pay: the settlements' day, or the next working day after a late approval."""
    payment_file_sha256: Mapped[str | None] = mapped_column(Text)
    """Of the file as it was at approval; null when there is nothing to pay."""
    sent_at: Mapped[datetime | None] = mapped_column(Timestamp)
    left_out_count: Mapped[int] = mapped_column(Integer, server_default="0")
    cancelled_by: Mapped[UUID | None] = mapped_column(Uuid)
    cancelled_at: Mapped[datetime | None] = mapped_column(Timestamp)


class SettlementCounter(Model):
    """The last number given per provider and year: a row, not a sequence, so that no number is lost."""

    __tablename__ = "settlement_counter"

    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"), primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    last_number: Mapped[int] = mapped_column(Integer)


class Settlement(Model):
    """What is owed to one provider for one cutoff; content never changes."""

    __tablename__ = "settlement"
    __table_args__ = (
        UniqueConstraint("run_id", "provider_id"),
        UniqueConstraint("provider_id", "id"),
        UniqueConstraint("provider_id", "year", "sequence", name="settlement_number_key"),
        CheckConstraint(one_of("status", SettlementStatus), name="status_known"),
        CheckConstraint(
            "payout_cents = gross_cents - fee_cents - fee_vat_cents + subsidy_cents AND payout_cents >= 0",
            name="adds_up",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("settlement_run.id"))
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"))
    year: Mapped[int] = mapped_column(Integer)
    sequence: Mapped[int] = mapped_column(Integer)
    cutoff_on: Mapped[date] = mapped_column(Date)
    status: Mapped[SettlementStatus] = mapped_column(Text, server_default="issued")
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    vat_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    fee_vat_cents: Mapped[int] = mapped_column(BigInteger)
    subsidy_cents: Mapped[int] = mapped_column(BigInteger)
    payout_cents: Mapped[int] = mapped_column(BigInteger)
    pay_on: Mapped[date] = mapped_column(Date)
    content_sha256: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)

    @property
    def number(self) -> str:
        """As on the document: `2026/1`."""
        return f"{self.year}/{self.sequence}"


class SettlementLine(Model):
    """One payable in a settlement, once over all that were not cancelled; `unit_id` is the source it is shown with."""

    __tablename__ = "settlement_line"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "settlement_id"], ["settlement.provider_id", "settlement.id"]),
        CheckConstraint(one_of("kind", PayableKind), name="kind_known"),
        CheckConstraint("net_cents = gross_cents - fee_cents - fee_vat_cents + subsidy_cents", name="adds_up"),
        Index("settlement_line_settlement_idx", "provider_id", "settlement_id"),
        Index(
            "settlement_line_settled_once_key",
            "payable_id",
            text("(\nCASE\n    WHEN cancelled THEN id\n    ELSE payable_id\nEND)"),  # as PostgreSQL writes it
            unique=True,
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    settlement_id: Mapped[UUID] = mapped_column(Uuid)
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    payable_id: Mapped[UUID] = mapped_column(ForeignKey("payable.id"))
    unit_id: Mapped[UUID] = mapped_column(Uuid)
    kind: Mapped[PayableKind] = mapped_column(Text)
    service_on: Mapped[date] = mapped_column(Date)
    vat_code: Mapped[str] = mapped_column(Text)
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    fee_cents: Mapped[int] = mapped_column(BigInteger)
    fee_vat_cents: Mapped[int] = mapped_column(BigInteger)
    subsidy_cents: Mapped[int] = mapped_column(BigInteger)
    net_cents: Mapped[int] = mapped_column(BigInteger)
    cancelled: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Its run was cancelled: another line settles the payable."""


class SettlementLeftOut(Model):
    """A provider that was owed something and is not paid in a run, with the reason."""

    __tablename__ = "settlement_left_out"
    __table_args__ = (
        CheckConstraint(one_of("reason", LeftOutReason), name="reason_known"),
        Index("settlement_left_out_provider_id_idx", "provider_id"),
    )

    run_id: Mapped[UUID] = mapped_column(ForeignKey("settlement_run.id"), primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"), primary_key=True)
    reason: Mapped[LeftOutReason] = mapped_column(Text)
    due_cents: Mapped[int] = mapped_column(BigInteger)


class Payout(Model):
    """The bank payment for one settlement: payee and amount fixed with the run, one end-to-end id, sent once."""

    __tablename__ = "payout"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "settlement_id"], ["settlement.provider_id", "settlement.id"]),
        UniqueConstraint("settlement_id"),
        CheckConstraint("amount_cents > 0", name="positive"),
        CheckConstraint(one_of("status", PayoutStatus), name="status_known"),
        CheckConstraint("end_to_end_id ~ '^[A-Za-z0-9/?:().,+ -]{1,35}$'", name="end_to_end_id_sepa"),
        Index("payout_settlement_idx", "provider_id", "settlement_id"),
        Index("payout_run_id_idx", "run_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    run_id: Mapped[UUID] = mapped_column(ForeignKey("settlement_run.id"))
    settlement_id: Mapped[UUID] = mapped_column(Uuid)
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    end_to_end_id: Mapped[str] = mapped_column(Text, unique=True)
    creditor_name: Mapped[str] = mapped_column(Text)
    iban: Mapped[str] = mapped_column(Text)
    creditor_street: Mapped[str | None] = mapped_column(Text)
    creditor_street_number: Mapped[str | None] = mapped_column(Text)
    creditor_postcode: Mapped[str | None] = mapped_column(Text)
    creditor_town: Mapped[str | None] = mapped_column(Text)
    creditor_country: Mapped[str] = mapped_column(Text)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[PayoutStatus] = mapped_column(Text, server_default="prepared")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
