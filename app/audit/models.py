"""Tables of the audit trail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Index, Integer, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.actor import ActorKind
from app.db import Model, Timestamp, one_of


class AuditEntry(Model):
    """One act of one actor on one object."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        CheckConstraint(one_of("actor_kind", ActorKind), name="actor_kind_known"),
        CheckConstraint("length(address) <= 45", name="address_short"),
        CheckConstraint("times > 0", name="times_positive"),
        CheckConstraint("(hash IS NULL) = (position IS NULL)", name="hash_with_position"),
        Index("audit_entry_object_id_idx", "object_id"),
        Index("audit_entry_actor_id_idx", "actor_id", "id"),
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
    """Business time."""
    position: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    recorded_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """Real time; null in entries of a release that did not tell."""
    session_id: Mapped[UUID | None] = mapped_column(Uuid)
    address: Mapped[str | None] = mapped_column(Text)
    """The caller's network address."""
    request_id: Mapped[UUID | None] = mapped_column(Uuid)
    refusal: Mapped[str | None] = mapped_column(Text)
    """The error code of what was refused; null for what was done."""
    times: Mapped[int] = mapped_column(Integer, server_default="1")
    """How many alike it stands for: refusals of one network are told one by one at first, then by sample."""
    shown: Mapped[list[UUID] | None] = mapped_column(ARRAY(Uuid))
    """Which objects a list showed."""
    hash: Mapped[bytes | None] = mapped_column(LargeBinary)
    """SHA-256 over the hash of the position before and this entry's content."""


class AuditHead(Model):
    """Where the chain stood when its head was exported, signed."""

    __tablename__ = "audit_head"
    __table_args__ = (CheckConstraint("position > 0", name="from_one"),)

    position: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    exported_at: Mapped[datetime] = mapped_column(Timestamp)
    key_id: Mapped[str] = mapped_column(Text)
    """Which of the secret keys signed it."""
    signature: Mapped[bytes] = mapped_column(LargeBinary)


class PrincipalSecret(Model):
    """The one row whose secret seals who calls; the owner's alone."""

    __tablename__ = "principal_secret"
    __table_args__ = (
        CheckConstraint("only_one", name="only_one"),
        CheckConstraint("octet_length(secret) = 32", name="long"),
    )

    only_one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default="true")
    secret: Mapped[bytes] = mapped_column(LargeBinary)
