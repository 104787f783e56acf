"""Tables of a company's side: money announced, programmes, grants."""

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
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of

TopUpStatus = Literal["pending", "confirming", "confirmed", "returned", "cancelled"]
GrantStatus = Literal["draft", "awaiting_funds", "active", "revoked"]
EntryKind = Literal["top_up", "grant", "returns"]
GeneralityReason = Literal["hire_pro_rata", "agreement", "part_of_category", "other"]
DueCode = Literal[
    "due",
    "granted",
    "other_agreement",
    "not_employed_then",
    "employment_ended",
    "agency",
    "fixed_term_too_short",
    "unpaid_leave",
    "not_hired_yet",
    "in_probation",
]
"""Whether a collective agreement owes somebody its credit: `due`, or why not."""


class TopUp(Model):
    """A bank transfer that a company announced; money exists once it is confirmed."""

    __tablename__ = "top_up"
    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="positive"),
        CheckConstraint(one_of("status", TopUpStatus), name="status_known"),
        CheckConstraint(
            "(status IN ('pending', 'confirming')) = (resolved_at IS NULL)", name="resolved_when_not_pending"
        ),
        CheckConstraint(
            "status NOT IN ('confirming', 'confirmed') OR confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL",
            name="confirmed_by_somebody",
        ),
        CheckConstraint(
            "second_confirmed_by IS NULL OR confirmed_by IS NOT NULL AND second_confirmed_by <> confirmed_by",
            name="second_is_another",
        ),
        Index("top_up_company_id_idx", "company_id", "id"),
        Index("top_up_external_id_idx", "company_id", "external_id", postgresql_where="external_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[TopUpStatus] = mapped_column(Text, server_default="pending")
    payment_reference: Mapped[str] = mapped_column(Text, unique=True)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    resolved_by: Mapped[UUID | None] = mapped_column(Uuid)
    resolved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    confirmed_by: Mapped[UUID | None] = mapped_column(Uuid)
    """The first person who saw the money arrive."""
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    second_confirmed_by: Mapped[UUID | None] = mapped_column(Uuid)
    """Another person, needed above the limit of one."""


class Programme(Model):
    """What only the company needs to know of a source of its credit, which has the same id."""

    __tablename__ = "programme"
    __table_args__ = (
        UniqueConstraint("company_id", "id"),
        Index("programme_external_id_idx", "company_id", "external_id", postgresql_where="external_id IS NOT NULL"),
        CheckConstraint("num_nonnulls(agreement_code, agreement_year, due_by) IN (0, 3)", name="agreement_whole"),
        Index("programme_due_by_idx", "due_by", postgresql_where="due_by IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("credit_source.id"), primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    basis: Mapped[str | None] = mapped_column(Text)
    basis_reference: Mapped[str | None] = mapped_column(Text)
    employee_category: Mapped[str] = mapped_column(Text)
    lot_expires_on: Mapped[date] = mapped_column(Date)
    archived_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Since when it takes no new grants; what it gave stands."""
    agreement_code: Mapped[str | None] = mapped_column(Text)
    """The collective agreement whose credit it gives; then people are judged by its conditions."""
    agreement_year: Mapped[int | None] = mapped_column(Integer)
    due_by: Mapped[date | None] = mapped_column(Date)
    """By when the agreement wants its credit given, as its rows said when the programme was made."""
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class ApprovalMandate(Model):
    """That a company lets the coordinator of one of its alliances approve what its one person of HR drafts."""

    __tablename__ = "approval_mandate"
    __table_args__ = (
        CheckConstraint("from_at >= given_at", name="begins_later"),
        Index("approval_mandate_open_key", "company_id", unique=True, postgresql_where="ended_at IS NULL"),
        Index("approval_mandate_company_id_idx", "company_id"),
        Index("approval_mandate_alliance_id_idx", "alliance_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    alliance_id: Mapped[UUID] = mapped_column(ForeignKey("alliance.id"))
    given_by: Mapped[UUID] = mapped_column(Uuid)
    given_at: Mapped[datetime] = mapped_column(Timestamp)
    from_at: Mapped[datetime] = mapped_column(Timestamp)
    """From when it holds: later than it was given, as an approving role is."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)


class DeadlineReminder(Model):
    """That a company was reminded so many days before the day by which its agreement wants credit given."""

    __tablename__ = "deadline_reminder"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "programme_id"], ["programme.company_id", "programme.id"]),
        Index("deadline_reminder_programme_idx", "company_id", "programme_id"),
    )

    programme_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    days_before: Mapped[int] = mapped_column(Integer, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    sent_at: Mapped[datetime] = mapped_column(Timestamp)


class Grant(Model):
    """A batch that turns company funds into lots: drafted by one, approved by another, whole or not at all."""

    __tablename__ = "credit_grant"
    __table_args__ = (
        UniqueConstraint("company_id", "id"),
        ForeignKeyConstraint(["company_id", "programme_id"], ["programme.company_id", "programme.id"]),
        CheckConstraint(one_of("status", GrantStatus), name="status_known"),
        CheckConstraint("total_cents > 0 AND employee_count > 0", name="not_empty"),
        CheckConstraint("approved_by IS NULL OR approved_by <> created_by", name="approver_is_not_maker"),
        CheckConstraint("status IN ('draft','revoked') OR approved_by IS NOT NULL", name="approved_before_active"),
        CheckConstraint("status <> 'active' OR activated_at IS NOT NULL", name="active_has_instant"),
        Index("credit_grant_programme_idx", "company_id", "programme_id"),
        Index("credit_grant_waiting_idx", "company_id", "approved_at", postgresql_where="status = 'awaiting_funds'"),
        Index("credit_grant_external_id_idx", "company_id", "external_id", postgresql_where="external_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    programme_id: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[GrantStatus] = mapped_column(Text, server_default="draft")
    total_cents: Mapped[int] = mapped_column(BigInteger)
    employee_count: Mapped[int] = mapped_column(Integer)
    generality_reason: Mapped[GeneralityReason | None] = mapped_column(Text)
    generality_note: Mapped[str | None] = mapped_column(Text)
    """The reason in the company's own words."""
    created_by: Mapped[UUID] = mapped_column(Uuid)
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    approved_by: Mapped[UUID | None] = mapped_column(Uuid)
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    activated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class GrantLine(Model):
    """What one employee gets from a grant; the lot made from it has an id that is not kept here."""

    __tablename__ = "grant_line"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "grant_id"], ["credit_grant.company_id", "credit_grant.id"]),
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        CheckConstraint("amount_cents > 0", name="positive"),
        Index("grant_line_grant_idx", "company_id", "grant_id"),
        Index("grant_line_employee_idx", "company_id", "employee_id"),
    )

    grant_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    employee_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    amount_cents: Mapped[int] = mapped_column(BigInteger)


class GrantRevocation(Model):
    """One person asks that an active grant be revoked, whole or for some of its people; another approves."""

    __tablename__ = "grant_revocation"
    __table_args__ = (
        UniqueConstraint("grant_id", "id", name="grant_revocation_of_grant_key"),
        ForeignKeyConstraint(["company_id", "grant_id"], ["credit_grant.company_id", "credit_grant.id"]),
        CheckConstraint("approved_by IS NULL OR approved_by <> asked_by", name="approver_is_not_asker"),
        CheckConstraint("(approved_by IS NULL) = (approved_at IS NULL)", name="approved_by_somebody"),
        CheckConstraint("num_nonnulls(withdrawn_at, approved_at) <= 1", name="ends_one_way"),
        Index("grant_revocation_grant_idx", "company_id", "grant_id"),
        Index(
            "grant_revocation_open_key",
            "grant_id",
            unique=True,
            postgresql_where="withdrawn_at IS NULL AND approved_at IS NULL",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    grant_id: Mapped[UUID] = mapped_column(Uuid)
    whole: Mapped[bool] = mapped_column(Boolean)
    reason: Mapped[str] = mapped_column(Text)
    asked_by: Mapped[UUID] = mapped_column(Uuid)
    asked_at: Mapped[datetime] = mapped_column(Timestamp)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Timestamp)
    approved_by: Mapped[UUID | None] = mapped_column(Uuid)
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)


class RevokedLine(Model):
    """A person whose line a revocation names; a whole one names nobody."""

    __tablename__ = "revoked_line"
    __table_args__ = (
        ForeignKeyConstraint(["grant_id", "revocation_id"], ["grant_revocation.grant_id", "grant_revocation.id"]),
        ForeignKeyConstraint(["grant_id", "employee_id"], ["grant_line.grant_id", "grant_line.employee_id"]),
        Index("revoked_line_of_line_idx", "grant_id", "employee_id"),
        Index("revoked_line_of_revocation_idx", "grant_id", "revocation_id"),
    )

    revocation_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    employee_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Uuid)
