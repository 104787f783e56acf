"""Tables of bookings, all in schema care: they reveal the health of families."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.catalogue.models import Confirmation, VatCode
from app.credit.models import FeeFunding
from app.credit.planner import FundingSource
from app.db import Model, Timestamp, one_of
from app.sealing import SealedColumn

UnitStatus = Literal[
    "requested",
    "confirmed",
    "delivered",
    "completed",
    "declined",
    "expired",
    "cancelled",
    "cancelled_late",
    "no_show",
]
BookingStatus = Literal[
    "requested",
    "in_progress",
    "confirmed",
    "delivered",
    "completed",
    "no_show",
    "cancelled",
    "declined",
    "expired",
]
Happened = Literal["delivered", "completed", "no_show"]
FeeSource = Literal["credit", "out_of_pocket"]
OPEN: frozenset[UnitStatus] = frozenset({"requested", "confirmed"})
"""States in which a unit has its seat and its credit."""
HAPPENED: tuple[Happened, ...] = get_args(Happened)
"""States of a unit whose time has come, in the order in which they name their booking."""
TERMS = ("free_until_hours", "late_fee_bps", "no_show_fee_bps")
"""What a booking says of cancelling, exactly as its quote does."""
CONTESTABLE = "status IN ('delivered', 'completed') OR fee_source = 'credit'"
"""States in which a provider has earned something that may still be taken back."""


SEALED = (
    SealedColumn("care.booking", "sealed_note", "note"),
    SealedColumn("care.booking", "sealed_end_reason", "end_reason"),
    SealedColumn("care.booking", "sealed_metadata", "metadata"),
)


class Quote(Model):
    """A binding price and funding plan for 15 minutes; reserves nothing.

    `units` are a list of `queries.QuotedUnit`: the booking executes exactly that. `decisions` are what the rules say to
    each unit, in the order of units. The terms are the offering's when it was asked: no later change reaches them.
    """

    __tablename__ = "quote"
    __table_args__ = (
        ForeignKeyConstraint(["user_id", "beneficiary_id"], ["care.beneficiary.user_id", "care.beneficiary.id"]),
        ForeignKeyConstraint(["provider_id", "offering_id"], ["offering.provider_id", "offering.id"]),
        CheckConstraint("total_cents = credit_cents + own_money_cents", name="adds_up"),
        CheckConstraint(one_of("confirmation", Confirmation), name="confirmation_known"),
        CheckConstraint(one_of("vat_code", VatCode), name="vat_code_known"),
        UniqueConstraint("id", *TERMS, name="quote_terms_key"),
        Index("quote_beneficiary_idx", "user_id", "beneficiary_id"),
        Index("quote_offering_idx", "provider_id", "offering_id"),
        Index("quote_expires_at_idx", "expires_at"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    offering_id: Mapped[UUID] = mapped_column(Uuid)
    beneficiary_id: Mapped[UUID] = mapped_column(Uuid)
    beneficiary_version: Mapped[int] = mapped_column(Integer)
    """Facts that changed since make the quote void (beneficiary_not_eligible)."""
    total_cents: Mapped[int] = mapped_column(BigInteger)
    credit_cents: Mapped[int] = mapped_column(BigInteger)
    own_money_cents: Mapped[int] = mapped_column(BigInteger)
    confirmation: Mapped[Confirmation] = mapped_column(Text)
    response_hours: Mapped[int] = mapped_column(Integer)
    min_notice_hours: Mapped[int] = mapped_column(Integer)
    free_until_hours: Mapped[int] = mapped_column(Integer)
    late_fee_bps: Mapped[int] = mapped_column(Integer)
    no_show_fee_bps: Mapped[int] = mapped_column(Integer)
    vat_code: Mapped[VatCode] = mapped_column(Text)
    units: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    decisions: Mapped[list[dict[str, object]]] = mapped_column(JSONB)
    fringe: Mapped[dict[str, int] | None] = mapped_column(JSONB(none_as_null=True))
    """What was left of the year's fringe benefits; null where no lot may pay under C3."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    expires_at: Mapped[datetime] = mapped_column(Timestamp)


class Booking(Model):
    """An employee's reservation; its state follows from its units."""

    __tablename__ = "booking"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        UniqueConstraint("user_id", "id"),
        UniqueConstraint("quote_id", name="booking_one_per_quote_key"),
        ForeignKeyConstraint(["user_id", "beneficiary_id"], ["care.beneficiary.user_id", "care.beneficiary.id"]),
        ForeignKeyConstraint(["provider_id", "offering_id"], ["offering.provider_id", "offering.id"]),
        ForeignKeyConstraint(
            ["quote_id", *TERMS],
            ["care.quote.id", *(f"care.quote.{term}" for term in TERMS)],
            name="booking_executes_its_quote_fkey",
        ),
        CheckConstraint(one_of("status", BookingStatus), name="status_known"),
        Index("booking_beneficiary_idx", "user_id", "beneficiary_id"),
        Index("booking_offering_idx", "provider_id", "offering_id"),
        Index("booking_external_id_idx", "user_id", "external_id", postgresql_where="external_id IS NOT NULL"),
        Index(
            "booking_rules_digest_idx",
            "rules_digest",
            postgresql_where="status IN ('requested', 'confirmed', 'in_progress')",
        ),
        Index("booking_awaiting_answer_idx", "confirm_by", postgresql_where="status = 'requested'"),
        {"schema": "care", "postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    quote_id: Mapped[UUID] = mapped_column(Uuid)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    offering_id: Mapped[UUID] = mapped_column(Uuid)
    beneficiary_id: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[BookingStatus] = mapped_column(Text)
    free_until_hours: Mapped[int] = mapped_column(Integer)
    late_fee_bps: Mapped[int] = mapped_column(Integer)
    no_show_fee_bps: Mapped[int] = mapped_column(Integer)
    confirm_by: Mapped[datetime | None] = mapped_column(Timestamp)
    """Answer of the provider due; null where confirmation is instant."""
    sealed_note: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_end_reason: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Why it was declined or cancelled, in the words of whoever did it last."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    external_id: Mapped[str | None] = mapped_column(Text)
    sealed_metadata: Mapped[bytes | None] = mapped_column(LargeBinary)
    """The person's own system's notes: texts by name, as JSON."""
    rules_digest: Mapped[str] = mapped_column(Text, server_default="")
    """With which rules of law it was last decided what credit may pay of it."""


class Unit(Model):
    """One place in one slot: a visit, a session; with its price, funding, state and fee."""

    __tablename__ = "unit"
    __table_args__ = (
        UniqueConstraint("booking_id", "index"),
        UniqueConstraint("booking_id", "id"),
        ForeignKeyConstraint(["provider_id", "booking_id"], ["care.booking.provider_id", "care.booking.id"]),
        ForeignKeyConstraint(["provider_id", "slot_id"], ["slot.provider_id", "slot.id"]),
        CheckConstraint(one_of("status", UnitStatus), name="status_known"),
        CheckConstraint("price_cents > 0", name="price_positive"),
        CheckConstraint("fee_cents BETWEEN 0 AND price_cents", name="fee_within_price"),
        CheckConstraint(one_of("fee_source", FeeSource), name="fee_source_known"),
        CheckConstraint("own_money_due_cents >= 0", name="own_money_not_negative"),
        CheckConstraint(
            f"num_nonnulls(complete_at, completed_at) = CASE WHEN {CONTESTABLE} THEN 1 ELSE 0 END",
            name="contested_until_complete",
        ),
        CheckConstraint("status <> 'delivered' OR complete_at IS NOT NULL", name="delivered_has_deadline"),
        CheckConstraint("status <> 'completed' OR completed_at IS NOT NULL", name="completed_has_instant"),
        CheckConstraint("fee_source <> 'credit' OR fee_cents * 2 <= price_cents", name="fee_from_credit_at_most_half"),
        CheckConstraint("refunded_cents BETWEEN 0 AND price_cents", name="refund_within_price"),
        CheckConstraint("NOT disputed OR dispute_decided_at IS NULL", name="disputed_once"),
        CheckConstraint("refunded_cents = 0 OR dispute_decided_at IS NOT NULL", name="refund_was_decided"),
        CheckConstraint("reminders BETWEEN 0 AND 3", name="reminders_known"),
        CheckConstraint("needs_review = (review_by IS NOT NULL)", name="review_has_deadline"),
        CheckConstraint("NOT needs_review OR status IN ('requested', 'confirmed')", name="review_of_open"),
        Index("unit_booking_idx", "provider_id", "booking_id"),
        Index("unit_starts_at_idx", "provider_id", "starts_at", "id"),
        Index("unit_slot_idx", "provider_id", "slot_id"),
        Index("unit_complete_at_idx", "complete_at", postgresql_where="complete_at IS NOT NULL"),
        Index("unit_review_by_idx", "review_by", postgresql_where="review_by IS NOT NULL"),
        Index("unit_unreported_idx", "reminders", "ends_at", postgresql_where="status = 'confirmed'"),
        CheckConstraint(one_of("fee_funding", FeeFunding), name="fee_funding_known"),
        CheckConstraint("ends_at > starts_at", name="not_empty"),
        {"schema": "care", "postgresql_with": {"fillfactor": "80"}},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(Uuid)
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    index: Mapped[int] = mapped_column(Integer)
    slot_id: Mapped[UUID | None] = mapped_column(Uuid)
    status: Mapped[UnitStatus] = mapped_column(Text)
    status_at: Mapped[datetime] = mapped_column(Timestamp)
    """When the state was reached, in business time: a sweep books the instant that was due."""
    starts_at: Mapped[datetime] = mapped_column(Timestamp)
    ends_at: Mapped[datetime] = mapped_column(Timestamp)
    price_cents: Mapped[int] = mapped_column(BigInteger)
    vat_code: Mapped[VatCode] = mapped_column(Text)
    fee_funding: Mapped[FeeFunding] = mapped_column(Text)
    """What the paying programme says about a late fee: out_of_pocket or from_credit (snapshot)."""
    fee_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    fee_source: Mapped[FeeSource | None] = mapped_column(Text)
    own_money_due_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    disputed: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """A dispute of it is open: nothing of it moves until that is decided."""
    dispute_decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Once: what was decided is not marked, reverted or disputed again."""
    refunded_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What a dispute gave back of the price or the fee."""
    reminders: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How often somebody was asked to report it, since its date has passed."""
    needs_review: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Facts have changed: credit may not pay it any more, and its person has not said yet what becomes of it."""
    review_by: Mapped[datetime | None] = mapped_column(Timestamp)
    """Until when; then it is cancelled free of charge."""
    delivered_at: Mapped[datetime | None] = mapped_column(Timestamp)
    complete_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Until when what was taken from credit is contested: then a delivered unit completes, a fee becomes owed."""
    completed_at: Mapped[datetime | None] = mapped_column(Timestamp)


class Leg(Model):
    """One source's part in paying a unit; a leg on a lot has one hold in the ledger at a time."""

    __tablename__ = "leg"
    __table_args__ = (
        UniqueConstraint("unit_id", "lot_id", name="leg_one_per_source_key", postgresql_nulls_not_distinct=True),
        CheckConstraint(one_of("source", FundingSource), name="source_known"),
        CheckConstraint("amount_cents > 0", name="positive"),
        CheckConstraint("(source = 'own_money') = (lot_id IS NULL)", name="credit_names_its_lot"),
        CheckConstraint("(lot_id IS NULL) = (hold_id IS NULL)", name="credit_has_a_hold"),
        CheckConstraint("(source = 'own_money') = (rule_code IS NULL)", name="credit_names_its_rule"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("care.unit.id"))
    source: Mapped[FundingSource] = mapped_column(Text)
    lot_id: Mapped[UUID | None] = mapped_column(ForeignKey("lot.id"), index=True)
    hold_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger.hold.id"), unique=True)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    rule_code: Mapped[str | None] = mapped_column(Text)


class UnitTransition(Model):
    """History of a unit, written by the trigger that checks each change; in order of `id`."""

    __tablename__ = "unit_transition"
    __table_args__ = (Index("unit_transition_unit_id_idx", "unit_id", "id"), {"schema": "care"})

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    unit_id: Mapped[UUID] = mapped_column(ForeignKey("care.unit.id"))
    from_status: Mapped[UnitStatus | None] = mapped_column(Text)
    to_status: Mapped[UnitStatus] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Timestamp)


class UnitTransitionRule(Model):
    """The state changes that exist (data of the trigger; equal to decisions.TRANSITIONS, which a test compares)."""

    __tablename__ = "unit_transition_rule"
    __table_args__ = ({"schema": "care"},)

    from_status: Mapped[UnitStatus] = mapped_column(Text, primary_key=True)
    to_status: Mapped[UnitStatus] = mapped_column(Text, primary_key=True)
