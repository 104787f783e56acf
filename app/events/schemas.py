"""An event as the feed and webhooks show it: what happened to which object, and nothing about it."""

from datetime import datetime
from typing import Protocol
from uuid import UUID

from pydantic import Field

from app import ids
from app.clock import Instant
from app.events.vocabulary import PREFIXES, EventType
from app.http.schemas import Out
from app.http.words import words
from app.ids import EventId


class Happened(Protocol):
    """A row that says what happened."""

    @property
    def event_id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def object_kind(self) -> str: ...
    @property
    def object_id(self) -> UUID: ...
    @property
    def happened_at(self) -> datetime: ...


class EventObject(Out):
    """What it happened to: read it by its own route, where you may."""

    id: str = Field(
        description="The object's id, as its own route takes it.", examples=["bkg_01h455vb4pex5vsknk084sn02q"]
    )
    object: str = Field(description="What kind of object it is: the prefix of `type`.", examples=["booking"])


class EventRead(Out):
    """One change. Webhooks carry the same, byte for byte, at every try."""

    id: EventId = Field(description="The event's own id; `webhook-id` of a webhook. The same id is the same event.")
    type: str = Field(description="What happened: `noun.verb`. New types come; ignore those you do not know.",
                      examples=["booking.confirmed"])  # fmt: skip
    created_at: Instant = Field(description="Business time at which it happened; the order is that of the feed.")
    data: EventObject = Field(description="What it happened to.")


def read(row: Happened) -> EventRead:
    """Show one event."""
    return EventRead(
        id=row.event_id,
        type=row.type,
        created_at=row.happened_at,
        data=EventObject(id=ids.encode(PREFIXES[row.object_kind], row.object_id), object=row.object_kind),
    )


words(
    "EventType",
    EventType,
    **{
        "booking.requested": "somebody asks for visits: answer in time",
        "booking.confirmed": "visits were confirmed",
        "booking.declined": "visits were declined",
        "booking.expired": "nobody answered in time",
        "booking.cancelled": "visits were cancelled",
        "booking.delivered": "visits were marked as delivered",
        "booking.reverted": "a mark was taken back",
        "booking.completed": "delivered visits were accepted",
        "booking.no_show": "nobody was there",
        "booking.disputed": "a mark is contested",
        "booking.dispute_decided": "a contested mark was decided",
        "booking.changed": "visits have become doubtful, or are no more, or their payer is another",
        "slot.cancelled": "a slot was cancelled",
        "settlement.issued": "a settlement was made",
        "settlement.cancelled": "a settlement was given up; another will follow",
        "employee.joined": "an employee activated the login",
        "grant.active": "a grant was paid out to its employees",
        "top_up.confirmed": "a top-up arrived",
        "webhook_endpoint.tested": "you asked for a test",
    },
)
