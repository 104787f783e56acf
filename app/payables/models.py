"""The table of payables."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, ForeignKey, Index, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.catalogue.models import VatCode
from app.db import Model, Timestamp, one_of

SourceKind = Literal["unit", "fee", "claim", "adjustment", "public_share"]
PayableKind = Literal["service", "late_fee", "no_show_fee", "adjustment"]


class Payable(Model):
    """One owed item; `source_id` is an opaque reference to what it is owed for."""

    __tablename__ = "payable"
    __table_args__ = (
        UniqueConstraint("source_kind", "source_id", "kind", "sequence", name="payable_source_once_key"),
        UniqueConstraint("transfer_id"),
        CheckConstraint(one_of("source_kind", SourceKind), name="source_kind_known"),
        CheckConstraint(one_of("kind", PayableKind), name="kind_known"),
        CheckConstraint(one_of("vat_code", VatCode), name="vat_code_known"),
        CheckConstraint("sequence > 0", name="sequence_positive"),
        CheckConstraint("gross_cents > 0 OR (gross_cents < 0 AND kind = 'adjustment')", name="gross"),
        CheckConstraint("settlement_id IS NULL OR NOT blocked", name="blocked_waits"),
        Index("payable_payee_id_idx", "payee_id", "payable_at"),
        Index("payable_unsettled_idx", "payable_at", postgresql_where="settlement_id IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    payee_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"))
    source_kind: Mapped[SourceKind] = mapped_column(Text)
    source_id: Mapped[UUID]
    kind: Mapped[PayableKind] = mapped_column(Text)
    sequence: Mapped[int] = mapped_column(Integer)
    gross_cents: Mapped[int] = mapped_column(BigInteger)
    vat_code: Mapped[VatCode] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    service_on: Mapped[date] = mapped_column(Date)
    payable_at: Mapped[datetime] = mapped_column(Timestamp)
    """When it became owed: the instant that decides its settlement's cutoff."""
    funding_line: Mapped[UUID | None]
    """The public fund's line that pays it, where one does."""
    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.transfer.id"))
    settlement_id: Mapped[UUID | None]
    """The settlement that has its line (settlements' guards compare both); null until settled."""
    blocked: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Disputed: waits outside of settlements."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
