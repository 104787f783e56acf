"""Fees that credit paid, told to payroll: no service was enjoyed, so no rule exempts them; the payslip taxes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import APP, WORKER, Query
from app.payroll import actions as payroll
from app.payroll.actions import NewLine

PAID, GIVEN_BACK = 1, 2


@dataclass(frozen=True, slots=True)
class Payer:
    """Whose lot a captured hold was on: an employment's, whoever else pays has no payslip."""

    hold_id: UUID
    company_id: UUID
    employee_id: UUID
    captured_at: datetime


PAYERS = Query(Payer, "bookings.payers_of_holds", roles=(APP, WORKER))


async def record_paid(session: AsyncSession, captured: Mapping[UUID, int], at: datetime) -> None:
    """Record what was captured on holds, as of an instant; by the year of the fee."""
    await _record(session, captured, clock.day_of(at), PAID)


async def record_given_back(session: AsyncSession, refunds: Mapping[UUID, int], at: datetime) -> None:
    """Take back what a dispute gives back of fees, in the tax year in which they were paid."""
    amounts = {hold_id: -cents for hold_id, cents in refunds.items()}
    await _record(session, amounts, clock.day_of(at), GIVEN_BACK)


async def _record(session: AsyncSession, amounts: Mapping[UUID, int], event_on: date, sequence: int) -> None:
    if not amounts:
        return
    lines = [
        NewLine(
            company_id=payer.company_id,
            employee_id=payer.employee_id,
            tax_year=clock.day_of(payer.captured_at).year,
            kind="late_fee",
            amount_cents=amounts[payer.hold_id],
            taxable_cents=amounts[payer.hold_id],
            event_on=event_on,
            source_id=payer.hold_id,
            sequence=sequence,
        )
        for payer in await PAYERS.all(session, holds=list(amounts))
    ]
    await payroll.record(session, lines)
