"""Tables of the event feed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp


class Event(Model):
    """A committed change of one object, visible to the organisations named."""

    __tablename__ = "event"
    __table_args__ = (
        CheckConstraint("type ~ '^[a-z_]+\\.[a-z_]+$'", name="type_form"),
        Index("event_object_id_idx", "object_id"),
        Index("event_unnumbered_idx", "created_at", postgresql_where="position IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str] = mapped_column(Text)
    object_id: Mapped[UUID] = mapped_column(Uuid)
    organisation_ids: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
