"""Tables of disputes, in schema care."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.sealing import SealedColumn

Outcome = Literal["upheld", "partly_upheld", "rejected"]
DisputeStatus = Literal["open", "upheld", "partly_upheld", "rejected"]
SEALED = (
    SealedColumn("care.dispute", "sealed_reason", "dispute_reason"),
    SealedColumn("care.dispute", "sealed_decision", "dispute_decision"),
)


class Dispute(Model):
    """One contention about marked units of a booking; open until it is decided, once."""

    __tablename__ = "dispute"
    __table_args__ = (
        UniqueConstraint("booking_id", "id"),
        ForeignKeyConstraint(["user_id", "booking_id"], ["care.booking.user_id", "care.booking.id"]),
        ForeignKeyConstraint(["provider_id", "booking_id"], ["care.booking.provider_id", "care.booking.id"]),
        CheckConstraint(one_of("status", DisputeStatus), name="status_known"),
        CheckConstraint("contested_cents > 0", name="something_contested"),
        CheckConstraint(
            "num_nonnulls(decided_at, decided_by, sealed_decision, refund_cents) ="
            " CASE WHEN status = 'open' THEN 0 ELSE 4 END",
            name="decided_whole",
        ),
        CheckConstraint(
            "CASE status WHEN 'upheld' THEN refund_cents = contested_cents"
            " WHEN 'partly_upheld' THEN refund_cents > 0 AND refund_cents < contested_cents"
            " WHEN 'rejected' THEN refund_cents = 0 ELSE refund_cents IS NULL END",
            name="refund_of_outcome",
        ),
        CheckConstraint("decided_by <> user_id", name="decided_by_another"),
        Index("dispute_user_idx", "user_id", "booking_id"),
        Index("dispute_provider_idx", "provider_id", "booking_id"),
        Index("dispute_status_idx", "status", "id"),
        Index("dispute_decided_by_idx", "decided_by"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    booking_id: Mapped[UUID] = mapped_column(Uuid)
    user_id: Mapped[UUID] = mapped_column(Uuid)
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    status: Mapped[DisputeStatus] = mapped_column(Text)
    sealed_reason: Mapped[bytes] = mapped_column(LargeBinary)
    contested_cents: Mapped[int] = mapped_column(BigInteger)
    """What the units cost, or their fees: at most so much can be given back."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    decide_by: Mapped[datetime] = mapped_column(Timestamp)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    sealed_decision: Mapped[bytes | None] = mapped_column(LargeBinary)
    refund_cents: Mapped[int | None] = mapped_column(BigInteger)


class DisputeUnit(Model):
    """A unit of a dispute; no unit is in two."""

    __tablename__ = "dispute_unit"
    __table_args__ = (
        ForeignKeyConstraint(["booking_id", "dispute_id"], ["care.dispute.booking_id", "care.dispute.id"]),
        ForeignKeyConstraint(["booking_id", "unit_id"], ["care.unit.booking_id", "care.unit.id"]),
        Index("dispute_unit_dispute_idx", "booking_id", "dispute_id"),
        Index("dispute_unit_unit_idx", "booking_id", "unit_id"),
        {"schema": "care"},
    )

    unit_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    dispute_id: Mapped[UUID] = mapped_column(Uuid)
    booking_id: Mapped[UUID] = mapped_column(Uuid)
