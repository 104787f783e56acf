"""The verb of whoever knows of something that a payslip must show: to record."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.db import APP, NOTHING, WORKER, Query
from app.payroll.models import PayrollKind
from app.rules.rows import RuleCode

RECORD = Query(NOTHING, "payroll.record", roles=(APP, WORKER))
COLUMNS = ("company_id", "employee_id", "tax_year", "kind", "rule_code", "amount_cents", "taxable_cents", "source_id",
    "sequence", "event_on")  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewLine:
    """One amount for the payslip of one employment.

    `source_id` is what the line is about (a claim, a hold, a conversion): nobody in payroll reads it, and the same one
    is recorded under the same kind twice only with another `sequence`. A correction is a line of the same kind and tax
    year with the difference: below zero where something is taken back.
    """

    company_id: UUID
    employee_id: UUID
    tax_year: int
    kind: PayrollKind
    amount_cents: int
    event_on: date
    """The day in Rome on which it happened: its month is the line's period; once closed, the first open one is."""
    taxable_cents: int = 0
    """What of the tax year becomes taxable by this line (all that went before too, where a limit was passed)."""
    rule_code: RuleCode | None = None
    source_id: UUID | None = None
    sequence: int = 1


async def record(session: AsyncSession, lines: Sequence[NewLine]) -> None:
    """Write lines, as the application or the worker, in the transaction that makes them true.

    An integrity error (`payroll_line_source_once_key`) where a source was recorded under this kind and sequence before.
    """
    if not lines:
        return
    columns = {name: [getattr(line, name) for line in lines] for name in COLUMNS}
    await RECORD.run(session, id=[ids.new_id() for _ in lines], created_at=clock.now(), **columns)
