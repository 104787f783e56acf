"""Tables of beneficiaries: schema care."""

from datetime import date, datetime
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.beneficiary import Relation


class Beneficiary(Model):
    """The person who receives the care: the employee (`self`) or a relative; belongs to a login, not to a job."""

    __tablename__ = "beneficiary"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        CheckConstraint(one_of("relation", Relation), name="relation_known"),
        Index("beneficiary_self_key", "user_id", unique=True, postgresql_where="relation = 'self'"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    relation: Mapped[Relation] = mapped_column(Text)
    given_name: Mapped[str] = mapped_column(Text)
    family_name: Mapped[str] = mapped_column(Text)
    birth_date: Mapped[date] = mapped_column(Date)
    sealed_fiscal_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[str | None] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(Text)
    postcode: Mapped[str | None] = mapped_column(Text)
    istat_code: Mapped[str | None] = mapped_column(ForeignKey("municipality.istat_code"), index=True)
    sealed_access_notes: Mapped[bytes | None] = mapped_column(LargeBinary)
    cohabitation: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB, server_default="[]")
    maintained: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB, server_default="[]")
    dependent_years: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    certificates: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
