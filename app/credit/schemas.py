"""What the person sees of credit."""

from typing import Literal

from app.clock import Day, Instant
from app.credit.models import LotKind, ProgrammeSource
from app.http.schemas import Out
from app.ids import EmployeeId, LotId
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


class WalletEntryRead(Out):
    """A movement on a lot, from the person's side: what came is positive."""

    lot_id: LotId
    reason: Literal["granted", "awarded", "captured", "refunded", "expired", "returned", "carried_over", "grace"]
    amount_cents: int
    event_at: Instant
