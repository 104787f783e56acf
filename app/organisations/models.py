"""Tables of parties."""

from datetime import datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.decisions import Reading

PartyKind = Literal["company", "provider", "municipality", "association"]
"""What the operator may enter."""
Kind = Literal[PartyKind, "operator"]
"""There is one operator, made by a command."""
BankAccountStatus = Literal["pending", "approved", "rejected"]


class Organisation(Model):
    """A legal party; it may be company, provider, municipality, association and operator at once."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint(
            f"cardinality(kinds) > 0 AND kinds <@ ARRAY[{', '.join(map(repr, get_args(Kind)))}]::text[]",
            name="kinds_known",
        ),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_form"),
        Index(
            "organisation_one_operator_key",
            text("('operator' = ANY (kinds))"),
            unique=True,
            postgresql_where="'operator' = ANY (kinds)",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[Kind]] = mapped_column(ARRAY(Text))
    tax_code: Mapped[str] = mapped_column(Text, unique=True)
    street: Mapped[str | None] = mapped_column(Text)
    street_number: Mapped[str | None] = mapped_column(Text)
    postcode: Mapped[str | None] = mapped_column(Text)
    town: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default="IT")
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    created_by: Mapped[UUID | None] = mapped_column(Uuid)
    """Who entered it; null for the first operator and for what stood before this was kept."""
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class BankAccount(Model):
    """Where an organisation's money goes: asked for by one person, approved by another, in force after a wait."""

    __tablename__ = "bank_account"
    __table_args__ = (
        CheckConstraint(one_of("status", BankAccountStatus), name="status_known"),
        CheckConstraint("iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'", name="iban_form"),
        CheckConstraint("(status = 'pending') = (decided_at IS NULL)", name="decided_when_not_pending"),
        CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="approver_is_not_requester"),
        CheckConstraint("status <> 'approved' OR effective_at >= decided_at", name="effective_once_approved"),
        Index("bank_account_organisation_id_idx", "organisation_id", "effective_at"),
        Index("bank_account_one_pending_key", "organisation_id", unique=True, postgresql_where="status = 'pending'"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    iban: Mapped[str] = mapped_column(Text)
    status: Mapped[BankAccountStatus] = mapped_column(Text, server_default="pending")
    requested_by: Mapped[UUID | None] = mapped_column(Uuid)
    """Null where the account stood before accounts needed two people."""
    requested_at: Mapped[datetime] = mapped_column(Timestamp)
    effective_at: Mapped[datetime] = mapped_column(Timestamp)
    """From when on it is paid to, once approved: a wait after the request, never before the approval."""
    decided_by: Mapped[UUID | None] = mapped_column(Uuid)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)


class Company(Model):
    """An organisation that employs people and funds credit, with accounts for its money and what comes back."""

    __tablename__ = "company"
    __table_args__ = (CheckConstraint(one_of("relatives_reading", Reading), name="relatives_reading_known"),)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    returns_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    relatives_reading: Mapped[Reading] = mapped_column(Text, server_default="strict")


class Provider(Model):
    """An organisation that delivers care, with its set of ledger accounts."""

    __tablename__ = "provider"

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    phone: Mapped[str | None] = mapped_column(Text)
    email: Mapped[str | None] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text, server_default="")
    earned_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    payable_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    in_transit_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    recoverable_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
