"""Tables of webhooks. Their times are real ones."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.sealing import SealedColumn

EndpointStatus = Literal["active", "disabled", "deleted"]
DisabledReason = Literal["person", "gone", "failing"]
DeliveryStatus = Literal["pending", "delivered", "failed"]
Problem = Literal["answer", "timeout", "unreachable", "tls", "unreadable", "address_not_allowed", "endpoint_ended"]
PLACES = range(1, 17)
SECRET = "webhook_secret"  # noqa: S105 - a purpose
SEALED = (
    SealedColumn("webhook_endpoint", "sealed_secret", SECRET),
    SealedColumn("webhook_endpoint", "sealed_previous_secret", SECRET),
)


class WebhookEndpoint(Model):
    """Where an organisation wants to be told what happens; one that is deleted is kept for its log."""

    __tablename__ = "webhook_endpoint"
    __table_args__ = (
        UniqueConstraint("organisation_id", "id"),
        CheckConstraint(one_of("status", EndpointStatus), name="status_known"),
        CheckConstraint(one_of("disabled_reason", DisabledReason), name="disabled_reason_known"),
        CheckConstraint(
            "(status = 'disabled') = (disabled_reason IS NOT NULL)"
            " AND (status = 'disabled') = (disabled_at IS NOT NULL)",
            name="disabled_whole",
        ),
        CheckConstraint("place BETWEEN 1 AND 16", name="place_known"),
        CheckConstraint("(status = 'deleted') = (place IS NULL)", name="place_until_deleted"),
        CheckConstraint("(sealed_previous_secret IS NULL) = (previous_until IS NULL)", name="previous_whole"),
        CheckConstraint("(failures > 0) = (failing_since IS NOT NULL)", name="failing_whole"),
        CheckConstraint("failures >= 0", name="failures_counted"),
        CheckConstraint("cardinality(event_types) > 0", name="types_given"),
        CheckConstraint("planned_position >= 0", name="position_counted"),
        Index("webhook_endpoint_place_key", "organisation_id", "place", unique=True),
        Index("webhook_endpoint_active_idx", "id", postgresql_where="status = 'active'"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    place: Mapped[int | None] = mapped_column(SmallInteger)
    """One of sixteen: there is no seventeenth."""
    url: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    event_types: Mapped[list[str]] = mapped_column(ARRAY(Text))
    status: Mapped[EndpointStatus] = mapped_column(Text, server_default="active")
    disabled_reason: Mapped[DisabledReason | None] = mapped_column(Text)
    disabled_at: Mapped[datetime | None] = mapped_column(Timestamp)
    sealed_secret: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_previous_secret: Mapped[bytes | None] = mapped_column(LargeBinary)
    previous_until: Mapped[datetime | None] = mapped_column(Timestamp)
    planned_position: Mapped[int] = mapped_column(BigInteger)
    """Up to here in the organisation's feed its deliveries are planned."""
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    """Failed tries since the last that succeeded."""
    failing_since: Mapped[datetime | None] = mapped_column(Timestamp)
    rest_until: Mapped[datetime | None] = mapped_column(Timestamp)
    is_slow: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Its last answer took long: it is served in the slow lane."""
    version: Mapped[int] = mapped_column(Integer, server_default="1")
    created_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class WebhookDelivery(Model):
    """One event for one endpoint, and how far it got; of the answers only the status is kept."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        UniqueConstraint("event_id", "endpoint_id", name="webhook_delivery_once"),
        ForeignKeyConstraint(
            ["organisation_id", "endpoint_id"], ["webhook_endpoint.organisation_id", "webhook_endpoint.id"]
        ),
        CheckConstraint(one_of("status", DeliveryStatus), name="status_known"),
        CheckConstraint(one_of("problem", Problem), name="problem_known"),
        CheckConstraint("(status = 'pending') = (next_attempt_at IS NOT NULL)", name="pending_has_next"),
        CheckConstraint("attempts >= 0", name="attempts_counted"),
        Index("webhook_delivery_endpoint_idx", "organisation_id", "endpoint_id", "id"),
        Index("webhook_delivery_due_idx", "endpoint_id", "position", postgresql_where="status = 'pending'"),
        Index(
            "webhook_delivery_object_idx", "endpoint_id", "object_id", "position",
            postgresql_where="status = 'pending'",
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(Uuid)
    endpoint_id: Mapped[UUID] = mapped_column(Uuid)
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id", ondelete="CASCADE"))
    object_id: Mapped[UUID] = mapped_column(Uuid)
    position: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[DeliveryStatus] = mapped_column(Text, server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    """Since it was planned or asked for again."""
    next_attempt_at: Mapped[datetime | None] = mapped_column(Timestamp)
    attempted_at: Mapped[datetime | None] = mapped_column(Timestamp)
    answer_status: Mapped[int | None] = mapped_column(SmallInteger)
    problem: Mapped[Problem | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
