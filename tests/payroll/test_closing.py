"""Closing a month against everything else: lines written meanwhile, two at once, keys that change, whoever has SQL."""

import asyncio
from datetime import UTC, date, datetime

import httpx

from app import ids
from app.payroll.actions import NewLine, record
from tests.people import snapshot
from tests.world import Caller, Party, Person, World, problem

PERIOD = "/payroll_exports/2026-11"


def line(person: Person, cents: int) -> NewLine:
    day = date(2026, 11, 20)
    return NewLine(person.company_id, person.employee_id, 2026, "late_fee", cents, day, cents, source_id=ids.new_id())


async def one_line(world: World) -> tuple[Party, Person]:
    """A company with one line in November, in December."""
    await world.set_now(datetime(2026, 12, 1, 8, tzinfo=UTC))
    company = await world.company()
    person = await world.employee(company)
    async with world.work() as session:
        await record(session, [line(person, 11_25)])
    return company, person


def by_payroll(client: httpx.AsyncClient, company: Party) -> Caller:
    return Caller(client, company.headers["payroll"], f"/v1/companies/{company.public_id}")


async def test_nothing_is_closed_while_a_line_is_written(fresh_world: World, fresh_client: httpx.AsyncClient) -> None:
    company, person = await one_line(fresh_world)
    payroll = by_payroll(fresh_client, company)
    seen = {"content_sha256": (await payroll.get(PERIOD))["content_sha256"]}
    async with fresh_world.database.begin() as session:
        await record(session, [line(person, 5_00)])
        busy = await payroll.ask("POST", f"{PERIOD}/close", seen)
        assert (busy.status_code, problem(busy)["code"]) == (503, "busy")
    changed = await payroll.ask("POST", f"{PERIOD}/close", seen)
    assert (changed.status_code, problem(changed)["code"]) == (409, "content_changed")
    assert await fresh_world.scalar("SELECT count(*) FROM payroll_period") == 0
    now = {"content_sha256": (await payroll.get(PERIOD))["content_sha256"]}
    assert (await payroll.post(f"{PERIOD}/close", now))["amount_cents"] == 16_25


async def test_two_who_close_at_once_close_it_once(fresh_world: World, fresh_client: httpx.AsyncClient) -> None:
    company, _ = await one_line(fresh_world)
    payroll = by_payroll(fresh_client, company)
    seen = {"content_sha256": (await payroll.get(PERIOD))["content_sha256"]}
    answers = await asyncio.gather(*(payroll.ask("POST", f"{PERIOD}/close", seen) for _ in range(4)))
    assert min(answer.status_code for answer in answers) == 200
    assert {answer.status_code for answer in answers} <= {200, 409, 503}
    assert await fresh_world.scalar("SELECT count(*) FROM payroll_period") == 1


async def test_a_repeat_under_one_key_is_one_closing(client: httpx.AsyncClient, world: World) -> None:
    company, _ = await one_line(world)
    payroll = by_payroll(client, company)
    seen = {"content_sha256": (await payroll.get(PERIOD))["content_sha256"]}
    first = await payroll.ask("POST", f"{PERIOD}/close", seen, key="once")
    again = await payroll.ask("POST", f"{PERIOD}/close", seen, key="once")
    assert (first.status_code, again.status_code, first.content == again.content) == (200, 200, True)
    other = await payroll.ask("POST", f"{PERIOD}/close", {"content_sha256": "0" * 64}, key="once")
    assert other.status_code == 422


async def test_a_closed_month_is_nobodys_to_change_but_for_new_keys(client: httpx.AsyncClient, world: World) -> None:
    company, _ = await one_line(world)
    payroll = by_payroll(client, company)
    await payroll.post(f"{PERIOD}/close", {"content_sha256": (await payroll.get(PERIOD))["content_sha256"]})
    before = await snapshot(world, "payroll_period")
    for change in (
        "amount_cents = 1",
        "content_sha256 = repeat('0', 64)",
        "sealed_content = 'x'",
        "closed_at = closed_at",
    ):
        await world.refused("42501", (f"UPDATE payroll_period SET {change}", {}))
    assert await snapshot(world, "payroll_period") == before
    sealed = await world.scalar("SELECT sealed_content FROM payroll_period")
    assert b"late_fee" not in sealed


async def test_reading_tells_whose_lines_were_seen(client: httpx.AsyncClient, world: World) -> None:
    company, person = await one_line(world)
    await by_payroll(client, company).get(PERIOD)
    entry = "SELECT action, actor_id, shown FROM audit_entry WHERE action = 'payroll_export.read'"
    (row,) = await world.execute(entry)
    assert (row.actor_id, row.shown) == (company.users["payroll"], [person.employee_id])
