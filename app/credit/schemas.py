"""What the person sees of credit."""

from pydantic import Field

from app.clock import Day, Instant
from app.credit.models import EntryReason, LotKind, ProgrammeSource
from app.http.schemas import Out
from app.http.words import words
from app.ids import BookingId, EmployeeId, LotId, OfferingId, UnitId
from app.rules.rows import OfferingUnit, RuleCode


class ExpiringRead(Out):
    on: Day
    """The day on which it expires."""
    amount_cents: int
    """What expires on that day, in cents."""


class LotRead(Out):
    """available + held + captured + expired + returned = amount, always."""

    id: LotId
    employment_id: EmployeeId
    """The employment that it came with."""
    programme_name: str
    """The programme's name."""
    source: ProgrammeSource
    """Why the company gives it."""
    kind: LotKind
    """Where the credit comes from."""
    rule_codes: list[RuleCode]
    """The rules under which it pays."""
    categories: list[str] | None
    """Codes of `GET /v1/categories` that it may pay for; null: all that the rule codes cover."""
    amount_cents: int
    """What was given, in cents: the sum of the five amounts below."""
    available_cents: int
    """What can be spent now, in cents."""
    held_cents: int
    """What bookings hold, in cents."""
    captured_cents: int
    """What was paid with it, in cents."""
    expired_cents: int
    """What expired unused, in cents."""
    returned_cents: int
    """What went back to where it came from, in cents."""
    valid_from: Day
    """The first day on which it can be spent."""
    expires_on: Day
    """The last day on which it can be spent."""


class WalletRead(Out):
    """The person's credit over all employments, as of now."""

    available_cents: int
    """What can be spent now over all lots, in cents."""
    held_cents: int
    """What bookings hold over all lots, in cents."""
    captured_cents: int
    """What was paid over all lots, in cents."""
    expiring_next: ExpiringRead | None
    """What expires first; null where nothing is left."""
    lots: list[LotRead]
    """The credit by lot, what expires first first."""


class PaidForRead(Out):
    """What credit was used for; only the person is told."""

    booking_id: BookingId
    unit_id: UnitId
    offering_name: str
    """The offering's name."""
    provider_name: str
    """The provider's name."""
    service_on: Day = Field(description="The day of the visit (Rome)")


class WalletEntryRead(Out):
    """A movement on a lot, from the person's side: what came is positive."""

    lot_id: LotId
    """The lot that moved."""
    reason: EntryReason
    """What happened."""
    amount_cents: int
    """In cents; positive came, negative went."""
    event_at: Instant
    """When it took effect (UTC)."""
    paid_for: PaidForRead | None = Field(description="The visit that it paid, or paid back; null for other movements")


class HeldRead(Out):
    """Credit that waits for a visit: paid when it takes place, free again when it is cancelled in time."""

    lot_id: LotId
    """The lot that reserves it."""
    amount_cents: int
    """What is reserved, in cents."""
    event_at: Instant
    """Since when (UTC)."""
    paid_for: PaidForRead | None = Field(description="The visit that it is reserved for")


class ForecastDayRead(Out):
    """What becomes of the credit that expires on a day, if nothing more of it is used."""

    on: Day
    """The last day on which it can be spent."""
    amount_cents: int
    """What expires if it is not used, in cents."""
    held_cents: int
    """What bookings hold of it, in cents: that stays with them."""
    held_later_cents: int
    """Of that, what is held for visits after the day: it expires too if they are cancelled then."""


class PayableServiceRead(Out):
    """A service where the person, or whom she looks after, lives, that the credit which expires first could pay."""

    offering_id: OfferingId
    offering_name: str
    """The offering's name."""
    provider_name: str
    """The provider's name."""
    category: str
    """A code of `GET /v1/categories`."""
    unit: OfferingUnit
    """What is booked once."""
    price_cents: int
    """The price of one unit, in cents."""


class WalletForecastRead(Out):
    expiries: list[ForecastDayRead]
    """Day by day, the next first; empty where nothing is left."""
    services: list[PayableServiceRead]
    """Up to three that the rules and the credit of the first day allow, each the cheapest of its category."""


class SolidarityFundRead(Out):
    """What people's unused credit has brought to an alliance; never whose, from where, or on which day."""

    balance_cents: int
    """The sum, in cents, of the quarters that are counted."""
    counted_on: Day | None
    """The last quarter's day that is counted in it; null as long as none is."""


words(
    "LotKind",
    LotKind,
    grant="given by the employer",
    grace="freed after its end by somebody else's doing, good for a few days more",
    entitlement="given by a public programme",
)
words(
    "WalletReason",
    EntryReason,
    granted="the employer gave it",
    awarded="a public programme gave it",
    captured="it paid a unit or a fee",
    refunded="a dispute gave it back",
    restored="a correction gave it back",
    expired="its last day is over",
    returned="it went back to where it came from",
    carried_over="it moved to a new lot",
    grace="it was given a few days more",
)
words(
    "ProgrammeSource",
    ProgrammeSource,
    on_top="the employer's own money, on top of pay",
    collective_agreement="a collective agreement obliges to it",
    performance_bonus="a performance bonus, converted by choice",
)
