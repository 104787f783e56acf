"""Pure decisions about bookings: states, deadlines, fees. No database, no clock."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from app import clock
from app.bookings.models import HAPPENED, OPEN, BookingStatus, FeeSource, UnitStatus
from app.bookings.queries import BookingRow, UnitState
from app.config import settings
from app.errors import AlreadyResolved, NotFound, StateConflict
from app.money import share_bps

TRANSITIONS: frozenset[tuple[UnitStatus, UnitStatus]] = frozenset(
    {
        ("requested", "confirmed"),
        ("requested", "declined"),
        ("requested", "expired"),
        ("requested", "cancelled"),
        ("confirmed", "delivered"),
        ("confirmed", "no_show"),
        ("confirmed", "cancelled"),
        ("confirmed", "cancelled_late"),
        ("confirmed", "expired"),
        ("delivered", "completed"),
        ("delivered", "confirmed"),
        ("no_show", "confirmed"),
    }
)
"""Every state change of a unit: state.move() makes no other, and the database refuses any other by the same list."""
CONTACT_DAYS = 30
REMINDER_DAYS = (2, 7, 14)
"""So long after it ended somebody is asked about a unit that nobody reported: the provider twice, then the employee."""
REVIEW_DAYS = 3
"""So long before its date somebody must have said what becomes of a unit that credit may not pay any more."""
REVIEW_TIME, REVIEW_AHEAD = timedelta(hours=24), timedelta(hours=2)
"""Where less is left: the time to answer, and how long before the start the provider hears of it all the same."""
RELEASE_DAYS = 30
"""Then it is released: nobody delivers or cancels it any more."""


def booking_status(units: Iterable[UnitStatus]) -> BookingStatus:
    """Return the state of a booking with units in these states: the first rule that matches."""
    present = set(units)
    if "requested" in present:
        return "requested"
    if "confirmed" in present:
        return "in_progress" if present.intersection(HAPPENED) else "confirmed"
    for status in HAPPENED:
        if status in present:
            return status
    if present & {"cancelled", "cancelled_late"}:
        return "cancelled"
    return "declined" if "declined" in present else "expired"


def status_of(unit: UnitState, confirm_by: datetime | None, now: datetime) -> UnitStatus:
    """Return the state that deadlines have made of a stored one, whether or not a sweep has run."""
    if unit.status == "confirmed" and unit.ends_at <= unreported_since(now):
        return "expired"
    if unit.status == "requested" and confirm_by is not None and now >= confirm_by:
        return "expired"
    if unit.status == "delivered" and unit.complete_at is not None and now >= unit.complete_at and not unit.frozen:
        return "completed"
    return unit.status


def review_by(unit: UnitState, now: datetime) -> datetime:
    """Return until when its person may say what becomes of a unit that is doubtful from now on."""
    in_time = clock.midnight(unit.service_on - timedelta(days=REVIEW_DAYS))
    return max(now, in_time, min(now + REVIEW_TIME, unit.starts_at - REVIEW_AHEAD))


def unreported_since(now: datetime) -> datetime:
    """Return the instant before which whatever ended and is still confirmed is released."""
    return now - timedelta(days=RELEASE_DAYS)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A booking and its units in order, as they stand at an instant."""

    booking: BookingRow
    units: tuple[UnitState, ...]
    now: datetime

    def status_of(self, unit: UnitState) -> UnitStatus:
        return status_of(unit, self.booking.confirm_by, self.now)

    @property
    def status(self) -> BookingStatus:
        return booking_status(self.status_of(unit) for unit in self.units)

    @property
    def open_units(self) -> list[UnitState]:
        return [unit for unit in self.units if self.status_of(unit) in OPEN]

    @property
    def doubtful(self) -> list[UnitState]:
        """The units that wait for their person to say what becomes of them."""
        return [unit for unit in self.open_units if unit.review_by is not None and self.now < unit.review_by]

    def chosen(self, unit_ids: Sequence[UUID] | None, fits: Sequence[UnitState]) -> Sequence[UnitState]:
        """Return the units asked for, else all that fit the verb; StateConflict when there is none."""
        if unit_ids is None:
            if not fits:
                raise StateConflict(self.status)
            return fits
        by_id = {unit.id: unit for unit in self.units}
        if any(unit_id not in by_id for unit_id in unit_ids):
            raise NotFound
        wanted = set(unit_ids)
        return [unit for unit in self.units if unit.id in wanted]

    def require(self, chosen: Sequence[UnitState], fits: Collection[UnitState]) -> None:
        """Refuse units that do not fit the verb."""
        for unit in chosen:
            if unit not in fits:
                raise StateConflict(self.status_of(unit))

    def require_open(self, chosen: Sequence[UnitState]) -> None:
        """Refuse units that have ended or were delivered."""
        for unit in chosen:
            if (status := self.status_of(unit)) not in OPEN:
                raise AlreadyResolved(status)

    def free_until(self, units: Sequence[UnitState]) -> datetime | None:
        """Return until when everything still ahead can be cancelled free; None when nothing is."""
        ahead = [unit.starts_at for unit in units if self.status_of(unit) in OPEN and unit.starts_at > self.now]
        return self._free_until(min(ahead)) if ahead else None

    def is_late(self, unit: UnitState) -> bool:
        """Whether cancelling a unit costs its person a fee."""
        return unit.status == "confirmed" and not unit.needs_review and self.now > self._free_until(unit.starts_at)

    def cancellation_fee(self, unit: UnitState) -> "Fee":
        return fee_of(unit, self.booking.late_fee_bps) if self.is_late(unit) else no_fee(unit)

    @property
    def contact_is_over(self) -> bool:
        """Whether the last unit is so long ago that the provider need not know any more who received care."""
        last = max((unit.ends_at for unit in self.units), default=self.now)
        return last + timedelta(days=CONTACT_DAYS) < self.now

    def _free_until(self, starts_at: datetime) -> datetime:
        by_terms = starts_at - timedelta(hours=self.booking.free_until_hours)
        # Whoever books late has a moment to think again.
        reconsidered = self.booking.created_at + timedelta(minutes=settings().free_minutes)
        return min(starts_at, max(by_terms, reconsidered))


def contested_until(unit: UnitState, at: datetime, acknowledge_hours: int) -> datetime:
    """Return until when a mark made at an instant can be contested: the acknowledgement time after it.

    A unit that is still to come counts from its end, so that no fee is owed before a service could have been.
    """
    return max(at, unit.ends_at) + timedelta(hours=acknowledge_hours)


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
    def source(self) -> FeeSource | None:
        if self.fee_cents == 0:
            return None
        return "credit" if self.from_credit_cents else "out_of_pocket"


def fee_of(unit: UnitState, bps: int) -> Fee:
    """Split a fee by the paying programme's rule; a fee is no service enjoyed, so by default the employee owes it.

    From credit it is at most half the unit: unused credit never becomes cash.
    """
    fee_cents = share_bps(unit.price_cents, bps)
    from_credit = unit.fee_funding == "from_credit" and unit.on_credit
    if from_credit:
        fee_cents = min(fee_cents, unit.price_cents // 2)
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


def at_stake(unit: UnitState) -> int:
    """What a provider got, or is owed by the employee, for a marked unit: the price or the fee; 0 where nothing."""
    if unit.status in {"delivered", "completed"}:
        return unit.price_cents if unit.on_credit else unit.own_money_due_cents
    if unit.status in {"no_show", "cancelled_late"}:
        return unit.fee_cents
    return 0


def no_fee(unit: UnitState) -> Fee:
    return Fee(0, 0, (), tuple(leg.hold_id for leg in unit.legs if leg.hold_id is not None))
