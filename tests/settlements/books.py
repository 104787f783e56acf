"""Units that were paid from credit and became payable: what bookings leave behind for settlement.

Raw and set-based: thousands at once, of any price and fee, in states that take the product weeks.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app import clock, ids
from app.bookings.decisions import booking_status
from app.bookings.models import UnitStatus
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
QUOTE = """
    INSERT INTO care.quote (id, user_id, provider_id, offering_id, beneficiary_id, beneficiary_version, total_cents,
        credit_cents, own_money_cents, confirmation, response_hours, min_notice_hours, free_until_hours, late_fee_bps,
        no_show_fee_bps, vat_code, units, decisions, created_at, expires_at)
    SELECT given.id, :user_id, :provider_id, :offering_id, :beneficiary_id, 1, given.price, given.price, 0, 'instant',
        48, 0, 24, 5000, 10000, :vat_code, '[]', '[]', :before, :before
    FROM unnest(CAST(:quotes AS uuid[]), CAST(:prices AS bigint[])) AS given (id, price)
"""
BOOKING = """
    INSERT INTO care.booking (id, quote_id, user_id, provider_id, offering_id, beneficiary_id, status,
        free_until_hours, late_fee_bps, no_show_fee_bps, created_at)
    SELECT given.id, given.quote_id, :user_id, :provider_id, :offering_id, :beneficiary_id, 'confirmed', 24, 5000,
        10000, :before
    FROM unnest(CAST(:bookings AS uuid[]), CAST(:quotes AS uuid[])) AS given (id, quote_id)
"""
UNIT = """
    INSERT INTO care.unit (id, booking_id, provider_id, index, status, status_at, starts_at, ends_at, price_cents,
        vat_code, fee_funding)
    SELECT given.id, given.booking_id, :provider_id, 0, 'confirmed', :before, given.starts_at,
        given.starts_at + interval '1 hour', given.price, :vat_code, 'from_credit'
    FROM unnest(CAST(:units AS uuid[]), CAST(:bookings AS uuid[]), CAST(:starts AS timestamptz[]),
        CAST(:prices AS bigint[])) AS given (id, booking_id, starts_at, price)
"""
LEG = """
    INSERT INTO care.leg (id, unit_id, source, lot_id, hold_id, amount_cents, rule_code)
    SELECT given.id, given.unit_id, 'lot', :lot_id, given.hold_id, given.price, 'C2_F_TER'
    FROM unnest(CAST(:legs AS uuid[]), CAST(:units AS uuid[]), CAST(:holds AS uuid[]), CAST(:prices AS bigint[]))
        AS given (id, unit_id, hold_id, price)
"""
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

BOOKING_MOVES = "UPDATE care.booking SET status = :booking_status WHERE id = ANY (:bookings)"

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
        count = len(prices)
        made: dict[str, list[UUID]] = {
            name: [ids.new_id() for _ in prices] for name in ("quotes", "bookings", "units", "legs", "holds")
        }
        accounts = (
            await self.world.execute(
                "SELECT earned_account_id, payable_account_id FROM provider WHERE organisation_id = :id", id=provider.id
            )
        )[0]
        values: dict[str, Any] = {
            **made,
            "prices": prices,
            "starts": starts or [VISIT + timedelta(days=n % 14) for n in range(count)],
            "user_id": self.person.user_id,
            "beneficiary_id": self.person.beneficiary_id,
            "provider_id": provider.id,
            "offering_id": await self.offering(provider, category),
            "lot_id": self.lot_id,
            "vat_code": vat_code,
            "before": BEFORE,
            "payable_at": payable_at,
            "status": outcome,
            "booking_status": booking_status([outcome]),
            "cents": fee_cents,
        }
        async with self.world.database.begin() as session:
            await session.execute(text("SET LOCAL statement_timeout = '60s'"))
            for statement in (QUOTE, BOOKING, UNIT):
                await session.execute(text(statement), values)
            unit_ids = made["units"]
            await ledger.place_holds(
                session,
                [
                    NewHold(hold, self.lot_id, accounts.earned_account_id, cents, BEFORE, unit)
                    for hold, unit, cents in zip(made["holds"], unit_ids, prices, strict=True)
                ],
            )
            await session.execute(text(LEG), values)
            captured = prices if outcome in ("completed", "delivered") else [fee_cents] * count
            await ledger.capture(
                session,
                [
                    Capture(ids.new_id(), hold, "captured", BEFORE, cents, unit)
                    for hold, unit, cents in zip(made["holds"], unit_ids, captured, strict=True)
                ],
            )
            moves = {"completed": (DELIVER, COMPLETE), "delivered": (DELIVER,)}.get(outcome, (FEE,))
            for statement in (*moves, BOOKING_MOVES):
                await session.execute(text(statement), values)
            if outcome != "delivered":
                await payables.owe(
                    session,
                    [
                        Owed(
                            provider.id, accounts.earned_account_id, accounts.payable_account_id, "unit", unit,
                            OWED_FOR[outcome], cents, vat_code, category, clock.day_of(start), payable_at, "completed",
                        )
                        for unit, cents, start in zip(unit_ids, captured, values["starts"], strict=True)
                    ],
                )  # fmt: skip
        return unit_ids


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
