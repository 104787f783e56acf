"""The demo's payroll: the companies' own codes, lines, and months closed by whoever makes the payslips."""

from datetime import date, time, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.audit import actions as audit
from app.listing import Window
from app.payroll import actions, periods, queries
from app.payroll.actions import NewLine
from app.sandbox.demo_credit import actor
from app.sandbox.demo_parties import World
from app.sandbox.demo_people import employee_id
from app.sandbox.demo_rows import rome
from app.sandbox.demo_settlement import cutoff

COMPANIES = ("orobia-stampi", "seriana-moto")
CODES = {"reimbursement_payslip": "W410", "bonus_conversion": "W450", "late_fee": "W510"}
"""One is missing, as where a company begins: the export names it."""
CONVERTED = {21: 500_00, 22: 300_00, 23: 800_00}
"""Bonus that people of the first company took as credit, by the employee's number."""
CORRECTED = (22, -100_00)
"""What came after the month was closed: a line of the next."""


async def load(session: AsyncSession, world: World) -> None:
    """Write codes and lines, close what is over, and let one correction come later."""
    last = cutoff(world)
    for slug in COMPANIES:
        rows = [
            {"id": ids.new_id(), "kind": kind, "rule_code": None, "cause_code": code} for kind, code in CODES.items()
        ]
        await queries.replace_cause_codes(session, world.organisations[slug], rows)
    await _convert(session, world, CONVERTED, last)
    with clock.stopped_at(rome(last + timedelta(days=4), time(10))):
        for slug in COMPANIES:
            await _close(session, world, slug, last.replace(day=1))
    with clock.stopped_at(rome(last + timedelta(days=6), time(11))):
        await _convert(session, world, dict([CORRECTED]), last)


async def _convert(session: AsyncSession, world: World, amounts: dict[int, int], day: date) -> None:
    company = COMPANIES[0]
    lines = [
        NewLine(world.organisations[company], employee_id(company, number), day.year, "bonus_conversion", cents, day)
        for number, cents in amounts.items()
    ]
    await actions.record(session, lines)


async def _close(session: AsyncSession, world: World, slug: str, last: date) -> None:
    """Close all months with lines up to one, in their order."""
    company_id = world.organisations[slug]
    person = actor(world, f"payroll@{slug}.example", slug)
    found = await queries.PERIODS.page(session, Window("period"), company_id=company_id)
    for period in [row.period for row in found.rows if row.period <= last]:
        seen = await periods.export_of(session, company_id, period)
        await periods.close(session, company_id, period, person.user_id, seen.sha256)
        await audit.record(session, person, "payroll_export.close", "organisation", company_id)
