"""Pure decisions about bookings: states, deadlines, fees. No database, no clock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app.money import share_bps

TRANSITIONS: frozenset[tuple[str, str]] = frozenset(
    {
        ("requested", "confirmed"),
        ("requested", "declined"),
        ("requested", "expired"),
        ("requested", "cancelled"),
        ("confirmed", "delivered"),
        ("confirmed", "no_show"),
        ("confirmed", "cancelled"),
        ("confirmed", "cancelled_late"),
        ("delivered", "completed"),
        ("delivered", "confirmed"),
        ("no_show", "confirmed"),
    }
)
"""Every state change of a unit; the database has the same list and refuses any other."""


@dataclass(frozen=True)
class Policy:
    """The cancellation terms of a booking, fixed when it was made."""

    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int

    def free_until(self, starts_at: datetime) -> datetime:
        return starts_at - timedelta(hours=self.free_until_hours)

    def is_late(self, starts_at: datetime, now: datetime) -> bool:
        return now > self.free_until(starts_at)


@dataclass(frozen=True)
class LegState:
    """A source's part of a unit; `hold_id` is its reservation in the ledger, none for own money."""

    id: UUID
    source: str
    lot_id: UUID | None
    hold_id: UUID | None
    amount_cents: int
    rule_code: str | None


@dataclass(frozen=True)
class UnitState:
    """A unit as the verbs see it, legs in funding order."""

    id: UUID
    index: int
    slot_id: UUID | None
    status: str
    starts_at: datetime
    ends_at: datetime
    price_cents: int
    fee_funding: str
    fee_cents: int
    fee_source: str | None
    own_money_due_cents: int
    captured_cents: int
    disputed: bool
    needs_review: bool
    complete_at: datetime | None
    legs: tuple[LegState, ...]

    @property
    def on_credit(self) -> bool:
        return any(leg.hold_id is not None for leg in self.legs)

    @property
    def frozen(self) -> bool:
        return self.disputed or self.needs_review


def booking_status(units: Iterable[str]) -> str:
    """Return the state of a booking with units in these states: the first rule that matches."""
    present = set(units)
    if "requested" in present:
        return "requested"
    if "confirmed" in present:
        return "in_progress" if present & {"delivered", "completed", "no_show"} else "confirmed"
    for status in ("delivered", "completed", "no_show"):
        if status in present:
            return status
    if present & {"cancelled", "cancelled_late"}:
        return "cancelled"
    return "declined" if "declined" in present else "expired"


def effective_status(status: str, confirm_by: datetime | None, complete_at: datetime | None, now: datetime) -> str:
    """Return the state that deadlines have made of a stored one, whether or not a sweep has run."""
    if status == "requested" and confirm_by is not None and now >= confirm_by:
        return "expired"
    if status == "delivered" and complete_at is not None and now >= complete_at:
        return "completed"
    return status


def confirm_by(now: datetime, response_hours: int, starts: Sequence[datetime]) -> datetime:
    """Return when the provider's answer is due: the response time, at the latest the first start."""
    return min(now + timedelta(hours=response_hours), *starts)


@dataclass(frozen=True)
class Fee:
    """What a late cancellation or no-show costs: from credit (by hold) or owed to the provider by the employee."""

    fee_cents: int
    from_credit_cents: int
    captures: tuple[tuple[UUID, int], ...]
    """(hold, cents) in funding order."""
    releases: tuple[UUID, ...]

    @property
    def own_money_cents(self) -> int:
        return self.fee_cents - self.from_credit_cents

    @property
    def source(self) -> str | None:
        if self.fee_cents == 0:
            return None
        return "credit" if self.from_credit_cents else "out_of_pocket"


def fee_of(unit: UnitState, bps: int) -> Fee:
    """Split a fee by the paying programme's rule; a fee is no service enjoyed, so by default the employee owes it."""
    fee_cents = share_bps(unit.price_cents, bps)
    from_credit = unit.fee_funding == "from_credit" and unit.on_credit
    captures: list[tuple[UUID, int]] = []
    releases: list[UUID] = []
    due = fee_cents if from_credit else 0
    for leg in unit.legs:
        if leg.hold_id is None:
            continue
        part = min(due, leg.amount_cents)
        due -= part
        if part:
            captures.append((leg.hold_id, part))
        else:
            releases.append(leg.hold_id)
    return Fee(fee_cents, fee_cents if from_credit else 0, tuple(captures), tuple(releases))


def no_fee(unit: UnitState) -> Fee:
    return Fee(0, 0, (), tuple(leg.hold_id for leg in unit.legs if leg.hold_id is not None))
