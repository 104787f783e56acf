"""Lines for payslips: to which month they belong, and that nothing of them changes."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from app import ids
from app.payroll.actions import NewLine, record
from tests.world import Person, World

CLOSE = (
    "INSERT INTO payroll_period (id, company_id, period, content_sha256, sealed_content, recorded_count, amount_cents,"
    " taxable_cents, closed_by, closed_at) VALUES (:id, :company, :period, repeat('0', 64), 'x', :lines, :amount,"
    " :taxable, :by, '2026-12-05T08:00Z')"
)
LINES = "SELECT period, delta_of, amount_cents FROM payroll_line WHERE company_id = :company ORDER BY id"


def line(person: Person, day: date, cents: int, **fields: Any) -> NewLine:
    return NewLine(person.company_id, person.employee_id, day.year, "late_fee", cents, day, **fields)


async def record_in(world: World, *lines: NewLine) -> None:
    async with world.work() as session:
        await record(session, lines)


def closing(person: Person, by: UUID, period: date, **sums: int) -> dict[str, Any]:
    sums = {"lines": 0, "amount": 0, "taxable": 0} | sums
    return {"id": ids.new_id(), "company": person.company_id, "period": period, "by": by, **sums}


async def test_a_line_belongs_to_the_month_of_its_event_or_to_the_first_open_one(world: World) -> None:
    company = await world.company()
    person, by = await world.employee(company), company.users["payroll"]
    await record_in(world, line(person, date(2026, 10, 31), 100), line(person, date(2026, 11, 1), 200))
    await world.refused("payroll_period_in_order", (CLOSE, closing(person, by, date(2026, 11, 1), lines=1, amount=200)))
    await world.refused("payroll_period_whole", (CLOSE, closing(person, by, date(2026, 10, 1), lines=1, amount=99)))
    for month, cents in ((10, 100), (11, 200)):
        await world.execute(CLOSE, **closing(person, by, date(2026, month, 1), lines=1, amount=cents))
    await world.refused("payroll_period_in_order", (CLOSE, closing(person, by, date(2026, 9, 1))))
    await world.refused("payroll_period_has_begun", (CLOSE, closing(person, by, date(2027, 1, 1))))
    await record_in(world, line(person, date(2026, 10, 31), -50), line(person, date(2026, 12, 31), 300))
    found = [tuple(row) for row in await world.execute(LINES, company=person.company_id)]
    assert found == [
        (date(2026, 10, 1), None, 100),
        (date(2026, 11, 1), None, 200),
        (date(2026, 12, 1), date(2026, 10, 1), -50),
        (date(2026, 12, 1), None, 300),
    ]


async def test_what_was_recorded_or_closed_never_changes(world: World) -> None:
    company = await world.company()
    person, source = await world.employee(company), ids.new_id()
    await record_in(world, line(person, date(2026, 11, 3), 700, source_id=source))
    closed = closing(person, company.users["payroll"], date(2026, 11, 1), lines=1, amount=700)
    await world.execute(CLOSE, **closed)
    again = line(person, date(2026, 12, 3), 700, source_id=source)
    with pytest.raises(Exception, match="payroll_line_source_once_key"):
        await record_in(world, again)
    await record_in(world, line(person, date(2026, 12, 3), -700, source_id=source, sequence=2))
    for statement in (
        "UPDATE payroll_line SET amount_cents = 1",
        "DELETE FROM payroll_line",
        "DELETE FROM payroll_period",
    ):
        await world.refused("42501", (statement, {}))
    assert await world.scalar("SELECT count(*) FROM payroll_line WHERE source_id = :source", source=source) == 2


@pytest.mark.parametrize("table", ["payroll_line", "payroll_period", "payroll_cause_code"])
async def test_hr_has_no_right_to_any_of_it(world: World, table: str) -> None:
    for statement in (f"SELECT count(*) FROM {table}", f"INSERT INTO {table} DEFAULT VALUES"):
        await world.refused("42501", (statement, {}), role="beatrice_hr")
