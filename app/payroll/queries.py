"""Rows of payroll, always inside one company but for a person's own; none of them tells what a line is about."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Query
from app.listing import ListQuery
from app.payroll.models import PayrollCauseCode, PayrollKind, PayrollPeriod
from app.rules.rows import RuleCode


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """A month with its sums; open while it has no hash."""

    period: date
    content_sha256: str | None
    recorded_count: int
    amount_cents: int
    taxable_cents: int
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LineRow:
    """What one person's payslip shows of one kind, rule and tax year."""

    employee_id: UUID
    external_id: str | None
    given_name: str
    family_name: str
    sealed_fiscal_code: bytes
    ended_on: date | None
    kind: PayrollKind
    rule_code: RuleCode | None
    tax_year: int
    delta_of: date | None
    recorded_count: int
    amount_cents: int
    taxable_cents: int


@dataclass(frozen=True, slots=True)
class Reimbursed:
    """What a person was reimbursed in a tax year under one rule."""

    kind: PayrollKind
    rule_code: RuleCode | None
    amount_cents: int


@dataclass(frozen=True, slots=True)
class PayrollAccess:
    """One of a person's employers; since when and why one person there is both HR and payroll, if one is."""

    company_id: UUID
    company_name: str
    since: datetime | None
    reason: str | None


PERIODS = ListQuery(PeriodRow, "payroll.periods", {"period": "period date"})
LINES = Query(LineRow, "payroll.lines")
ACCESS = Query(PayrollAccess, "payroll.access")
REIMBURSED = Query(Reimbursed, "payroll.reimbursed")


async def closed_period(session: AsyncSession, company_id: UUID, period: date) -> PayrollPeriod | None:
    closed = select(PayrollPeriod).where(PayrollPeriod.company_id == company_id, PayrollPeriod.period == period)
    found: PayrollPeriod | None = await session.scalar(closed)
    return found


async def cause_codes(session: AsyncSession, company_id: UUID) -> Sequence[PayrollCauseCode]:
    """Return a company's codes, those for a whole kind first."""
    codes = select(PayrollCauseCode).where(PayrollCauseCode.company_id == company_id)
    ordered = codes.order_by(PayrollCauseCode.kind, PayrollCauseCode.rule_code.nulls_first())
    return (await session.scalars(ordered)).all()


async def replace_cause_codes(session: AsyncSession, company_id: UUID, rows: Sequence[Mapping[str, object]]) -> None:
    await session.execute(delete(PayrollCauseCode).where(PayrollCauseCode.company_id == company_id))
    if rows:
        await session.execute(insert(PayrollCauseCode), [{**row, "company_id": company_id} for row in rows])


async def access(session: AsyncSession, user_id: UUID) -> list[PayrollAccess]:
    """Return a person's employers as of now, each with whether one person there is both HR and payroll."""
    return await ACCESS.all(session, user_id=user_id, today=clock.today(), real_now=clock.real())


async def reimbursed(session: AsyncSession, user_id: UUID, tax_year: int) -> list[Reimbursed]:
    """Return what a person was reimbursed in a tax year, by form and rule."""
    return await REIMBURSED.all(session, user_id=user_id, tax_year=tax_year)
