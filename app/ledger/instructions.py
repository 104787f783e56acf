"""What callers tell the ledger to do: one immutable record per row. Ids are made by the caller (UUIDv7).

`event_at` is the instant at which the thing happened (for a sweep: the instant at which it was due), `cause_id` an
opaque reference to the caller's object.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class NewAccount:
    id: UUID
    kind: str
    owner_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewTransfer:
    id: UUID
    from_account_id: UUID
    to_account_id: UUID
    amount_cents: int
    reason: str
    event_at: datetime
    cause_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewHold:
    id: UUID
    account_id: UUID
    payee_account_id: UUID
    amount_cents: int
    event_at: datetime
    cause_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Pay a hold to its payee; without an amount all of it, otherwise the rest is freed. `id` is the transfer's."""

    id: UUID
    hold_id: UUID
    reason: str
    event_at: datetime
    amount_cents: int | None = None
    cause_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class HoldRelease:
    """Free a hold; it is the caller who knows whether it was released or expired."""

    hold_id: UUID
    event_at: datetime


@dataclass(frozen=True, slots=True)
class Reversal:
    """Send a transfer back, once; without an amount all of it. `id` is the new transfer's."""

    id: UUID
    reverses_id: UUID
    reason: str
    event_at: datetime
    amount_cents: int | None = None
    cause_id: UUID | None = None
