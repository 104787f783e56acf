"""What bookings do to credit, worked out on paper: integers, days and the rules of the design, no line of the product.

A command raises `Refused` with the codes that would be right, before it changes anything. `sweep` carries out what
deadlines made due, each at its own instant, in the order in which they came due.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain

from tests.model.arithmetic import by_lot, spread, years_later
from tests.model.plan import plan
from tests.model.things import Booking, Dispute, Employment, Legs, Lot, Quote, Slot, Terms, Unit, day_of, over_at

QUOTE_LIVES = timedelta(minutes=15)
ACKNOWLEDGE = timedelta(hours=5 * 24)
FREE_UNTIL = timedelta(hours=24)
LATE_FEE_PERCENT = 50
NO_SHOW_FEE_PERCENT = 100
ANSWER = timedelta(hours=48)
GRACE = timedelta(days=60)
SILENT_GRACE = timedelta(days=14)
THINK_AGAIN = timedelta(minutes=30)
UNREPORTED = timedelta(days=30)
DISPUTABLE = timedelta(days=60)
LAST_DAYS = timedelta(days=7)
Pick = Sequence[int] | None
"""Places of the units that a command names; None: all that it fits."""


class Refused(Exception):
    def __init__(self, *codes: str) -> None:
        super().__init__(*codes)
        self.codes = set(codes)


class Paper:
    """One person's credit and bookings with one provider."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.lots: list[Lot] = []
        self.slots: list[Slot] = []
        self.quotes: list[Quote] = []
        self.bookings: list[Booking] = []
        self.disputes: list[Dispute] = []
        self.employments: list[Employment] = []
        self.earned = self.payable = self.solidarity = self.elsewhere = 0
        self.company: dict[Employment, int] = {}

    # --- credit

    def grant(self, employment: Employment, terms: Terms, amount: int, expires_on: date) -> Lot:
        lot = Lot(employment, terms, amount, day_of(self.now), expires_on, available=amount)
        self.lots.append(lot)
        return lot

    def _free(
        self, parts: Iterable[tuple[Lot, int]], at: datetime, *, employee: bool, asked: datetime | None = None
    ) -> None:
        """Credit comes free; what a lot that is over (or nearly, by others' fault) gets goes on at once.

        `asked` is when a request was made that nobody answered.
        """
        sums: dict[Lot, int] = {}
        for lot, cents in parts:
            sums[lot] = sums.get(lot, 0) + cents
        for lot, cents in sums.items():
            lot.available += cents
            over = not lot.usable(day_of(at))
            nearly = over or day_of(at) > lot.expires_on - LAST_DAYS
            if over and lot.cut_short:
                self._leave(lot, cents, "returned", at)
            elif nearly and not employee and not lot.grace:
                late = asked is not None and day_of(asked) > lot.expires_on - LAST_DAYS
                self._leave(lot, cents, "grace", at, SILENT_GRACE if late else GRACE)
            elif over:
                self._leave(lot, cents, lot.terms.expired_credit_to, at)

    def _leave(self, lot: Lot, cents: int, where: str, at: datetime, grace: timedelta = GRACE) -> None:
        at = max(at, lot.ended or at)
        lot.available -= cents
        if where == "returned":
            lot.returned += cents
            self.company[lot.employment] += cents
            return
        lot.expired += cents
        if where == "solidarity_fund" and lot.employment.has_fund:
            self.solidarity += cents
        elif where == "solidarity_fund":
            self.elsewhere += cents
        elif where == "company":
            self.company[lot.employment] += cents
        else:
            today = day_of(at)
            until = today + grace if where == "grace" else years_later(lot.expires_on, today)
            self.lots.append(
                Lot(lot.employment, lot.terms, cents, today, until, origin=lot, grace=where == "grace", available=cents)
            )

    def _end_lot(self, lot: Lot) -> None:
        at = over_at(lot.last_day)
        if lot.available:
            self._leave(lot, lot.available, "returned" if lot.cut_short else lot.terms.expired_credit_to, at)
        lot.ended = at

    def _capture(self, lot: Lot, held: int, cents: int) -> None:
        lot.held -= held
        lot.captured += cents
        self.earned += cents

    def _pay(self, cents: int) -> None:
        self.earned -= cents
        self.payable += cents

    # --- quoting and booking

    def quote(self, slots: Sequence[Slot], limit: int | None) -> Quote:
        """Plan slots of one offering; `limit` caps the credit."""
        reasons = {"slot_closed" for slot in slots if slot.starts_at <= self.now}
        reasons |= {"slot_full" for slot in slots if slot.taken >= slot.capacity}
        if reasons:
            raise Refused(*reasons)
        ordered = sorted(slots, key=lambda slot: (slot.starts_at, slot.id))
        usable = [lot for lot in self.lots if lot.usable(day_of(self.now)) and lot.terms.pays_home_help]
        made = Quote(ordered, plan(ordered, usable, limit), self.now + QUOTE_LIVES)
        self.quotes.append(made)
        return made

    def book(self, quote: Quote) -> Booking:
        asked = by_lot(chain.from_iterable(quote.legs))
        today = day_of(self.now)
        reasons = set()
        if quote.booked:
            reasons.add("already_resolved")
        if self.now >= quote.expires_at:
            reasons.add("quote_expired")
        if any(not lot.usable(today) or lot.available < cents for lot, cents in asked.items()):
            reasons.add("insufficient_credit")
        if any(slot.starts_at <= self.now for slot in quote.slots):
            reasons.add("slot_closed")
        if any(slot.taken >= slot.capacity for slot in quote.slots):
            reasons.add("slot_full")
        if reasons:
            raise Refused(*reasons)
        quote.booked = True
        instant = quote.slots[0].instant
        status = "confirmed" if instant else "requested"
        units = []
        for slot, legs in zip(quote.slots, quote.legs, strict=True):
            self._hold(legs)
            slot.taken += 1
            unit = Unit(slot, list(legs), status, self.now, 0 if legs else slot.price)
            unit.history.append((status, self.now))
            units.append(unit)
        due = None if instant else min(self.now + ANSWER, *(slot.starts_at for slot in quote.slots))
        booking = Booking(units, due, self.now)
        self.bookings.append(booking)
        return booking

    def spendable(self) -> int:
        return sum(lot.available for lot in self.lots if lot.usable(day_of(self.now)))

    def _hold(self, legs: Legs) -> None:
        for lot, cents in legs:
            lot.available -= cents
            lot.held += cents

    # --- verbs on a booking

    def status(self, booking: Booking, unit: Unit) -> str:
        """The state that deadlines have made, whether or not anything ran."""
        if unit.status == "requested" and booking.confirm_by is not None and self.now >= booking.confirm_by:
            return "expired"
        if unit.status == "confirmed" and self.now >= unit.slot.ends_at + UNREPORTED:
            return "expired"
        if unit.status == "delivered" and not unit.disputed and unit.complete_at and self.now >= unit.complete_at:
            return "completed"
        return unit.status

    def confirm(self, booking: Booking) -> None:
        for unit in self._requested(booking):
            self._move(unit, "confirmed", self.now)

    def decline(self, booking: Booking) -> None:
        self._end(self._requested(booking), "declined", self.now, employee=False)

    def deliver(self, booking: Booking, pick: Pick) -> None:
        for unit in self._picked(booking, pick, self._begun, "state_conflict"):
            for lot, cents in unit.legs:
                self._capture(lot, cents, cents)
            unit.captured = sum(cents for _, cents in unit.legs)
            unit.complete_at = self.now + ACKNOWLEDGE
            self._move(unit, "delivered", self.now)

    def no_show(self, booking: Booking, pick: Pick) -> None:
        units = self._picked(booking, pick, self._begun, "state_conflict")
        self._end(units, "no_show", self.now, fee_percent=NO_SHOW_FEE_PERCENT)

    def acknowledge(self, booking: Booking, pick: Pick) -> None:
        def delivered(booking: Booking, unit: Unit) -> bool:
            return self.status(booking, unit) == "delivered" and (pick is None or not unit.disputed)

        for unit in self._unfrozen(self._picked(booking, pick, delivered, "state_conflict")):
            self._complete(unit, self.now)

    def revert(self, booking: Booking, pick: Pick) -> None:
        def marked(booking: Booking, unit: Unit) -> bool:
            return self.status(booking, unit) == "delivered" or (
                unit.status == "no_show" and unit.fee_source != "credit"
            )

        units = self._unfrozen(self._picked(booking, pick, marked, "state_conflict"))
        again = by_lot(leg for unit in units if unit.status == "no_show" for leg in unit.legs)
        today = day_of(self.now)
        if any(not lot.usable(today) or lot.available < cents for lot, cents in again.items()):
            raise Refused("insufficient_credit")
        for unit in units:
            if unit.status == "delivered":
                for lot, cents in unit.legs:
                    self._capture(lot, -cents, -cents)
            else:
                self._hold(unit.legs)
            unit.own_due = 0 if unit.legs else unit.price
            unit.fee, unit.fee_source, unit.captured, unit.complete_at = 0, None, 0, None
            self._move(unit, "confirmed", self.now)

    def cancel(self, booking: Booking, pick: Pick) -> None:
        def ahead(booking: Booking, unit: Unit) -> bool:
            return self._open(booking, unit) and unit.slot.starts_at > self.now

        units = self._picked(booking, pick, ahead, "state_conflict", "already_resolved")
        late = [
            unit
            for unit in units
            if unit.status == "confirmed"
            and self.now > max(unit.slot.starts_at - FREE_UNTIL, booking.made_at + THINK_AGAIN)
        ]
        self._settle_fees(units, dict.fromkeys(late, LATE_FEE_PERCENT), self.now, employee=True)
        for unit in units:
            unit.slot.taken -= 1
            self._move(unit, "cancelled_late" if unit in late else "cancelled", self.now)

    def provider_cancel(self, booking: Booking, pick: Pick) -> None:
        units = self._picked(booking, pick, self._open, "already_resolved", "state_conflict")
        self._end(units, "cancelled", self.now, employee=False)

    def dispute(self, booking: Booking, pick: Sequence[int]) -> Dispute:
        units = [booking.units[place] for place in sorted(set(pick))]
        reasons = set()
        for unit in units:
            if unit.decided:
                reasons.add("already_resolved")
            elif unit.disputed or not unit.at_stake:
                reasons.add("state_conflict")
            elif self.now >= over_at(unit.slot.service_on + DISPUTABLE):
                reasons.add("dispute_window_over")
        if reasons:
            raise Refused(*reasons)
        for unit in booking.units:
            if self._is_due(unit, self.now) and unit.complete_at is not None:
                self._complete(unit, unit.complete_at)
        for unit in units:
            unit.disputed = True
        dispute = Dispute(booking, units)
        self.disputes.append(dispute)
        return dispute

    def decide(self, dispute: Dispute, refund: int) -> None:
        """Give back what was decided, spread over the units; what was owed already is owed less."""
        if any(unit.decided for unit in dispute.units):
            raise Refused("already_resolved")
        shares = spread(refund, [unit.at_stake for unit in dispute.units])
        back: Legs = []
        for unit, refunded in zip(dispute.units, shares, strict=True):
            share = refunded
            unit.disputed, unit.decided, unit.refunded = False, True, share
            if not unit.captured:
                unit.own_due -= share
                continue
            if unit.completed_at is not None:
                self._pay(-share)
            for lot, cents in reversed(unit.taken):
                part = min(share, cents)
                share -= part
                self._capture(lot, 0, -part)
                back.append((lot, part))
        self._free([part for part in back if part[1]], self.now, employee=False)
        for unit in dispute.booking.units:
            if self._is_due(unit, self.now):
                self._complete(unit, self.now)

    def leave(self, employment: Employment, last_day: date) -> None:
        employment.ended_on = last_day

    # --- deadlines

    def sweep(self) -> None:
        while due := self._due():
            min(due, key=lambda each: each[:2])[2]()

    def deadlines(self) -> list[datetime]:
        """Instants at which something changes by itself or a deadline of somebody ends."""
        ends = [over_at(lot.last_day) for lot in self.lots if lot.ended is None]
        for booking in self.bookings:
            for unit in booking.units:
                if unit.status in {"requested", "confirmed"}:
                    ends += [unit.slot.starts_at, unit.slot.starts_at - FREE_UNTIL, unit.slot.ends_at + UNREPORTED]
                if unit.complete_at is not None:
                    ends.append(unit.complete_at)
            if booking.confirm_by is not None and any(unit.status == "requested" for unit in booking.units):
                ends.append(booking.confirm_by)
        ends += [quote.expires_at for quote in self.quotes if not quote.booked]
        return sorted({instant for instant in ends if instant > self.now + timedelta(microseconds=1)})

    def after_leaving(self, booking: Booking) -> dict[date, list[Unit]]:
        """Open units that begin after the last day of an employment whose programme then ends, by that day."""
        found: dict[date, list[Unit]] = {}
        for unit in booking.units:
            days = {
                lot.employment.ended_on
                for lot, _ in unit.legs
                if lot.terms.leavers_rule == "zero_at_leaving" and lot.employment.ended_on is not None
            }
            left = sorted(day for day in days if over_at(day) <= min(self.now, unit.slot.starts_at))
            if left and unit.status in {"requested", "confirmed"}:
                found.setdefault(left[0], []).append(unit)
        return found

    def _due(self) -> list[tuple[datetime, int, Callable[[], None]]]:
        due: list[tuple[datetime, int, Callable[[], None]]] = []
        for booking in self.bookings:
            waiting = [unit for unit in booking.units if unit.status == "requested"]
            if waiting and booking.confirm_by is not None and booking.confirm_by <= self.now:
                due.append((booking.confirm_by, 0, self._silence(booking, waiting, booking.confirm_by)))
            due += [
                (unit.complete_at, 1, self._completing(unit, unit.complete_at))
                for unit in booking.units
                if unit.complete_at is not None and self._is_due(unit, self.now)
            ]
            due += [
                (over_at(day), 2, self._ending(units, "cancelled", over_at(day), employee=True))
                for day, units in self.after_leaving(booking).items()
            ]
            unreported: dict[datetime, list[Unit]] = {}
            for unit in booking.units:
                if unit.status == "confirmed":
                    unreported.setdefault(unit.slot.ends_at + UNREPORTED, []).append(unit)
            due += [
                (at, 4, self._ending(units, "expired", at, employee=True))
                for at, units in unreported.items()
                if at <= self.now
            ]
        due += [
            (over_at(lot.last_day), 5, self._lot_ending(lot))
            for lot in self.lots
            if lot.ended is None and over_at(lot.last_day) <= self.now
        ]
        return due

    def _ending(self, units: list[Unit], status: str, at: datetime, *, employee: bool) -> Callable[[], None]:
        return lambda: self._end(units, status, at, employee=employee)

    def _silence(self, booking: Booking, units: list[Unit], at: datetime) -> Callable[[], None]:
        return lambda: self._end(units, "expired", at, employee=False, asked=booking.made_at)

    @staticmethod
    def _is_due(unit: Unit, now: datetime) -> bool:
        return unit.complete_at is not None and unit.complete_at <= now and not unit.disputed

    @staticmethod
    def _unfrozen(units: list[Unit]) -> list[Unit]:
        if any(unit.disputed for unit in units):
            raise Refused("state_conflict")
        return units

    def _completing(self, unit: Unit, at: datetime) -> Callable[[], None]:
        return lambda: self._complete(unit, at)

    def _lot_ending(self, lot: Lot) -> Callable[[], None]:
        return lambda: self._end_lot(lot)

    # --- parts of verbs

    def _open(self, booking: Booking, unit: Unit) -> bool:
        return self.status(booking, unit) in {"requested", "confirmed"}

    def _begun(self, booking: Booking, unit: Unit) -> bool:
        return self.status(booking, unit) == "confirmed" and unit.slot.starts_at <= self.now

    def _is(self, status: str) -> Callable[[Booking, Unit], bool]:
        return lambda booking, unit: self.status(booking, unit) == status

    def _requested(self, booking: Booking) -> list[Unit]:
        units = [unit for unit in booking.units if self.status(booking, unit) == "requested"]
        if not units:
            raise Refused("already_resolved")
        return units

    @staticmethod
    def _picked(booking: Booking, pick: Pick, fits: Callable[[Booking, Unit], bool], *codes: str) -> list[Unit]:
        if pick is None:
            units = [unit for unit in booking.units if fits(booking, unit)]
            if not units:
                raise Refused("state_conflict")
            return units
        units = [booking.units[place] for place in sorted(set(pick))]
        if not all(fits(booking, unit) for unit in units):
            raise Refused(*codes)
        return units

    def _end(
        self,
        units: Sequence[Unit],
        status: str,
        at: datetime,
        *,
        employee: bool = True,
        fee_percent: int = 0,
        asked: datetime | None = None,
    ) -> None:
        self._settle_fees(units, dict.fromkeys(units, fee_percent), at, employee=employee, asked=asked)
        for unit in units:
            if status != "no_show":
                unit.slot.taken -= 1
            self._move(unit, status, at)

    def _settle_fees(
        self,
        units: Sequence[Unit],
        percents: Mapping[Unit, int],
        at: datetime,
        *,
        employee: bool,
        asked: datetime | None = None,
    ) -> None:
        """Take each unit's fee out of its own legs in order, by the rule of the first payer; free the rest."""
        rests: Legs = []
        released: Legs = []
        for unit in units:
            percent = percents.get(unit, 0)
            unit.fee = (unit.price * percent * 2 + 100) // 200
            from_credit = bool(unit.legs) and unit.legs[0][0].terms.fee_funding == "from_credit"
            if from_credit:
                unit.fee = min(unit.fee, unit.price // 2)
            due = unit.fee if from_credit else 0
            for lot, cents in unit.legs:
                part = min(due, cents)
                due -= part
                if part:
                    self._capture(lot, cents, part)
                    rests.append((lot, cents - part))
                else:
                    lot.held -= cents
                    released.append((lot, cents))
            unit.captured = unit.fee if from_credit else 0
            unit.own_due = unit.fee - unit.captured
            unit.fee_source = None if unit.fee == 0 else "credit" if unit.captured else "out_of_pocket"
            if unit.captured:
                unit.complete_at = max(at, unit.slot.ends_at) + ACKNOWLEDGE
        self._free([rest for rest in rests if rest[1]], at, employee=True)
        self._free(released, at, employee=employee, asked=asked)

    def _complete(self, unit: Unit, at: datetime) -> None:
        rest = unit.captured - unit.refunded if unit.captured else 0
        self._pay(rest)
        unit.complete_at, unit.completed_at = None, at
        unit.payable_at = at if rest else None
        if unit.status == "delivered":
            self._move(unit, "completed", at)

    @staticmethod
    def _move(unit: Unit, status: str, at: datetime) -> None:
        unit.status, unit.status_at = status, at
        unit.history.append((status, at))


def booking_status(units: Iterable[str]) -> str:
    """What a booking with units in these states is called."""
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
