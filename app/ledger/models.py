"""The tables of schema `ledger`; their triggers, and the ways that money goes, are in `sql/`."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Computed, ForeignKey, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model

GUARDED_KINDS = ("company_account", "lot", "entitlement_budget", "project_fund")
OPEN_KINDS = (
    "bank_clearing_company",
    "bank_clearing_public",
    "company_returns",
    "provider_earned",
    "provider_payable",
    "provider_in_transit",
    "provider_recoverable",
    "claims_payable",
    "vat_payable",
    "platform_fees",
    "solidarity_fund",
    "suspense",
)
KINDS = GUARDED_KINDS + OPEN_KINDS
MAX_TRANSFER_CENTS = 1_000_000_000_000
"""Ten billion euro: a bound against slips, far from the end of BIGINT."""

_AMOUNT = f"amount_cents BETWEEN 1 AND {MAX_TRANSFER_CENTS}"
_INSTANT = TIMESTAMP(timezone=True)


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)


class Account(Model):
    """One side of transfers; `owner_id` is an opaque reference, null where there is one account of the kind."""

    __tablename__ = "account"
    __table_args__ = (
        UniqueConstraint("kind", "owner_id", postgresql_nulls_not_distinct=True),
        CheckConstraint(f"kind IN ({_listed(KINDS)})", name="kind"),
        CheckConstraint("held_cents >= 0", name="held_not_negative"),
        CheckConstraint("NOT guarded OR posted_cents - held_cents >= 0", name="no_overdraft"),
        CheckConstraint("guarded OR (posted_cents = 0 AND held_cents = 0)", name="open_keeps_no_balance"),
        {"schema": "ledger", "postgresql_with": {"fillfactor": 70}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    owner_id: Mapped[UUID | None]
    guarded: Mapped[bool] = mapped_column(
        Boolean, Computed(f"kind IN ({_listed(GUARDED_KINDS)})", persisted=True), nullable=False
    )
    posted_cents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    held_cents: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    created_at: Mapped[datetime] = mapped_column(_INSTANT)


class Hold(Model):
    """An amount of a guarded account reserved for a payee."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint("account_id <> payee_account_id", name="two_accounts"),
        Index(None, "account_id"),
        Index(None, "payee_account_id"),
        Index(None, "cause_id", postgresql_where=text("cause_id IS NOT NULL")),
        {"schema": "ledger"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"))
    payee_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    cause_id: Mapped[UUID | None]
    event_at: Mapped[datetime] = mapped_column(_INSTANT)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)


class Transfer(Model):
    """A positive amount from one account to another; with `hold_id` a capture, with `reverses_id` a correction."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint(_AMOUNT, name="amount"),
        CheckConstraint("reason ~ '^[a-z][a-z0-9_]{1,58}[a-z0-9]$'", name="reason"),
        CheckConstraint("from_account_id <> to_account_id", name="two_accounts"),
        CheckConstraint("hold_id IS NULL OR reverses_id IS NULL", name="capture_or_reversal"),
        Index("transfer_from_account_id_idx", "from_account_id", "id"),
        Index("transfer_to_account_id_idx", "to_account_id", "id"),
        Index("transfer_hold_id_key", "hold_id", unique=True, postgresql_where=text("hold_id IS NOT NULL")),
        Index("transfer_reverses_id_key", "reverses_id", unique=True, postgresql_where=text("reverses_id IS NOT NULL")),
        Index(None, "cause_id", postgresql_where=text("cause_id IS NOT NULL")),
        Index("transfer_top_up_once_key", "cause_id", unique=True, postgresql_where=text("reason = 'top_up'")),
        {"schema": "ledger"},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    from_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"))
    to_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    hold_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger.hold.id"))
    reverses_id: Mapped[UUID | None] = mapped_column(ForeignKey("ledger.transfer.id"))
    cause_id: Mapped[UUID | None]
    event_at: Mapped[datetime] = mapped_column(_INSTANT)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)


class HoldEnd(Model):
    """How a hold ended; the primary key is why it ends once. `amount_cents` is what was captured."""

    __tablename__ = "hold_end"
    __table_args__ = (
        CheckConstraint("kind IN ('captured', 'released', 'expired')", name="kind"),
        CheckConstraint(f"CASE kind WHEN 'captured' THEN {_AMOUNT} ELSE amount_cents = 0 END", name="amount"),
        {"schema": "ledger"},
    )

    hold_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.hold.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    event_at: Mapped[datetime] = mapped_column(_INSTANT)
    created_at: Mapped[datetime] = mapped_column(_INSTANT)


class Verification(Model):
    """The result of recomputing the ledger; payouts stop while the last one is not `ok`."""

    __tablename__ = "verification"
    __table_args__ = (Index(None, "verified_at"), {"schema": "ledger"})

    id: Mapped[UUID] = mapped_column(primary_key=True)
    verified_at: Mapped[datetime] = mapped_column(_INSTANT)
    ok: Mapped[bool] = mapped_column(Boolean)
    detail: Mapped[dict[str, object]] = mapped_column(JSONB)
