"""Tables of fringe benefits."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Computed, ForeignKeyConstraint, Index, Integer, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp

YEAR = ("company_id", "employee_id", "tax_year")
FIRST_YEAR, LAST_YEAR = 2016, 2200


class FringeYear(Model):
    """What a person has had from an employer in a tax year; of several employments the first one stands for all."""

    __tablename__ = "fringe_year"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        CheckConstraint(f"tax_year BETWEEN {FIRST_YEAR} AND {LAST_YEAR}", name="tax_year_known"),
        CheckConstraint("limit_cents >= 0", name="limit_not_negative"),
        CheckConstraint("held_cents >= 0", name="held_not_negative"),
        CheckConstraint("used_cents >= 0", name="used_not_negative"),
        CheckConstraint("external_cents >= 0", name="external_not_negative"),
        CheckConstraint("reported_cents >= 0", name="reported_not_negative"),
        Index("fringe_year_untested_idx", "tax_year", postgresql_where="tested_at IS NULL"),
        Index("fringe_year_unreported_idx", "tax_year", postgresql_where="taxable_cents <> reported_cents"),
    )

    company_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    employee_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    tax_year: Mapped[int] = mapped_column(Integer, primary_key=True)
    limit_cents: Mapped[int | None] = mapped_column(BigInteger)
    """Null until somebody has looked: nothing of credit is used before."""
    with_children: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Whether the limit is the one of parents."""
    held_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Credit that bookings of the year hold under C3."""
    used_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """Credit that was used under C3."""
    external_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What payroll says was given besides."""
    taxable_cents: Mapped[int] = mapped_column(
        BigInteger,
        Computed(
            "CASE WHEN used_cents + external_cents > limit_cents THEN used_cents + external_cents ELSE 0 END",
            persisted=True,
        ),
    )
    reported_cents: Mapped[int] = mapped_column(BigInteger, server_default="0")
    """What payroll was told is taxable."""
    tested_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the year's limit was settled, after its end."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class FringeUse(Model):
    """Credit held or used under C3 for one thing; `id` is an opaque reference to it (a booking's leg)."""

    __tablename__ = "fringe_use"
    __table_args__ = (
        ForeignKeyConstraint(YEAR, [f"fringe_year.{name}" for name in YEAR]),
        CheckConstraint("held_cents >= 0", name="held_not_negative"),
        CheckConstraint("used_cents >= 0", name="used_not_negative"),
        Index("fringe_use_year_idx", *YEAR),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    employee_id: Mapped[UUID] = mapped_column(Uuid)
    tax_year: Mapped[int] = mapped_column(Integer)
    held_cents: Mapped[int] = mapped_column(BigInteger)
    used_cents: Mapped[int] = mapped_column(BigInteger)


class FringeBenefit(Model):
    """What payroll says an employee was given besides credit in a tax year; a correction is a row with a minus."""

    __tablename__ = "fringe_benefit"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        CheckConstraint("amount_cents <> 0", name="says_something"),
        Index("fringe_benefit_company_idx", "company_id", "id"),
        Index("fringe_benefit_employee_idx", *YEAR),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    employee_id: Mapped[UUID] = mapped_column(Uuid)
    tax_year: Mapped[int] = mapped_column(Integer)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    posted_by: Mapped[UUID] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
