"""A7: one person makes a setting stricter that protects people or money; two make it less strict."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from app import clock, ids
from app.actor import Actor
from app.db import Database
from app.networks.models import SettingName
from app.networks.settings import confirm_value
from tests.credit.stage import Stage
from tests.grants.desk import Desk
from tests.settlements.books import open_books
from tests.settlements.office import close, settlement
from tests.trust.test_a01_company_returns import RETURNING, lines, people, settle
from tests.world import World

VALUES = "/v1/operator/setting_values"


@pytest.fixture
async def today(stage: Stage) -> date:
    await stage.world.set_now(datetime(2026, 11, 23, 8, tzinfo=UTC))
    return date(2026, 11, 23)


async def set_setting(client: httpx.AsyncClient, world: World, name: str, value: int | None, **more: Any) -> Any:
    body = {"name": name, "value": value, "reason": "agreed", "valid_from": "2026-11-23", **more}
    answer = await client.post(VALUES, json=body, headers=(await world.operator()).headers["operator"])
    assert answer.status_code == 201, answer.text
    return answer.json()


async def confirm(client: httpx.AsyncClient, world: World, said: Any, role: str = "finance") -> httpx.Response:
    return await client.post(f"{VALUES}/{said['id']}/confirm", headers=(await world.operator()).headers[role])


async def value(world: World, name: str, on: date = date(2026, 11, 23), **place: Any) -> int:
    sql = "SELECT value FROM setting_in_force(:name, :on, :company)"
    return int(await world.scalar(sql, name=name, on=on, company=place.get("company")))


@pytest.mark.usefixtures("today")
async def test_fewer_people_take_a_second_person(client: httpx.AsyncClient, world: World, desk: Desk) -> None:
    await world.fund(desk.company, 1_000_00)
    persons = await people(world, desk, 7)
    programme_id = await desk.programme(employee_category="impiegati", **RETURNING)
    body = {"programme_id": programme_id, **lines(persons, [20_00] * 7)}
    company = {"organisation_id": desk.company.public_id}
    said = await set_setting(client, world, "least_people", 7, **company)
    assert (said["needs_second"], said["confirmed_by"]) == (True, None)
    assert (await desk.post("/grants", body)).json()["code"] == "amounts_identify"
    own = await confirm(client, world, said, "operator")
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")
    assert await value(world, "least_people", company=desk.company.id) == 10
    confirmed = (await confirm(client, world, said)).json()
    finance = (await world.operator()).users["finance"]
    assert (confirmed["value"], confirmed["confirmed_by"]) == (7, ids.encode("usr", finance))
    assert await value(world, "least_people", company=desk.company.id) == 7
    assert await value(world, "least_people") == 10
    drafted = await desk.post("/grants", body)
    assert drafted.status_code == 201
    assert (await desk.approve(drafted.json()["id"])).json()["status"] == "active"
    again = await confirm(client, world, said)
    assert (again.status_code, again.json()["state"]) == (409, "confirmed")


@pytest.mark.usefixtures("today")
async def test_more_people_and_larger_lines_take_one(client: httpx.AsyncClient, world: World, desk: Desk) -> None:
    persons = await people(world, desk, 10)
    programme_id = await desk.programme(employee_category="impiegati", **RETURNING)
    body = {"programme_id": programme_id, **lines(persons, [20_00] * 10)}
    drafted = await desk.grant(programme_id, **lines(persons, [20_00] * 10))
    said = await set_setting(client, world, "least_people", 11)
    assert said["needs_second"] is False
    assert (await desk.post("/grants", body)).json()["code"] == "amounts_identify"
    assert (await desk.approve(drafted["id"])).json()["code"] == "amounts_identify"
    resolved = await confirm(client, world, said)
    assert (resolved.status_code, resolved.json()["state"]) == (409, "in_force")
    await set_setting(client, world, "least_line_cents", 20_01)
    assert (await set_setting(client, world, "least_line_cents", 20_00))["needs_second"] is True


@pytest.mark.parametrize(
    ("name", "strict", "weaker"),
    [
        ("least_people", 12, [11, 9, None]),
        ("least_line_cents", 30_00, [25_00, 5_00, None]),
        ("returns_quarters", 2, [1, None]),
        ("top_up_limit_cents", 5_000_00, [6_000_00, 20_000_00, None]),
        ("fee_cap_bps", 10_00, [15_00, 25_00, None]),
        ("acknowledge_hours", 144, [130, 1, None]),
    ],
)
@pytest.mark.usefixtures("today")
async def test_nothing_that_was_stricter_is_undone_by_one(
    client: httpx.AsyncClient, world: World, desk: Desk, name: str, strict: int, weaker: list[int | None]
) -> None:
    """Neither by a narrower level, nor by going back to the level above, nor on a later day."""
    assert (await set_setting(client, world, name, strict))["needs_second"] is False
    for less in weaker:
        for place in ({}, {"organisation_id": desk.company.public_id}, {"valid_from": "2027-06-01"}):
            assert (await set_setting(client, world, name, less, **place))["needs_second"] is True
    for on in (date(2026, 11, 23), date(2028, 1, 1)):
        assert await value(world, name, on, company=desk.company.id) == strict
    assert (await set_setting(client, world, name, strict, organisation_id=desk.company.public_id))[
        "needs_second"
    ] is False


@pytest.mark.usefixtures("today")
async def test_the_second_is_in_time(client: httpx.AsyncClient, world: World) -> None:
    said = await set_setting(client, world, "fee_cap_bps", 25_00)
    await world.set_now(datetime(2026, 11, 24, 8, tzinfo=UTC))
    late = await confirm(client, world, said)
    assert (late.status_code, late.json()["state"]) == (409, "late")
    assert await value(world, "fee_cap_bps", date(2026, 11, 24)) == 20_00


@pytest.mark.usefixtures("today")
async def test_the_database_refuses_too(client: httpx.AsyncClient, world: World) -> None:
    said = ids.decode("set", (await set_setting(client, world, "least_people", 5))["id"])
    operator = await world.operator()
    finance = {"id": said, "by": operator.users["finance"]}
    confirmed = "UPDATE setting_value SET confirmed_by = :by, confirmed_at = created_at{} WHERE id = :id"
    for sql, values, guard in (
        (confirmed.format(""), {"id": said, "by": operator.users["operator"]}, "setting_value_confirmed_by_another"),
        (confirmed.format(" + interval '1 day'"), finance, "setting_value_confirmed_in_time"),
        ("UPDATE setting_value SET value = 6 WHERE id = :id", {"id": said}, "denied"),
        ("UPDATE setting_value SET needs_second = false WHERE id = :id", {"id": said}, "denied"),
        ("DELETE FROM setting_value WHERE id = :id", {"id": said}, "denied"),
    ):
        await _refused(world, sql, guard, **values)
    inserted = (
        "INSERT INTO setting_value (id, name, level, value, reason, valid_from, set_by, created_at, needs_second,"
        " confirmed_by, confirmed_at) SELECT :new, name, level, 4 + :over, reason, valid_from, set_by, created_at,"
        " false, :by, created_at FROM setting_value WHERE id = :id RETURNING needs_second, confirmed_by"
    )
    await _refused(world, inserted, "setting_value_in_bounds", **finance, new=ids.new_id(), over=0)
    (made,) = await world.execute(inserted, **finance, new=ids.new_id(), over=2)
    assert tuple(made) == (True, None)
    await world.execute(confirmed.format(""), **finance)
    await _refused(world, confirmed.format(""), "setting_value_confirmed_once", **finance)


async def _refused(world: World, sql: str, guard: str, **values: Any) -> None:
    with pytest.raises(DBAPIError) as refusal:
        await world.execute(sql, **values)
    diagnosis = getattr(refusal.value.orig, "diag", None)
    assert diagnosis is not None
    assert (diagnosis.constraint_name or "denied") == guard


# What they change


async def both(world: World, name: SettingName, value: int, on: date, **place: Any) -> None:
    """Let two people say what a setting is."""
    operator = await world.operator()
    said = await world.say(operator.users["operator"], name, value, on, **place)
    async with world.work() as session:
        await confirm_value(session, Actor("user", operator.users["finance"]), said)


async def test_returns_of_half_years(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    operator = await stage.world.operator()
    await stage.lot(100_00, **RETURNING, lot_expires_on=date(2027, 1, 31))
    # From the last day of the quarter on: what was in force then decides.
    await settle(stage, fresh_worker, clock.midnight(date(2027, 3, 31)))
    assert (await desk.get("/account")).json()["next_returns_on"] == "2027-04-01"
    place = {"organisation_id": stage.company.id}
    await stage.world.say(operator.users["finance"], "returns_quarters", 2, date(2027, 3, 31), **place)
    assert (await desk.get("/account")).json()["next_returns_on"] == "2027-07-01"
    ran = await settle(stage, fresh_worker, clock.midnight(date(2027, 4, 1)))
    assert "grants.post_returns" not in ran
    # Stricter from July on is too late for the sum of July: it was right on the last day of its period.
    await stage.world.set_now(clock.midnight(date(2027, 7, 1)))
    await stage.world.say(operator.users["finance"], "least_people", 50, date(2027, 7, 1))
    assert (await settle(stage, fresh_worker, clock.midnight(date(2027, 7, 1))))["grants.post_returns"] == 1
    assert (await stage.balance(), await stage.returned()) == (1_900_00, 0)


async def test_more_people_for_a_sum(fresh_stage: Stage, fresh_worker: Database) -> None:
    stage = fresh_stage
    operator = await stage.world.operator()
    await stage.lot(100_00, **RETURNING, lot_expires_on=date(2027, 1, 31))
    await settle(stage, fresh_worker, clock.midnight(date(2027, 3, 1)))
    await stage.world.say(operator.users["finance"], "least_people", 11, date(2027, 3, 31))
    assert "grants.post_returns" not in await settle(stage, fresh_worker, clock.midnight(date(2027, 4, 1)))
    assert (await stage.balance(), await stage.returned()) == (900_00, 1_000_00)


async def test_the_cap_of_fees_holds_for_rules_that_stand(client: httpx.AsyncClient, world: World) -> None:
    books = await open_books(world)
    low, plain = await world.provider(), await world.provider()
    rule = {"percent_bps": 20_00, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-12-02"}
    drafted = (
        await client.post("/v1/operator/fee_rules", json=rule, headers=books.operator.headers["operator"])
    ).json()
    approve = f"/v1/operator/fee_rules/{drafted['id']}/approve"
    assert (await client.post(approve, headers=books.operator.headers["finance"])).status_code == 200
    operator = books.operator.users["operator"]
    await world.say(operator, "fee_cap_bps", 500, date(2026, 12, 3), organisation_id=low.id)
    await both(world, "fee_cap_bps", 25_00, date(2026, 12, 4), organisation_id=plain.id)
    refused = await client.post(
        "/v1/operator/fee_rules",
        json={**rule, "provider_id": low.public_id, "percent_bps": 501, "valid_from": "2026-12-05"},
        headers=books.operator.headers["operator"],
    )
    assert refused.json()["errors"][0]["code"] == "above_cap"
    await world.set_now(datetime(2026, 12, 20, 8, tzinfo=UTC))
    for provider in (low, plain):
        starts = [datetime(2026, 12, day, 9, tzinfo=UTC) for day in (2, 3)]
        await books.units(provider, [50_00] * 2, starts=starts, payable_at=datetime(2026, 12, 8, 9, tzinfo=UTC))
    await close(client, books, "2026-12-19")
    assert (await settlement(client, low))["fee_cents"] == 5_00
    assert (await settlement(client, plain))["fee_cents"] == 20_00
