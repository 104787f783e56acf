"""What the person sees of credit."""

from pydantic import Field

from app.clock import Day, Instant
from app.credit.models import EntryReason, LotKind, ProgrammeSource
from app.http.schemas import Out
from app.ids import BookingId, EmployeeId, LotId, UnitId
from app.rules.rows import RuleCode


class ExpiringRead(Out):
    on: Day
    amount_cents: int


class LotRead(Out):
    """available + held + captured + expired + returned = amount, always."""

    id: LotId
    employment_id: EmployeeId
    programme_name: str
    source: ProgrammeSource
    kind: LotKind
    rule_codes: list[RuleCode]
    amount_cents: int
    available_cents: int
    held_cents: int
    captured_cents: int
    expired_cents: int
    returned_cents: int
    valid_from: Day
    expires_on: Day


class WalletRead(Out):
    """The person's credit over all employments, as of now."""

    available_cents: int
    held_cents: int
    captured_cents: int
    expiring_next: ExpiringRead | None
    lots: list[LotRead]


class PaidForRead(Out):
    """What credit was used for; only the person is told."""

    booking_id: BookingId
    unit_id: UnitId
    offering_name: str
    provider_name: str
    service_on: Day = Field(description="The day of the visit (Rome)")


class WalletEntryRead(Out):
    """A movement on a lot, from the person's side: what came is positive."""

    lot_id: LotId = Field(description="On which lot")
    reason: EntryReason
    amount_cents: int
    event_at: Instant
    paid_for: PaidForRead | None = Field(description="The visit that it paid, or paid back; null for other movements")
