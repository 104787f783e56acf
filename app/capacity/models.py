"""Tables of capacity."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Integer, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of

SlotStatus = Literal["open", "cancelled"]
HolderKind = Literal["unit", "offer", "allotment"]
SeatsRefused = Literal["slot_closed", "slot_full"]


class Slot(Model):
    """A bookable piece of capacity of an offering; its length is the offering's unit."""

    __tablename__ = "slot"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(["provider_id", "offering_id"], ["offering.provider_id", "offering.id"]),
        CheckConstraint("taken BETWEEN 0 AND capacity", name="taken_within_capacity"),
        CheckConstraint("capacity > 0", name="capacity_positive"),
        CheckConstraint("ends_at > starts_at", name="not_empty"),
        CheckConstraint(one_of("status", SlotStatus), name="status_known"),
        CheckConstraint("status = 'open' OR taken = 0", name="cancelled_is_empty"),
        Index("slot_offering_idx", "provider_id", "offering_id"),
        Index("slot_bookable_idx", "offering_id", "starts_at", postgresql_where="status = 'open'"),
        Index("slot_external_id_idx", "provider_id", "external_id", postgresql_where="external_id IS NOT NULL"),
        {"postgresql_with": {"fillfactor": "70"}},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    offering_id: Mapped[UUID] = mapped_column(Uuid)
    starts_at: Mapped[datetime] = mapped_column(Timestamp)
    ends_at: Mapped[datetime] = mapped_column(Timestamp)
    capacity: Mapped[int] = mapped_column(Integer)
    taken: Mapped[int] = mapped_column(Integer, server_default="0")
    status: Mapped[SlotStatus] = mapped_column(Text, server_default="open")
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    """Counts the provider's changes, not the seats taken."""


class Taking(Model):
    """Seats of a slot that somebody has; written by take_seats and give_back_seats only."""

    __tablename__ = "taking"
    __table_args__ = (
        ForeignKeyConstraint(["provider_id", "slot_id"], ["slot.provider_id", "slot.id"], name="taking_slot_fkey"),
        CheckConstraint(one_of("holder_kind", HolderKind), name="holder_known"),
        CheckConstraint("seats > 0", name="seats_positive"),
        Index(
            "taking_open_key", "holder_kind", "holder_id", "slot_id", unique=True, postgresql_where="ended_at IS NULL"
        ),
        Index("taking_slot_idx", "provider_id", "slot_id"),
        Index("taking_counted_idx", "slot_id", postgresql_where="ended_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(Uuid)
    slot_id: Mapped[UUID] = mapped_column(Uuid)
    holder_kind: Mapped[HolderKind] = mapped_column(Text)
    holder_id: Mapped[UUID] = mapped_column(Uuid)
    seats: Mapped[int] = mapped_column(Integer)
    until: Mapped[datetime | None] = mapped_column(Timestamp)
    """When an offer ends by itself; a unit keeps its seat until it gives it back."""
    taken_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
