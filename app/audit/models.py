"""Tables of the audit trail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.actor import ActorKind
from app.db import Model, Timestamp, one_of


class AuditEntry(Model):
    """One act of one actor on one object."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(one_of("actor_kind", ActorKind), name="actor_kind_known"),
        Index("audit_entry_object_id_idx", "object_id"),
        Index("audit_entry_unnumbered_idx", "created_at", postgresql_where="position IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    actor_kind: Mapped[ActorKind] = mapped_column(Text)
    actor_id: Mapped[UUID | None] = mapped_column(Uuid)
    organisation_id: Mapped[UUID | None] = mapped_column(Uuid)
    action: Mapped[str] = mapped_column(Text)
    object_kind: Mapped[str] = mapped_column(Text)
    object_id: Mapped[UUID | None] = mapped_column(Uuid)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
