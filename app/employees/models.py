"""Tables of employments."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.sealing import FISCAL_CODE, SealedColumn

Contract = Literal["permanent", "fixed_term", "agency"]
SEALED = (SealedColumn("employee", "sealed_fiscal_code", FISCAL_CODE, hash_column="fiscal_code_index"),)


class Employee(Model):
    """A person's employment at a company.

    `email` is where HR had the invitation sent; it is emptied at activation, when contact becomes the person's own.
    """

    __tablename__ = "employee"
    __table_args__ = (
        UniqueConstraint("company_id", "id"),
        UniqueConstraint("company_id", "fiscal_code_index", "hired_on", name="employee_same_hiring_key"),
        Index(
            "employee_employed_once_key",
            "company_id",
            "fiscal_code_index",
            unique=True,
            postgresql_where="ended_on IS NULL",
        ),
        Index(
            "employee_external_id_key",
            "company_id",
            "external_id",
            unique=True,
            postgresql_where="ended_on IS NULL AND external_id IS NOT NULL",
        ),
        Index("employee_leaving_noted_idx", "ended_noted_at", postgresql_where="ended_noted_at IS NOT NULL"),
        Index("employee_category_idx", "company_id", "category"),
        Index("employee_user_id_idx", "user_id"),
        CheckConstraint(one_of("contract", Contract), name="contract_known"),
        CheckConstraint("ended_on IS NULL OR ended_on >= hired_on", name="period"),
        CheckConstraint("user_id IS NULL OR email IS NULL", name="contact_is_the_persons"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    email: Mapped[str | None] = mapped_column(Text)
    given_name: Mapped[str] = mapped_column(Text)
    family_name: Mapped[str] = mapped_column(Text)
    sealed_fiscal_code: Mapped[bytes] = mapped_column(LargeBinary)
    fiscal_code_index: Mapped[bytes] = mapped_column(LargeBinary)
    """HMAC of the code as issued: omocodia exists because two people would share one, so it is not undone here."""
    external_id: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    hired_on: Mapped[date] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    ended_noted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When `ended_on` was last given, changed or taken back: leaving acts on credit for at most 31 days before."""
    contract: Mapped[Contract] = mapped_column(Text, server_default="permanent")
    contract_ends_on: Mapped[date | None] = mapped_column(Date)
    probation_ends_on: Mapped[date | None] = mapped_column(Date)
    unpaid_leave: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default="[]")
    agreement_code: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    updated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When HR changed it last; null: never since it was made."""
    version: Mapped[int] = mapped_column(Integer, server_default="1")
