"""Tables of payroll; no right to them for the database role of HR."""

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
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.rows import RuleCode
from app.sealing import SealedColumn

PayrollKind = Literal["reimbursement_payslip", "reimbursement_figurative", "fringe", "bonus_conversion", "late_fee"]
SEALED = (SealedColumn("payroll_period", "sealed_content", "payroll_period"),)


class PayrollLine(Model):
    """One amount that a payslip must show; never changed: a correction is a line of its own, below zero where it takes.

    `period` and `delta_of` are written by the database.
    """

    __tablename__ = "payroll_line"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        UniqueConstraint("kind", "source_id", "sequence", name="payroll_line_source_once_key"),
        CheckConstraint(one_of("kind", PayrollKind), name="kind_known"),
        CheckConstraint(one_of("rule_code", RuleCode), name="rule_code_known"),
        CheckConstraint("amount_cents <> 0 OR taxable_cents <> 0", name="says_something"),
        CheckConstraint("tax_year BETWEEN 2000 AND 2100", name="tax_year_four_digits"),
        CheckConstraint("sequence > 0", name="sequence_positive"),
        CheckConstraint("extract(day FROM period) = 1", name="period_is_a_month"),
        CheckConstraint("delta_of < period", name="delta_of_an_earlier"),
        CheckConstraint(
            "coalesce(delta_of, period) = event_on - (extract(day FROM event_on)::integer - 1)", name="month_of_event"
        ),
        Index("payroll_line_period_idx", "company_id", "period"),
        Index("payroll_line_employee_idx", "company_id", "employee_id", "tax_year"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    employee_id: Mapped[UUID] = mapped_column(Uuid)
    tax_year: Mapped[int] = mapped_column(Integer)
    period: Mapped[date] = mapped_column(Date)
    """The month whose export shows it, by its first day."""
    delta_of: Mapped[date | None] = mapped_column(Date)
    """The closed month to which it belongs by its event; null where that is its period."""
    kind: Mapped[PayrollKind] = mapped_column(Text)
    rule_code: Mapped[RuleCode | None] = mapped_column(Text)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    taxable_cents: Mapped[int] = mapped_column(BigInteger)
    source_id: Mapped[UUID | None] = mapped_column(Uuid)
    """What it is about, for whoever recorded it; no statement of payroll reads it."""
    sequence: Mapped[int] = mapped_column(Integer)
    event_on: Mapped[date] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class PayrollPeriod(Model):
    """A month that a company's payroll closed, with what the export was, for ever."""

    __tablename__ = "payroll_period"
    __table_args__ = (
        UniqueConstraint("company_id", "period", name="payroll_period_closed_once"),
        CheckConstraint("extract(day FROM period) = 1", name="is_a_month"),
        CheckConstraint("content_sha256 ~ '^[0-9a-f]{64}$'", name="content_sha256_hex"),
        CheckConstraint("recorded_count >= 0", name="recorded_count_not_negative"),
        Index("payroll_period_closed_by_idx", "closed_by"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    period: Mapped[date] = mapped_column(Date)
    content_sha256: Mapped[str] = mapped_column(Text)
    sealed_content: Mapped[bytes] = mapped_column(LargeBinary)
    """The lines as they were exported: fiscal codes and codes of the company as they stood then."""
    recorded_count: Mapped[int] = mapped_column(Integer)
    """How many rows its lines were made of."""
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    taxable_cents: Mapped[int] = mapped_column(BigInteger)
    closed_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    closed_at: Mapped[datetime] = mapped_column(Timestamp)


class PayrollNotice(Model):
    """That a company's staff was told of one person who is HR and payroll, by the grant that has the reason."""

    __tablename__ = "payroll_notice"
    __table_args__ = (Index("payroll_notice_company_id_idx", "company_id"),)

    role_grant_id: Mapped[UUID] = mapped_column(ForeignKey("role_grant.id"), primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    told_at: Mapped[datetime] = mapped_column(Timestamp)


class PayrollCauseCode(Model):
    """What a company's payroll program calls a kind: with one rule code, or with all without their own."""

    __tablename__ = "payroll_cause_code"
    __table_args__ = (
        UniqueConstraint(
            "company_id", "kind", "rule_code", name="payroll_cause_code_once", postgresql_nulls_not_distinct=True
        ),
        CheckConstraint(one_of("kind", PayrollKind), name="kind_known"),
        CheckConstraint(one_of("rule_code", RuleCode), name="rule_code_known"),
        CheckConstraint("length(cause_code) BETWEEN 1 AND 32", name="cause_code_short"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    kind: Mapped[PayrollKind] = mapped_column(Text)
    rule_code: Mapped[RuleCode | None] = mapped_column(Text)
    cause_code: Mapped[str] = mapped_column(Text)
