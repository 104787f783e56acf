"""Tables of outgoing mail."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp


class OutgoingMail(Model):
    """One message; its text is emptied once a real server took it, or none did for days: it may carry a secret link."""

    __tablename__ = "outgoing_mail"
    __table_args__ = (
        Index("outgoing_mail_recipient_idx", "recipient", "id"),
        Index("outgoing_mail_created_at_idx", "created_at"),
        Index("outgoing_mail_unsent_idx", "created_at", postgresql_where="sent_at IS NULL AND text <> ''"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    recipient: Mapped[str] = mapped_column(Text)
    subject: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    sent_at: Mapped[datetime | None] = mapped_column(Timestamp)
