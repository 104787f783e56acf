"""Tables of a company's side: money announced, programmes, grants."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
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
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.credit.models import ExpiredCreditTo, FeeFunding, LeaversRule, ProgrammeSource, ValidityBasis
from app.db import Model, Timestamp, one_of
from app.rules.decisions import Reading
from app.rules.rows import RuleCode

TopUpStatus = Literal["pending", "confirmed", "returned"]
GrantStatus = Literal["draft", "awaiting_funds", "active", "revoked"]
GeneralityReason = Literal["hire_pro_rata", "agreement", "part_of_category", "other"]


class TopUp(Model):
    """A bank transfer that a company announced; money exists once it is confirmed."""

    __tablename__ = "top_up"
    __table_args__ = (
        CheckConstraint("amount_cents > 0", name="positive"),
        CheckConstraint(one_of("status", TopUpStatus), name="status_known"),
        CheckConstraint("(status = 'pending') = (resolved_at IS NULL)", name="resolved_when_not_pending"),
        Index("top_up_company_id_idx", "company_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[TopUpStatus] = mapped_column(Text, server_default="pending")
    payment_reference: Mapped[str] = mapped_column(Text, unique=True)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    resolved_by: Mapped[UUID | None] = mapped_column(Uuid)
    resolved_at: Mapped[datetime | None] = mapped_column(Timestamp)


class Programme(Model):
    """A source of a company's credit with its rules; what decides about money is fixed once a grant uses it."""

    __tablename__ = "programme"
    __table_args__ = (
        UniqueConstraint("company_id", "id"),
        CheckConstraint(one_of("source", ProgrammeSource), name="source_known"),
        CheckConstraint("cardinality(rule_codes) > 0", name="rule_codes_given"),
        CheckConstraint(one_of("validity_basis", ValidityBasis), name="validity_basis_known"),
        CheckConstraint(one_of("expired_credit_to", ExpiredCreditTo), name="expired_credit_to_known"),
        CheckConstraint(one_of("leavers_rule", LeaversRule), name="leavers_rule_known"),
        CheckConstraint(one_of("fee_funding", FeeFunding), name="fee_funding_known"),
        CheckConstraint(one_of("relatives_reading", Reading), name="relatives_reading_known"),
        CheckConstraint(
            "source = 'on_top' OR (leavers_rule = 'keep_until_expiry' AND expired_credit_to <> 'company')",
            name="only_on_top_returns_to_company",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    name: Mapped[str] = mapped_column(Text)
    source: Mapped[ProgrammeSource] = mapped_column(Text)
    basis: Mapped[str | None] = mapped_column(Text)
    basis_reference: Mapped[str | None] = mapped_column(Text)
    employee_category: Mapped[str] = mapped_column(Text)
    rule_codes: Mapped[list[RuleCode]] = mapped_column(ARRAY(Text))
    categories: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    lot_expires_on: Mapped[date] = mapped_column(Date)
    validity_basis: Mapped[ValidityBasis] = mapped_column(Text)
    expired_credit_to: Mapped[ExpiredCreditTo] = mapped_column(Text)
    leavers_rule: Mapped[LeaversRule] = mapped_column(Text)
    fee_funding: Mapped[FeeFunding] = mapped_column(Text)
    relatives_reading: Mapped[Reading] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


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
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    programme_id: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[GrantStatus] = mapped_column(Text, server_default="draft")
    total_cents: Mapped[int] = mapped_column(BigInteger)
    employee_count: Mapped[int] = mapped_column(Integer)
    generality_reason: Mapped[GeneralityReason | None] = mapped_column(Text)
    created_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    approved_by: Mapped[UUID | None] = mapped_column(Uuid)
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    activated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class GrantLine(Model):
    """What one employee gets from a grant; the lot made from it has its id."""

    __tablename__ = "grant_line"
    __table_args__ = (
        UniqueConstraint("grant_id", "employee_id"),
        ForeignKeyConstraint(["company_id", "grant_id"], ["credit_grant.company_id", "credit_grant.id"]),
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        CheckConstraint("amount_cents > 0", name="positive"),
        Index("grant_line_grant_idx", "company_id", "grant_id"),
        Index("grant_line_employee_idx", "company_id", "employee_id"),
    )

    lot_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    grant_id: Mapped[UUID] = mapped_column(Uuid)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    employee_id: Mapped[UUID] = mapped_column(Uuid)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
