"""Lots, slots, units and bookings as one would write them on paper."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

ROME = ZoneInfo("Europe/Rome")
PRICE_CHANGE = date(2027, 1, 1)
PRICES = (22_50, 24_75)


def day_of(instant: datetime) -> date:
    return instant.astimezone(ROME).date()


def over_at(day: date) -> datetime:
    """The midnight at which a day is over in Rome."""
    return datetime.combine(day + timedelta(days=1), time(), ROME).astimezone(ZoneInfo("UTC"))


@dataclass(eq=False)
class Employment:
    id: UUID
    has_fund: bool
    """Whether the company's alliance has a solidarity fund."""
    ended_on: date | None = None


@dataclass(frozen=True)
class Terms:
    """The rules of a programme."""

    rule_codes: tuple[str, ...] = ("C2_F_TER",)
    fee_funding: str = "out_of_pocket"
    expired_credit_to: str = "company"
    leavers_rule: str = "keep_until_expiry"

    @property
    def pays_home_help(self) -> bool:
        return "C2_F_TER" in self.rule_codes


@dataclass(eq=False)
class Lot:
    employment: Employment
    terms: Terms
    amount: int
    valid_from: date
    expires_on: date
    origin: "Lot | None" = None
    grace: bool = False
    id: UUID | None = None
    available: int = 0
    held: int = 0
    captured: int = 0
    expired: int = 0
    returned: int = 0
    ended: datetime | None = None

    @property
    def last_day(self) -> date:
        left = self.employment.ended_on if self.terms.leavers_rule == "zero_at_leaving" else None
        return self.expires_on if left is None else min(self.expires_on, left)

    def usable(self, today: date) -> bool:
        return self.ended is None and today <= self.last_day

    @property
    def cut_short(self) -> bool:
        """Whether leaving ends (or ended) it before its expiry."""
        if self.ended is not None:
            return self.ended < over_at(self.expires_on)
        return self.last_day < self.expires_on

    @property
    def figures(self) -> tuple[int, ...]:
        return self.amount, self.available, self.held, self.captured, self.expired, self.returned


@dataclass(eq=False)
class Slot:
    id: UUID
    instant: bool
    starts_at: datetime
    capacity: int
    taken: int = 0

    @property
    def ends_at(self) -> datetime:
        return self.starts_at + timedelta(hours=1)

    @property
    def service_on(self) -> date:
        return day_of(self.starts_at)

    @property
    def price(self) -> int:
        return PRICES[self.service_on >= PRICE_CHANGE]


Legs = list[tuple[Lot, int]]


@dataclass(eq=False)
class Unit:
    slot: Slot
    legs: Legs
    status: str
    status_at: datetime
    own_due: int
    id: UUID | None = None
    fee: int = 0
    fee_source: str | None = None
    captured: int = 0
    complete_at: datetime | None = None
    completed_at: datetime | None = None
    payable_at: datetime | None = None
    disputed: bool = False
    decided: bool = False
    refunded: int = 0
    history: list[tuple[str, datetime]] = field(default_factory=list)

    @property
    def price(self) -> int:
        return self.slot.price

    @property
    def at_stake(self) -> int:
        if self.status in {"delivered", "completed"}:
            return self.captured or self.own_due
        return self.fee if self.status in {"no_show", "cancelled_late"} else 0

    @property
    def taken(self) -> Legs:
        """What of each leg was captured, in funding order."""
        left, parts = self.captured, []
        for lot, cents in self.legs:
            parts.append((lot, min(left, cents)))
            left -= parts[-1][1]
        return parts


@dataclass(eq=False)
class Quote:
    slots: list[Slot]
    legs: list[Legs]
    expires_at: datetime
    id: UUID | None = None
    booked: bool = False


@dataclass(eq=False)
class Booking:
    units: list[Unit]
    confirm_by: datetime | None
    made_at: datetime
    id: UUID | None = None


@dataclass(eq=False)
class Dispute:
    booking: Booking
    units: list[Unit]
    id: UUID | None = None
