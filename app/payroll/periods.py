"""A company's months: read as they stand, closed for ever."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, sealing
from app.errors import AlreadyResolved
from app.payroll import export, queries
from app.payroll.errors import ContentChanged
from app.payroll.export import Line
from app.payroll.models import SEALED, PayrollPeriod

(CONTENT,) = SEALED


@dataclass(frozen=True, slots=True)
class Export:
    """A month with its lines and the hash of both."""

    period: date
    lines: tuple[Line, ...]
    whole: bytes
    recorded_count: int
    closed_at: datetime | None

    @property
    def sha256(self) -> str:
        return export.sha256(self.whole)

    @property
    def amount_cents(self) -> int:
        return sum(line.amount_cents for line in self.lines)

    @property
    def taxable_cents(self) -> int:
        return sum(line.taxable_cents for line in self.lines)


async def export_of(session: AsyncSession, company_id: UUID, period: date) -> Export:
    """Return a month's export: as it was closed, else as it would be closed now."""
    closed = await queries.closed_period(session, company_id, period)
    if closed is not None:
        whole = sealing.decrypt(CONTENT.purpose, closed.sealed_content, closed.id.bytes)
        return Export(period, export.kept(whole), whole, closed.recorded_count, closed.closed_at)
    rows = await queries.LINES.all(session, company_id=company_id, period=period)
    codes = {(one.kind, one.rule_code): one.cause_code for one in await queries.cause_codes(session, company_id)}
    lines = export.made(rows, codes)
    whole = export.content(company_id, period, lines)
    return Export(period, lines, whole, sum(row.recorded_count for row in rows), None)


async def close(session: AsyncSession, company_id: UUID, period: date, closed_by: UUID, content_sha256: str) -> None:
    """Close a month with the content that somebody saw; what comes later is a line of the next one.

    AlreadyResolved where it is closed, ContentChanged where the content is another by now; the database refuses a month
    that has not begun, or out of order.
    """
    found = await export_of(session, company_id, period)
    if found.closed_at is not None:
        raise AlreadyResolved("closed")
    if found.sha256 != content_sha256:
        raise ContentChanged
    period_id = ids.new_id()
    await session.execute(
        insert(PayrollPeriod).values(
            id=period_id,
            company_id=company_id,
            period=period,
            content_sha256=content_sha256,
            sealed_content=sealing.encrypt(CONTENT.purpose, found.whole, period_id.bytes),
            recorded_count=found.recorded_count,
            amount_cents=found.amount_cents,
            taxable_cents=found.taxable_cents,
            closed_by=closed_by,
            closed_at=clock.now(),
        )
    )
