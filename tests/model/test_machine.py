"""Bookings and credit against a model on paper: after every step the database says exactly what the paper says.

`make test` runs the same examples every time. BEATRICE_SOAK=1 runs 10,000 examples of 200 steps;
BEATRICE_MODEL_SIZE=300x40 chooses another size. Both draw new examples at each run.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from app.bookings import booking as making
from app.bookings import employee_actions, provider_actions, quoting
from app.bookings.schemas import CreditChoice
from app.disputes import actions as disputes
from app.errors import AppError
from tests.conftest import Cluster
from tests.model.agreement import accounts_agree, lots_agree, units_agree, wallet_agrees
from tests.model.paper import FREE_UNTIL, LAST_DAYS, Paper, Pick, Refused, booking_status
from tests.model.stage import Parties, Stage
from tests.model.things import Booking, Employment, Quote, Slot, Terms, Unit, day_of, over_at

START = datetime(2026, 12, 14, 8, 0, tzinfo=UTC)
FAR = timedelta(days=500)
MICRO = timedelta(microseconds=1)
REASON = "motivo"
SOAK = "BEATRICE_SOAK" in os.environ
EXAMPLES, STEPS = map(int, os.environ.get("BEATRICE_MODEL_SIZE", "10000x200" if SOAK else "60x30").split("x"))
FIXED = not SOAK and "BEATRICE_MODEL_SIZE" not in os.environ

TERMS = st.builds(
    Terms,
    rule_codes=st.sampled_from([*[("C2_F_TER",), ("C2_F_TER", "C2_F", "C2_F_BIS")] * 3, ("C2_F_BIS",)]),
    fee_funding=st.sampled_from(["out_of_pocket", "from_credit"]),
    expired_credit_to=st.sampled_from(["company", "solidarity_fund", "carry_over"]),
    leavers_rule=st.sampled_from(["keep_until_expiry", "zero_at_leaving"]),
)
AMOUNTS = st.sampled_from([22_50, 24_75, 8_00, 11_25, 30_00, 45_00, 50_00, 67_50, 120_00, 200_00])
EXPIRIES = st.sampled_from([31, 17, 8, 18, 24, 45, 60, 3, 0])
"""Days ahead."""
CREDIT = st.sampled_from(
    [CreditChoice()] * 8
    + [CreditChoice(mode="none")]
    + [CreditChoice(mode="up_to", max_cents=cents) for cents in (10_00, 22_50, 45_00, 47_25)]
)
SEATS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([2, 1, 3, 5, 8, 12, 16, 17, 18, 24, 31, 0]),
            st.sampled_from([9, 0, 1, 8, 16, 22, 23]),
            st.integers(1, 2),
        ),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=3,
)
"""Each a new slot (days ahead, UTC hour, capacity) or one that exists."""
PICK = st.one_of(st.none(), st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True))
ANY = st.integers(0, 30)
APT = st.sampled_from([True, True, True, False])
"""Whether to look for a booking for which the command may be right."""
HISTORY = """
    SELECT t.unit_id, t.to_status, t.at FROM care.booking b JOIN care.unit u ON u.booking_id = b.id
    JOIN care.unit_transition t ON t.unit_id = u.id WHERE b.user_id = :user_id ORDER BY t.id
"""
AROUND = st.sampled_from([-MICRO, timedelta(0), MICRO])
WHEN = st.sampled_from([timedelta(0), None, MICRO, -MICRO])
"""At once, or around the deadline of the command."""


class Machine(RuleBasedStateMachine):
    stage: ClassVar[Stage]
    paper: Paper
    parties: Parties

    # --- steps

    @initialize(
        amounts=st.lists(AMOUNTS, min_size=2, max_size=2),
        terms=st.lists(TERMS, min_size=2, max_size=2),
        days=st.sampled_from([17, 31, 45]),
        gap=st.sampled_from([0, 20]),
    )
    def begin(self, amounts: list[int], terms: list[Terms], days: int, gap: int) -> None:
        self.parties = self.stage.new_example(START)
        self.paper = Paper(START)
        for place, person in enumerate(self.parties.persons):
            employment = Employment(person.employee_id, has_fund=place == 0)
            self.paper.employments.append(employment)
            self.paper.company[employment] = 0
        for place, (amount, rules) in enumerate(zip(amounts, terms, strict=True)):
            self._grant(0, rules, amount, days + gap * place)

    @rule(which=st.sampled_from([0, 0, 1]), terms=TERMS, amount=AMOUNTS, days=EXPIRIES)
    def grant(self, which: int, terms: Terms, amount: int, days: int) -> None:
        ended_on = self.paper.employments[which].ended_on
        if ended_on is None or ended_on >= day_of(self.paper.now):  # nobody grants to who has left
            self._grant(which, terms, amount, days)

    @rule(seats=SEATS, credit=CREDIT, instant=st.booleans())
    def quote(self, seats: list[Any], credit: CreditChoice, instant: bool) -> None:  # noqa: FBT001 - drawn
        self._quote(self._slots(seats, instant=instant), credit)

    @rule(number=ANY)
    def book_a_quote(self, number: int) -> None:
        if self.paper.quotes:
            self._book(self.paper.quotes[-1 - number % len(self.paper.quotes)])

    @rule(seats=SEATS, credit=CREDIT, instant=st.booleans())
    def book(self, seats: list[Any], credit: CreditChoice, instant: bool) -> None:  # noqa: FBT001 - drawn
        quote = self._quote(self._slots(seats, instant=instant), credit)
        if quote is not None:
            self._book(quote)

    @rule(seats=SEATS, credit=CREDIT, wait=st.booleans())
    def book_and_confirm(self, seats: list[Any], credit: CreditChoice, wait: bool) -> None:  # noqa: FBT001 - drawn
        before = len(self.paper.bookings)
        self.book(seats, credit, instant=False)
        if len(self.paper.bookings) > before:
            booking = self.paper.bookings[-1]
            self._provider(provider_actions.confirm, booking, lambda: self.paper.confirm(booking))
            if wait:
                self._wait_for_a_start()

    @rule(number=ANY, apt=APT, when=WHEN)
    def confirm(self, number: int, apt: bool, when: timedelta | None) -> None:  # noqa: FBT001 - drawn
        booking = self._booking(number, apt, lambda _, status: status == "requested")
        if booking is not None:
            self._go([booking.confirm_by], when)
            self._provider(provider_actions.confirm, booking, lambda: self.paper.confirm(booking))

    @rule(number=ANY, apt=APT, when=WHEN)
    def decline(self, number: int, apt: bool, when: timedelta | None) -> None:  # noqa: FBT001 - drawn
        booking = self._booking(number, apt, lambda _, status: status == "requested")
        if booking is not None:
            self._go([booking.confirm_by], when)
            self._provider(provider_actions.decline, booking, lambda: self.paper.decline(booking), REASON)

    @rule(number=ANY, apt=APT, pick=PICK, wait=APT)
    def deliver(self, number: int, apt: bool, pick: Pick, wait: bool) -> None:  # noqa: FBT001 - drawn
        if wait:
            self._wait_for_a_start()
        self._on_units(provider_actions.deliver, Paper.deliver, number, apt, self._begun, pick)

    @rule(number=ANY, apt=APT, pick=PICK, wait=APT)
    def no_show(self, number: int, apt: bool, pick: Pick, wait: bool) -> None:  # noqa: FBT001 - drawn
        if wait:
            self._wait_for_a_start()
        self._on_units(provider_actions.no_show, Paper.no_show, number, apt, self._begun, pick)

    @rule(number=ANY, apt=APT, pick=PICK)
    def revert(self, number: int, apt: bool, pick: Pick) -> None:  # noqa: FBT001 - drawn
        self._on_units(
            provider_actions.revert,
            Paper.revert,
            number,
            apt,
            lambda _, status: status in {"delivered", "no_show"},
            pick,
        )

    @rule(number=ANY, apt=APT, pick=PICK, when=WHEN)
    def provider_cancel(self, number: int, apt: bool, pick: Pick, when: timedelta | None) -> None:  # noqa: FBT001 - drawn
        self._go([over_at(lot.expires_on - LAST_DAYS) for lot in self.paper.lots if lot.held], when)
        self._on_units(
            provider_actions.cancel, Paper.provider_cancel, number, apt,
            lambda _, status: status in {"requested", "confirmed"}, pick, REASON,
        )  # fmt: skip

    @rule(number=ANY, apt=APT, pick=PICK, when=WHEN)
    def cancel(self, number: int, apt: bool, pick: Pick, when: timedelta | None) -> None:  # noqa: FBT001 - drawn
        booking = self._booking(number, apt, self._ahead)
        if booking is not None:
            self._go([unit.slot.starts_at - FREE_UNTIL for unit in booking.units if unit.status == "confirmed"], when)
            chosen = self._within(booking, pick, apt, self._ahead)
            self._mine(employee_actions.cancel, booking, chosen, lambda: self.paper.cancel(booking, chosen), REASON)

    @rule(number=ANY, apt=APT, pick=PICK, when=WHEN)
    def acknowledge(self, number: int, apt: bool, pick: Pick, when: timedelta | None) -> None:  # noqa: FBT001 - drawn
        booking = self._booking(number, apt, _is_delivered)
        if booking is not None:
            self._go([unit.complete_at for unit in booking.units], when)
            chosen = self._within(booking, pick, apt, _is_delivered)
            self._mine(employee_actions.acknowledge, booking, chosen, lambda: self.paper.acknowledge(booking, chosen))

    @rule(number=ANY, apt=APT, pick=st.lists(st.integers(0, 2), min_size=1, max_size=2, unique=True))
    def dispute(self, number: int, apt: bool, pick: list[int]) -> None:  # noqa: FBT001 - drawn
        def contestable(unit: Unit, _: str) -> bool:
            return unit.at_stake > 0 and not unit.disputed and not unit.decided

        booking = self._booking(number, apt, contestable)
        if booking is not None:
            chosen = self._within(booking, pick, apt, contestable) or [0]
            made, noted = self._both(
                lambda: self.paper.dispute(booking, chosen),
                disputes.open_dispute, self.parties.user_id, booking.id, _ids(booking, chosen), REASON,
            )  # fmt: skip
            if made is not None:
                noted.id = made.id
                assert made.contested_cents == sum(unit.at_stake for unit in noted.units)

    @rule(number=ANY, part=st.sampled_from([0, 1, 33, 50, 99, 100]))
    def decide(self, number: int, part: int) -> None:
        """Decide one of the last disputes, also one that was decided: so much per cent is given back."""
        if self.paper.disputes:
            dispute = self.paper.disputes[-1 - number % min(3, len(self.paper.disputes))]
            contested = sum(unit.at_stake for unit in dispute.units)
            refund = contested * part // 100
            outcome = "rejected" if refund == 0 else "upheld" if refund == contested else "partly_upheld"
            self._both(
                lambda: self.paper.decide(dispute, refund),
                disputes.resolve, self.stage.actor, dispute.id, outcome, refund, REASON,
            )  # fmt: skip

    @rule(which=st.integers(0, 1), days=st.integers(-3, 25))
    def end_employment(self, which: int, days: int) -> None:
        employment = self.paper.employments[which]
        if employment.ended_on is None:
            day = day_of(self.paper.now) + timedelta(days=days)
            self.stage.rows("UPDATE employee SET ended_on = :day WHERE id = :id", day=day, id=employment.id)
            self.paper.leave(employment, day)

    @rule(hours=st.sampled_from([1, 7, 24, 24, 48, 72, 120, 10 * 24]))
    def let_time_pass(self, hours: int) -> None:
        self.paper.now += timedelta(hours=hours)

    @rule(number=st.integers(0, 2), step=AROUND, swept=st.booleans())
    def go_to_a_deadline(self, number: int, step: timedelta, swept: bool) -> None:  # noqa: FBT001 - drawn
        deadlines = self.paper.deadlines()
        if deadlines:
            self.paper.now = deadlines[number % len(deadlines)] + step
        if swept:
            self.sweep()

    @rule()
    def sweep(self) -> None:
        self.stage.sweep(self.paper.now)
        self.paper.sweep()

    # --- what must hold

    @invariant()
    def the_database_says_what_the_paper_says(self) -> None:
        if hasattr(self, "paper"):
            found = self.parties.found(self.paper.now)
            lots_agree(self.paper, found.lots)
            wallet_agrees(self.paper, found.wallet)
            units_agree(self.paper, found.units)
            assert found.taken == {slot.id: slot.taken for slot in self.paper.slots}
            accounts_agree(self.paper, self.parties.accounts, found.posted)

    def teardown(self) -> None:
        """Let everything that has a deadline reach it, and let the ledger check itself."""
        if hasattr(self, "paper"):
            self.paper.now += FAR
            self.sweep()
            self.the_database_says_what_the_paper_says()
            history: dict[UUID, list[tuple[str, datetime]]] = {}
            for row in self.stage.rows(HISTORY, user_id=self.parties.user_id):
                history.setdefault(row.unit_id, []).append((row.to_status, row.at))
            assert history == {unit.id: unit.history for booking in self.paper.bookings for unit in booking.units}
            assert self.parties.verify(self.paper.now).differences == []

    # --- how steps are taken

    def _grant(self, which: int, terms: Terms, amount: int, days: int) -> None:
        paper, parties = self.paper, self.parties
        expires_on = day_of(paper.now) + timedelta(days=days)
        lot = paper.grant(paper.employments[which], terms, amount, expires_on)
        lot.id = self.stage.at(
            paper.now,
            lambda: self.stage.world.lot(
                parties.companies[which], parties.persons[which], amount, expires_on, rule_codes=terms.rule_codes,
                fee_funding=terms.fee_funding, leavers_rule=terms.leavers_rule,
                expired_credit_to=terms.expired_credit_to,
            ),
        )  # fmt: skip

    def _slots(self, seats: list[Any], *, instant: bool) -> list[Slot]:
        """Open the new slots and find the others; each once, all of one offering."""
        chosen: dict[UUID, Slot] = {}
        for seat in seats:
            there = [slot for slot in self.paper.slots if slot.instant == instant][-6:]
            free = [slot for slot in there if slot.starts_at > self.paper.now and slot.taken < slot.capacity]
            there = free if isinstance(seat, int) and seat < 5 else there
            if isinstance(seat, int) and there:
                slot = there[-1 - seat % len(there)]
            else:
                days, hour, capacity = (seat, 9, 1) if isinstance(seat, int) else seat
                starts_at = (self.paper.now + timedelta(days=days)).replace(
                    hour=hour, minute=0, second=0, microsecond=0
                )
                slot_id = self.stage.runner.run(
                    self.stage.world.slot(
                        self.parties.provider, self.parties.offerings[instant], starts_at, capacity=capacity
                    )
                )
                slot = Slot(slot_id, instant, starts_at, capacity)
                self.paper.slots.append(slot)
            chosen[slot.id] = slot
        return list(chosen.values())

    def _quote(self, slots: list[Slot], credit: CreditChoice) -> Quote | None:
        limit = {"auto": None, "none": 0, "up_to": credit.max_cents}[credit.mode]
        made, quote = self._both(
            lambda: self.paper.quote(slots, limit),
            quoting.quote, self.parties.user_id, offering_id=self.parties.offerings[slots[0].instant],
            beneficiary_id=self.parties.mother_id, slot_ids=[slot.id for slot in slots], credit=credit, language="it",
        )  # fmt: skip
        if made is None:
            return None
        assert isinstance(quote, Quote)
        quote.id = made.id
        assert made.expires_at == quote.expires_at
        assert [
            (unit.slot_id, unit.price_cents, [(leg.source_id, leg.amount_cents) for leg in unit.funding])
            for unit in made.units
        ] == [
            (slot.id, slot.price, [(lot.id, cents) for lot, cents in legs] or [(None, slot.price)])
            for slot, legs in zip(quote.slots, quote.legs, strict=True)
        ]
        return quote

    def _book(self, quote: Quote) -> None:
        made, booking = self._both(lambda: self.paper.book(quote), making.book, self.parties.user_id, quote.id, None)
        if made is not None:
            assert isinstance(booking, Booking)
            booking.id = made.id
            for unit, read in zip(booking.units, made.units, strict=True):
                unit.id = read.id

    def _booking(self, number: int, apt: bool, fits: Callable[[Unit, str], bool]) -> Booking | None:  # noqa: FBT001
        """Pick a booking; an apt one where there is one."""
        # Until a sweep has run, the product takes commands on units after the last day of work.
        if any(self.paper.after_leaving(booking) for booking in self.paper.bookings):
            self.sweep()
        bookings = self.paper.bookings
        if apt:
            bookings = [
                booking
                for booking in bookings
                if any(fits(unit, self.paper.status(booking, unit)) for unit in booking.units)
            ] or bookings
        return bookings[-1 - number % len(bookings)] if bookings else None

    def _go(self, instants: Iterable[datetime | None], step: timedelta | None) -> None:
        """Go to the first of these instants that is ahead, or a little beside it."""
        ahead = [instant for instant in instants if instant is not None and instant > self.paper.now + MICRO]
        if ahead and step is not None:
            self.paper.now = min(ahead) + step

    def _wait_for_a_start(self) -> None:
        """Go to the next start of a confirmed unit, unless one has begun."""
        starts = [
            unit.slot.starts_at for booking in self.paper.bookings for unit in booking.units
            if unit.status == "confirmed"
        ]  # fmt: skip
        if starts:
            self.paper.now = max(self.paper.now, min(starts))

    def _within(self, booking: Booking, pick: Pick, apt: bool, fits: Callable[[Unit, str], bool]) -> Pick:  # noqa: FBT001
        """Name units that exist; where the command shall be apt, such as fit it."""
        if pick is None:
            return None
        places = [
            place for place, unit in enumerate(booking.units) if not apt or fits(unit, self.paper.status(booking, unit))
        ] or [0]
        return sorted({places[place % len(places)] for place in pick})

    def _begun(self, unit: Unit, status: str) -> bool:
        return status == "confirmed" and unit.slot.starts_at <= self.paper.now

    def _ahead(self, unit: Unit, status: str) -> bool:
        return status in {"requested", "confirmed"} and unit.slot.starts_at > self.paper.now

    def _on_units(
        self,
        action: Callable[..., Any],
        verb: Callable[[Paper, Booking, Pick], None],
        number: int,
        apt: bool,  # noqa: FBT001 - drawn
        fits: Callable[[Unit, str], bool],
        pick: Pick,
        *more: Any,
    ) -> None:
        booking = self._booking(number, apt, fits)
        if booking is not None:
            pick = self._within(booking, pick, apt, fits)
            self._provider(action, booking, lambda: verb(self.paper, booking, pick), _ids(booking, pick), *more)

    def _provider(self, action: Callable[..., Any], booking: Booking, verb: Callable[[], None], *more: Any) -> None:
        self._both(verb, action, self.parties.provider.id, booking.id, *more)
        self._read(booking)

    def _mine(
        self, action: Callable[..., Any], booking: Booking, pick: Pick, verb: Callable[[], None], *more: Any
    ) -> None:
        self._both(verb, action, self.parties.user_id, booking.id, _ids(booking, pick), *more)
        self._read(booking)

    def _read(self, booking: Booking) -> None:
        """What the person sees takes deadlines into account, whether or not a sweep has run."""
        read = self.stage.act(self.paper.now, employee_actions.read, self.parties.user_id, booking.id)
        states = [self.paper.status(booking, unit) for unit in booking.units]
        assert [unit.status for unit in read.units] == states
        assert read.status == booking_status(states)

    def _both(self, verb: Callable[[], Any], action: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Do it in the product and on paper: both do it, or both refuse for the same reason."""
        made = noted = None
        code, expected = "", {""}
        spendable = self.paper.spendable()
        try:
            made = self.stage.act(self.paper.now, action, *args, **kwargs)
        except AppError as error:
            code = error.code
            assert error.members.get("available_cents", spendable) == spendable  # noqa: PT017 - the rest is below
        event(f"{action.__name__}: {code or 'done'}")
        try:
            noted = verb()
        except Refused as refused:
            expected = refused.codes
        assert code in expected, f"{code or 'done'}, not {expected}"
        return made, noted


def _is_delivered(_: Unit, status: str) -> bool:
    return status == "delivered"


def _ids(booking: Booking, pick: Pick) -> list[UUID | None] | None:
    return None if pick is None else [booking.units[place].id for place in pick]


@pytest.fixture
def stage(cluster: Cluster) -> Iterator[Stage]:
    made = Stage(cluster)
    yield made
    made.close()


@pytest.mark.timeout(0 if SOAK else 300)
def test_the_database_follows_the_paper(stage: Stage) -> None:
    class Staged(Machine):
        pass

    Staged.stage = stage
    run_state_machine_as_test(
        Staged,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            print_blob=True,
            derandomize=FIXED,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
