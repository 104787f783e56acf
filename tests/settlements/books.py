"""Units that were paid from credit and became payable: what bookings leave behind for settlement.

By the product's own actions and statements, but many at once, of any price and fee, and without waiting weeks.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from sqlalchemy import insert

from app import ids
from app.bookings import booking, state
from app.bookings.decisions import Fee
from app.bookings.ending import FEE_KINDS, Ending, complete, end, finish
from app.bookings.models import Quote, UnitStatus
from app.bookings.queries import QuotedUnit
from app.bookings.quoting import UNITS
from app.bookings.state import Move
from app.catalogue.models import VatCode
from app.credit import actions as credit
from app.credit.actions import Capture
from app.credit.planner import Leg
from app.rules.book import book_in_force
from tests.world import Party, Person, World

BEFORE = datetime(2026, 10, 1, 8, tzinfo=UTC)
VISIT = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""The first unit's start; each further one is a day later, unless told."""
PAYABLE = datetime(2026, 11, 20, 9, tzinfo=UTC)
CUTOFF = date(2026, 11, 30)
NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
THAW = "UPDATE care.unit SET disputed = false, dispute_decided_at = status_at WHERE id = :id"
"""A dispute was decided."""


@dataclass
class Books:
    """An operator, a company with credit, and providers with payable units."""

    world: World
    operator: Party
    company: Party
    person: Person
    lot_id: UUID
    offerings: dict[tuple[UUID, str], UUID] = field(default_factory=dict)

    async def offering(self, provider: Party, category: str) -> UUID:
        if (provider.id, category) not in self.offerings:
            sold = book_in_force().category(category, CUTOFF)
            assert sold is not None
            offering = await self.world.offering(provider, category=category, unit=sold.units[0])
            self.offerings[provider.id, category] = offering
        return self.offerings[provider.id, category]

    async def units(
        self,
        provider: Party,
        prices: list[int],
        *,
        category: str = "home_help",
        vat_code: VatCode = "vat_5",
        starts: list[datetime] | None = None,
        payable_at: datetime = PAYABLE,
        outcome: UnitStatus = "completed",
        fee_cents: int = 0,
    ) -> list[UUID]:
        """Book, deliver and complete units of these prices (or leave them `delivered`, or end them with a fee)."""
        starts = starts or [VISIT + timedelta(days=n % 14) for n in range(len(prices))]
        booking_id = await self._book(provider, await self.offering(provider, category), prices, starts, vat_code)
        async with self.world.work(at=payable_at) as session:
            loaded = await state.load(session, booking_id, provider_id=provider.id)
            held = {unit.id: leg.hold_id for unit in loaded.units for leg in unit.legs if leg.hold_id}
            if outcome in FEE_KINDS:
                fees = {unit: Fee(fee_cents, fee_cents, ((hold, fee_cents),), ()) for unit, hold in held.items()}
                endings = [Ending(unit, fees[unit.id], outcome) for unit in loaded.units]
                ended = await end(session, loaded, endings, f"booking.{outcome}", caused_by_employee=True)
                await finish(session, ended, payable_at + timedelta(days=99), payable_at)
            else:
                await credit.capture(session, [Capture(hold) for hold in held.values()], at=payable_at)
                times = {"delivered_at": payable_at, "complete_at": payable_at + timedelta(days=5)}
                moves = [Move(unit, "delivered", payable_at, 0, **times) for unit in held]
                delivered = await state.move(session, loaded, moves, "booking.delivered")
                if outcome == "completed":
                    await complete(session, delivered, [(unit, payable_at) for unit in delivered.units])
        return [unit.id for unit in loaded.units]

    async def _book(
        self, provider: Party, offering_id: UUID, prices: list[int], starts: list[datetime], vat_code: VatCode
    ) -> UUID:
        """Book all in one, of a quote that says any price and time: the seats are those of one slot."""
        slot_id = await self.world.slot(provider, offering_id, VISIT, capacity=len(prices))
        units = [
            QuotedUnit(n, slot_id, start, start + HOUR, cents, (Leg("lot", self.lot_id, cents, "C2_F_TER"),))
            for n, (start, cents) in enumerate(zip(starts, prices, strict=True))
        ]
        quote_id, total = ids.new_id(), sum(prices)
        quote = insert(Quote).values(
            id=quote_id, user_id=self.person.user_id, provider_id=provider.id, offering_id=offering_id,
            beneficiary_id=self.person.beneficiary_id, beneficiary_version=1, total_cents=total, credit_cents=total,
            own_money_cents=0, confirmation="instant", response_hours=48, min_notice_hours=0, free_until_hours=24,
            late_fee_bps=5000, no_show_fee_bps=10000, vat_code=vat_code, decisions=[], created_at=BEFORE,
            units=UNITS.dump_python(units, mode="json"), expires_at=BEFORE + HOUR,
        )  # fmt: skip
        async with self.world.work(at=BEFORE) as session:
            await session.execute(quote)
            return (await booking.book(session, self.person.user_id, quote_id, None)).id


async def open_books(world: World) -> Books:
    """Make the operator, a company and one employee with a lot of ten million euro; it is the morning after CUTOFF."""
    operator = await world.operator()
    company = await world.company()
    person = await world.employee(company)
    await world.set_now(BEFORE)
    lot_id = await world.lot(
        company, person, 1_000_000_000, date(2027, 5, 31), rule_codes=("C2_F_TER",), fee_funding="from_credit",
    )  # fmt: skip
    await world.set_now(NOW)
    return Books(world, operator, company, person, lot_id)
