"""Tables of beneficiaries: schema care."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.beneficiary import Relation
from app.sealing import ACCESS_NOTES, FISCAL_CODE, SealedColumn

PURPOSE = "beneficiary"
SEALED = (
    SealedColumn("care.beneficiary", "sealed_fiscal_code", FISCAL_CODE),
    SealedColumn("care.beneficiary", "sealed_access_notes", ACCESS_NOTES),
    SealedColumn("care.beneficiary", "sealed_details", PURPOSE),
    SealedColumn(
        "care.beneficiary_past",
        "sealed_details",
        PURPOSE,
        context=("beneficiary_id",),
        key=("beneficiary_id", "version"),
    ),
)


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
    sealed_fiscal_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    istat_code: Mapped[str | None] = mapped_column(ForeignKey("municipality.istat_code"), index=True)
    """The municipality of the address stays plain: it says where, for everybody of a town, and never to whom."""
    sealed_access_notes: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_details: Mapped[bytes] = mapped_column(LargeBinary)
    """`details.Details`: birth date, phone, street, family periods, certificates (health)."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class BeneficiaryPast(Model):
    """What was known of a beneficiary before each change of facts, written by the database: decisions rested on it."""

    __tablename__ = "beneficiary_past"
    __table_args__ = ({"schema": "care"},)

    beneficiary_id: Mapped[UUID] = mapped_column(ForeignKey("care.beneficiary.id"), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    relation: Mapped[Relation] = mapped_column(Text)
    sealed_details: Mapped[bytes] = mapped_column(LargeBinary)
