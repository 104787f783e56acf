"""The words of the feed: every type of event with what a reader must be allowed to see it, and how ids begin."""

from collections.abc import Set as AbstractSet
from typing import Literal, get_args

EventType = Literal[
    "booking.requested",
    "booking.confirmed",
    "booking.declined",
    "booking.expired",
    "booking.cancelled",
    "booking.delivered",
    "booking.reverted",
    "booking.completed",
    "booking.no_show",
    "booking.disputed",
    "booking.dispute_decided",
    "booking.changed",
    "slot.cancelled",
    "settlement.issued",
    "settlement.cancelled",
    "employee.joined",
    "grant.active",
    "top_up.confirmed",
    "webhook_endpoint.tested",
]
ALL_TYPES: tuple[EventType, ...] = get_args(EventType)
TESTED: EventType = "webhook_endpoint.tested"
PERMISSIONS = {
    "booking": "bookings:read",
    "slot": "catalogue:read",
    "settlement": "settlements:read",
    "employee": "employees:read",
    "grant": "grants:read",
    "top_up": "top_ups:read",
    "webhook_endpoint": "events:read",
}
"""What shows an object shows its events: whoever may read no booking, HR above all, gets no event of one."""
PREFIXES = {
    "booking": "bkg",
    "slot": "slt",
    "settlement": "stl",
    "employee": "emp",
    "grant": "grt",
    "top_up": "top",
    "webhook_endpoint": "whe",
}
"""How the id of an object of each kind begins."""


def types_seen(permissions: AbstractSet[str]) -> list[EventType]:
    """Return the types that somebody with these permissions sees."""
    return [each for each in ALL_TYPES if PERMISSIONS[each.partition(".")[0]] in permissions]
