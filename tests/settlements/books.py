"""Units that were paid from credit and became payable: what bookings leave behind for settlement.

Booked by the product's own statements, but many at once, of any price and fee, and ended as weeks would end them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.bookings.booking import UNITS
from app.bookings.decisions import booking_status
from app.bookings.models import Quote, UnitStatus
from app.bookings.queries import BOOK, LegState, UnitState
from app.catalogue.models import VatCode
from app.ledger import actions as ledger
from app.ledger.instructions import Capture, NewHold
from app.payables import actions as payables
from app.payables.actions import Owed
from app.payables.models import PayableKind
from app.rules.book import book_in_force
from tests.world import Party, Person, World

BEFORE = datetime(2026, 10, 1, 8, tzinfo=UTC)
VISIT = datetime(2026, 11, 2, 9, tzinfo=UTC)
"""The first unit's start; each further one is a day later, unless told."""
PAYABLE = datetime(2026, 11, 20, 9, tzinfo=UTC)
CUTOFF = date(2026, 11, 30)
NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
TERMS = {"free_until_hours": 24, "late_fee_bps": 5000, "no_show_fee_bps": 10000}
DELIVER = """
    UPDATE care.unit SET status = 'delivered', status_at = ends_at, delivered_at = ends_at,
        complete_at = ends_at + interval '5 days' WHERE id = ANY (:units)
"""
COMPLETE = """
    UPDATE care.unit SET status = 'completed', status_at = CAST(:payable_at AS timestamptz), complete_at = NULL,
        completed_at = CAST(:payable_at AS timestamptz)
    WHERE id = ANY (:units)
"""
FEE = """
    UPDATE care.unit SET status = :status, status_at = CAST(:payable_at AS timestamptz), fee_cents = :cents,
        fee_source = 'credit', completed_at = CAST(:payable_at AS timestamptz)
    WHERE id = ANY (:units)
"""
THAW = "UPDATE care.unit SET disputed = false, dispute_decided_at = status_at WHERE id = :id"
"""A dispute was decided."""

BOOKING_MOVES = "UPDATE care.booking SET status = :booking_status WHERE id = :booking"

OWED_FOR: dict[str, PayableKind] = {"completed": "service", "cancelled_late": "late_fee", "no_show": "no_show_fee"}


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
        earned, payable = [
            await self.world.account_of(f"provider_{kind}", provider.id) for kind in ("earned", "payable")
        ]
        offering_id, booking_id = await self.offering(provider, category), ids.new_id()
        units = [
            self._unit(booking_id, index, cents, start, vat_code)
            for index, (cents, start) in enumerate(zip(prices, starts, strict=True))
        ]
        unit_ids = [unit.id for unit in units]
        holds = [leg.hold_id for unit in units for leg in unit.legs if leg.hold_id]
        captured = prices if outcome in ("completed", "delivered") else [fee_cents] * len(units)
        paid = list(zip(holds, unit_ids, prices, captured, strict=True))
        ended: dict[str, Any] = {"units": unit_ids, "payable_at": payable_at, "status": outcome, "cents": fee_cents}
        ended |= {"booking": booking_id, "booking_status": booking_status([outcome])}
        async with self.world.work() as session:
            await ledger.place_holds(
                session, [NewHold(hold, self.lot_id, earned, cents, BEFORE, unit) for hold, unit, cents, _ in paid]
            )
            await self._book(session, provider, offering_id, units)
            await ledger.capture(
                session, [Capture(ids.new_id(), hold, "captured", BEFORE, cents, unit) for hold, unit, _, cents in paid]
            )
            for statement in {"completed": (DELIVER, COMPLETE), "delivered": (DELIVER,)}.get(outcome, (FEE,)):
                await session.execute(text(statement), ended)
            await session.execute(text(BOOKING_MOVES), ended)
            if outcome != "delivered":
                await payables.owe(
                    session,
                    [
                        Owed(
                            provider.id, earned, payable, "unit", unit, OWED_FOR[outcome], cents, vat_code, category,
                            clock.day_of(start), payable_at, "completed",
                        )
                        for start, (_, unit, _, cents) in zip(starts, paid, strict=True)
                    ],
                )  # fmt: skip
        return unit_ids

    def _unit(self, booking_id: UUID, index: int, cents: int, starts_at: datetime, vat_code: VatCode) -> UnitState:
        leg = LegState(ids.new_id(), "lot", self.lot_id, ids.new_id(), cents, "C2_F_TER")
        ends_at = starts_at + timedelta(hours=1)
        return UnitState(
            ids.new_id(), booking_id, index, None, "confirmed", starts_at, ends_at, cents, vat_code, "from_credit", 0,
            (leg,),
        )  # fmt: skip

    async def _book(
        self, session: AsyncSession, provider: Party, offering_id: UUID, units: Sequence[UnitState]
    ) -> None:
        """One booking without seats, of a quote that says what its units do."""
        quote_id, total, vat_code = ids.new_id(), sum(unit.price_cents for unit in units), units[0].vat_code
        quoted = insert(Quote).values(
            id=quote_id, user_id=self.person.user_id, provider_id=provider.id, offering_id=offering_id,
            beneficiary_id=self.person.beneficiary_id, beneficiary_version=1, total_cents=total, credit_cents=total,
            own_money_cents=0, confirmation="instant", response_hours=48, min_notice_hours=0, vat_code=vat_code,
            units=[], decisions=[], created_at=BEFORE, expires_at=BEFORE, **TERMS,
        )  # fmt: skip
        await session.execute(quoted)
        await BOOK.one(
            session, quote_id=quote_id, booking_id=units[0].booking_id, status="confirmed", confirm_by=None,
            sealed_note=None, now=BEFORE, vat_code=vat_code, units=UNITS.dump_json(tuple(units)).decode(),
            taking_ids=[], unit_ids=[], slot_ids=[], seats=[], bookable_from=BEFORE, event_id=ids.new_id(),
            event_type="booking.confirmed", **TERMS,
        )  # fmt: skip


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
