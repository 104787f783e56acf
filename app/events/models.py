"""Tables of the event feed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp


class Event(Model):
    """A committed change of one object, visible to the organisations named."""

    __tablename__ = "event"
    __table_args__ = (
        CheckConstraint("type ~ '^[a-z_]+\\.[a-z_]+$'", name="type_form"),
        Index("event_object_id_idx", "object_id"),
        Index("event_unnumbered_idx", "created_at", postgresql_where="NOT numbered"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str] = mapped_column(Text)
    object_id: Mapped[UUID] = mapped_column(Uuid)
    organisation_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    numbered: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Whether the sequencer has given it its positions."""


class EventPosition(Model):
    """An event's place in the feed of one organisation that may see it: 1, 2, 3 ... in order of commit."""

    __tablename__ = "event_position"
    __table_args__ = (
        UniqueConstraint("event_id", "organisation_id", name="event_position_once"),
        CheckConstraint("position > 0", name="from_one"),
    )

    organisation_id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"))
