"""A1: an employer that chooses amounts, categories and dates learns nothing from what comes back."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app import clock, ids
from app.api import PASSES, SWEEPS
from app.credit import actions
from app.db import Database
from app.jobs import run_sweeps
from app.ledger.verify import verify
from tests.conftest import Cluster
from tests.credit.stage import LAST_DAY, NOON, TRANSFER, Stage
from tests.grants.desk import Desk, count, employee
from tests.world import Person, World

RETURNING = {"expired_credit_to": "company"}
NEW_YEAR, APRIL = clock.midnight(date(2027, 1, 1)), clock.midnight(date(2027, 4, 1))
SWEEPS_BY_NAME = {sweep.name: sweep for sweep in SWEEPS}


async def people(world: World, desk: Desk, count: int) -> list[Person]:
    return [await world.employee(desk.company, category="impiegati") for _ in range(count)]


def lines(persons: list[Person], amounts: list[int]) -> dict[str, Any]:
    given = [
        {"employee_id": employee(person), "amount_cents": cents} for person, cents in zip(persons, amounts, strict=True)
    ]
    return {"lines": given, "generality_reason": "other"}


@pytest.mark.parametrize(
    ("amounts", "terms"),
    [
        ([1], RETURNING),  # priv1: one person, one cent
        ([1, 2, 4, 8], RETURNING),  # priv2: powers of two
        ([100_00], RETURNING),  # priv3: one person, a service
        ([19_99] * 10, RETURNING),  # many, but too little to buy anything
        ([20_00] * 9, RETURNING),  # one too few
        ([20_00] * 10 + [20_01], RETURNING),  # one who differs
        ([20_00 * 2**place for place in range(12)], RETURNING),  # amounts that a sum would decode into
        ([20_00] * 9, {"expired_credit_to": "solidarity_fund", "leavers_rule": "zero_at_leaving"}),
        ([20_00] * 9, {**RETURNING, "categories": ["physiotherapy"], "rule_codes": ["C2_F"]}),
    ],
)
async def test_amounts_that_identify_are_refused(
    world: World, stage: Stage, desk: Desk, amounts: list[int], terms: dict[str, Any]
) -> None:
    persons = await people(world, desk, len(amounts))
    programme_id = await desk.programme(employee_category="impiegati", **terms)
    body = {"programme_id": programme_id, **lines(persons, amounts)}
    for query in ({}, {"dry_run": "true"}):
        refused = await desk.post("/grants", body, **query)
        assert (refused.status_code, refused.json()["code"]) == (422, "amounts_identify")
    assert await count(world, "credit_grant") == 0
    assert await stage.balance() == 1_000_00


@pytest.mark.parametrize("heir", ["solidarity_fund", "carry_over"])
async def test_small_groups_let_credit_go_elsewhere(world: World, desk: Desk, heir: str) -> None:
    persons = await people(world, desk, 2)
    programme_id = await desk.programme(employee_category="impiegati", expired_credit_to=heir)
    drafted = await desk.grant(programme_id, **lines(persons, [120_00, 300_00]))
    assert (await desk.approve(drafted["id"])).json()["status"] == "active"


@pytest.mark.parametrize("amounts", [[20_00] * 10, [20_00] * 10 + [50_00] * 10])
async def test_many_people_per_amount_may_return_to_the_company(world: World, desk: Desk, amounts: list[int]) -> None:
    await world.fund(desk.company, sum(amounts))
    persons = await people(world, desk, len(amounts))
    programme_id = await desk.programme(employee_category="impiegati", **RETURNING)
    drafted = await desk.grant(programme_id, **lines(persons, amounts))
    assert (await desk.approve(drafted["id"])).json()["status"] == "active"


async def test_a_whole_category_with_one_amount_counts_when_it_has_ten(world: World, desk: Desk) -> None:
    await world.employments(desk.company, 9, category="impiegati")
    programme_id = await desk.programme(employee_category="impiegati", **RETURNING)
    body = {"programme_id": programme_id, "each_cents": 20_00}
    assert (await desk.post("/grants", body)).json()["code"] == "amounts_identify"
    await world.employments(desk.company, 1, category="impiegati")
    assert (await desk.post("/grants", body)).status_code == 201


async def test_the_same_person_twice_is_one_person(world: World, desk: Desk) -> None:
    """Nine people and a second employment of one of them."""
    persons = await people(world, desk, 10)
    await world.execute(
        "UPDATE employee SET ended_on = '2027-06-30', hired_on = '2021-01-01', fiscal_code_index ="
        " (SELECT fiscal_code_index FROM employee WHERE id = :first) WHERE id = :last",
        first=persons[0].employee_id, last=persons[9].employee_id,
    )  # fmt: skip
    programme_id = await desk.programme(employee_category="impiegati", **RETURNING)
    refused = await desk.post("/grants", {"programme_id": programme_id, **lines(persons, [20_00] * 10)})
    assert (refused.status_code, refused.json()["code"]) == (422, "amounts_identify")


async def test_approval_asks_again(world: World, desk: Desk) -> None:
    """A draft from before the rule, or one that slipped in, is not approved."""
    programme_id = await desk.programme()
    draft = await desk.grant(programme_id, each_cents=100_00)
    trick = await desk.programme(**RETURNING)
    grant_id = ids.decode("grt", draft["id"])
    own = {"id": ids.new_id(), "grant": grant_id, "programme": ids.decode("prg", trick), "at": NOON}
    await world.execute(
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, created_by, created_at)"
        " SELECT :id, company_id, :programme, total_cents, employee_count, created_by, :at FROM credit_grant"
        " WHERE id = :grant", **own,
    )  # fmt: skip
    await world.execute(
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO grant_line (grant_id, company_id, employee_id, amount_cents)"
        " SELECT :id, company_id, employee_id, amount_cents FROM grant_line WHERE grant_id = :grant",
        id=own["id"], grant=grant_id,
    )  # fmt: skip
    refused = await desk.approve(ids.encode("grt", own["id"]))
    assert (refused.status_code, refused.json()["code"]) == (422, "amounts_identify")
    assert await count(world, "lot") == 0


@pytest.mark.parametrize("role", ["beatrice_app", "beatrice_hr"])
async def test_the_database_refuses_such_a_grant(stage: Stage, role: str) -> None:
    programme_id, grant_id = await stage.programme(**RETURNING), ids.new_id()
    values = {
        "id": grant_id, "company": stage.company.id, "programme": programme_id, "by": stage.company.users["hr"],
        "employee": stage.person.employee_id, "at": NOON,
    }  # fmt: skip
    drafted = (
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, created_by, created_at)"
        " VALUES (:id, :company, :programme, 1, 1, :by, :at)"
    )
    line = (
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO grant_line (grant_id, company_id, employee_id, amount_cents) VALUES (:id, :company, :employee, 1)"
    )
    await stage.world.refused("credit_grant_amounts_identify", (drafted, values), (line, values), role=role)


@pytest.mark.parametrize("kind", ["programme", "fund"])
async def test_the_database_lets_no_source_give_straight_back(stage: Stage, kind: str) -> None:
    made = (
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO credit_source (id, kind, programme_source, name, rule_codes, validity_basis, relatives_reading,"
        " fee_funding, expired_credit_to, leavers_rule, funded_by_account_id, returns_to_account_id, created_at)"
        " VALUES (:id, :kind, :source, 'X', '{C2_F}', 'service_date', 'strict', 'out_of_pocket', 'company',"
        " 'keep_until_expiry', :account, :account, :at)"
    )
    source = "on_top" if kind == "programme" else None
    values = {"id": ids.new_id(), "kind": kind, "source": source, "account": stage.company.account_id, "at": NOON}
    await stage.world.refused("credit_source_accounts", (made, values), role="beatrice_hr")


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM returned_credit",
        "SELECT * FROM ledger.account",
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO company_return SELECT * FROM company_return",
        "UPDATE returned_credit SET return_id = NULL",
        "UPDATE grant_revocation SET reason = ''",
    ],
)
async def test_the_role_of_companies_has_no_view_of_what_waits(stage: Stage, sql: str) -> None:
    await stage.world.refused("42501", (sql, {}), role="beatrice_hr")


# What comes back


async def settle(stage: Stage, worker: Database, instant: datetime) -> dict[str, int]:
    await stage.world.set_now(instant)
    return await run_sweeps(worker, SWEEPS)


async def spend(stage: Stage, person: Person, lot_id: UUID, cents: int) -> None:
    hold = stage.hold(lot_id, cents)
    await stage.act(NOON, actions.place, person.user_id, [hold], at=NOON)
    await stage.act(NOON, actions.capture, [actions.Capture(hold.hold_id)], at=NOON)


async def test_what_expires_comes_back_as_one_sum_on_the_first_day_of_a_quarter(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    lot_id = await stage.lot(100_00, **RETURNING, lot_expires_on=date(2027, 1, 31))
    await spend(stage, stage.person, lot_id, 48_00)
    granted = 10 * 100_00
    assert await desk.account() == (900_00, granted, 0)
    ran = await settle(stage, fresh_worker, clock.midnight(date(2027, 2, 1)))
    assert ran["credit.expire_lots"] == 10
    assert await desk.account() == (900_00, granted, 0)
    assert await stage.returned() == 952_00
    assert (await desk.get("/account")).json()["next_returns_on"] == "2027-04-01"
    assert "grants.post_returns" not in await settle(stage, fresh_worker, APRIL - timedelta(seconds=1))
    assert await desk.account() == (900_00, granted, 0)
    assert (await settle(stage, fresh_worker, APRIL + timedelta(hours=1)))["grants.post_returns"] == 1
    assert await desk.account() == (1_852_00, granted - 952_00, 0)
    entries = (await desk.get("/account/entries")).json()["data"]
    moved = [(entry["kind"], entry["amount_cents"], entry["happened_at"]) for entry in entries]
    assert moved[:2] == [("returns", 952_00, "2027-03-31T22:00:00Z"), ("grant", -granted, entries[1]["happened_at"])]
    assert [kind for kind, _, _ in moved[2:]] == ["top_up", "top_up"]
    posted = await stage.world.execute("SELECT event_at, amount_cents FROM ledger.transfer WHERE reason = 'returns'")
    assert [tuple(row) for row in posted] == [(APRIL, 952_00)]
    assert await settle(stage, fresh_worker, clock.midnight(date(2027, 7, 1))) == {}
    async with stage.database.begin() as session:
        assert (await verify(session)).ok


async def test_who_had_no_login_hides_nobody(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    """Attack: nine whom HR never invited left all of it, so that the sum would tell what the tenth used.

    Nor does it help to invite them once it has come back.
    """
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    await stage.colleagues()
    await stage.world.execute("UPDATE employee SET user_id = NULL WHERE user_id = id")
    programme_id = await stage.programme(**RETURNING, lot_expires_on=date(2027, 1, 31))
    there = [row.id for row in await stage.world.execute("SELECT id FROM employee WHERE user_id IS NULL")]
    await stage.world.fund(stage.company, 9 * 100_00)
    lot_id = await stage.world.grant(stage.company, stage.person, 100_00, programme_id, also=there)
    await spend(stage, stage.person, lot_id, 48_00)
    before = await desk.account()
    await settle(stage, fresh_worker, APRIL)
    assert await stage.returned() == 952_00
    await stage.world.execute("UPDATE employee SET user_id = id WHERE user_id IS NULL")
    await settle(stage, fresh_worker, clock.midnight(date(2027, 7, 1)))
    assert (await stage.returned(), await desk.account()) == (952_00, before)


async def test_a_last_midnight_belongs_to_its_quarter(fresh_stage: Stage, fresh_worker: Database) -> None:
    await fresh_stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    ran = await settle(fresh_stage, fresh_worker, NEW_YEAR)
    assert (ran["credit.expire_lots"], ran["grants.post_returns"]) == (10, 1)
    assert await fresh_stage.balance() == 1_900_00


async def test_the_credit_of_few_waits_for_others(fresh_stage: Stage, fresh_worker: Database) -> None:
    """Nine unspent lots wait; the next quarter's make enough people of them, and the first are not told apart."""
    stage = fresh_stage
    lot_id = await stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    await spend(stage, stage.person, lot_id, 100_00)
    assert "grants.post_returns" not in await settle(stage, fresh_worker, NEW_YEAR)
    assert (await stage.balance(), await stage.returned()) == (900_00, 900_00)
    await stage.world.set_now(NOON)
    other = await stage.lot(50_00, **RETURNING, lot_expires_on=date(2027, 2, 28))
    assert other != lot_id
    assert (await settle(stage, fresh_worker, APRIL))["grants.post_returns"] == 1
    assert (await stage.balance(), await stage.returned()) == (900_00 - 50_00 + 900_00 + 500_00, 0)


async def test_returned_money_activates_what_waited_for_it(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    await stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    programme_id = await desk.programme(employee_category="operai", lot_expires_on="2027-12-31")
    waiting = await desk.grant(programme_id, each_cents=190_00)
    assert (await desk.approve(waiting["id"])).json()["status"] == "awaiting_funds"
    await settle(stage, fresh_worker, NEW_YEAR)
    assert (await desk.get(f"/grants/{waiting['id']}")).json()["status"] == "active"
    assert await stage.balance() == 0


async def test_a_late_release_waits_for_the_next_quarter(fresh_stage: Stage, fresh_worker: Database) -> None:
    stage = fresh_stage
    lot_id = await stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    hold = stage.hold(lot_id, 30_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [hold], at=NOON)
    await settle(stage, fresh_worker, NEW_YEAR - timedelta(seconds=1))
    assert "grants.post_returns" in await settle(stage, fresh_worker, NEW_YEAR)
    assert await stage.balance() == 1_870_00
    later = NEW_YEAR + timedelta(days=1)
    await stage.act(later, actions.release, [hold.hold_id], at=later, caused_by_employee=True)
    assert await settle(stage, fresh_worker, APRIL) == {}
    assert (await stage.balance(), await stage.returned()) == (1_870_00, 30_00)


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ({}, "company_return_of_many"),
        ({"amount": 899_99}, "company_return_adds_up"),
        ({"day": date(2027, 1, 2)}, "company_return_on_its_day"),
        ({"day": date(2026, 10, 1)}, "company_return_on_its_day"),
    ],
)
async def test_the_database_posts_no_sum_of_few(
    fresh_stage: Stage, fresh_worker: Database, change: dict[str, Any], guard: str
) -> None:
    stage = fresh_stage
    lot_id = await stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    await stage.sweep(SWEEPS_BY_NAME["credit.expire_lots"], NEW_YEAR)
    parts = "transfer_id IN (SELECT id FROM ledger.transfer WHERE from_account_id <> :lot)"
    if guard == "company_return_on_its_day":
        parts = ":lot = :lot"
    few = {"id": ids.new_id(), "company": stage.company.id, "lot": lot_id, "at": NEW_YEAR, "day": date(2027, 1, 1),
           "amount": 1_000_00 if guard == "company_return_on_its_day" else 900_00, **change}  # fmt: skip
    made = (
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO company_return (id, company_id, returned_on, amount_cents, created_at)"
        " VALUES (:id, :company, :day, :amount, :at)"
    )
    taken = f"UPDATE returned_credit SET return_id = :id WHERE {parts}"
    attacker = World(fresh_worker)
    await attacker.refused(guard, (made, few), (taken, few), role="beatrice_worker")
    assert (await stage.balance(), await stage.returned()) == (900_00, 1_000_00)


async def test_there_is_no_other_way_out_of_the_account_of_returns_nor_into_it(stage: Stage) -> None:
    await stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    await stage.sweep(SWEEPS_BY_NAME["credit.expire_lots"], NEW_YEAR)
    company, attacker = stage.company, stage.world
    assert company.returns_id is not None
    assert company.account_id is not None
    one_sum = "company_returns_as_one_sum"
    for guard, payee in ((one_sum, company.account_id), ("transfer_route", stage.payee_id)):
        await stage.transfer_refused(guard, company.returns_id, payee, 100, "returns", NEW_YEAR)
    await stage.transfer_refused("transfer_route", company.account_id, company.returns_id, 100, "returned")
    values = {"id": ids.new_id(), "payer": company.returns_id, "payee": company.account_id, "cents": 1, "at": NEW_YEAR,
              "reason": "returns"}  # fmt: skip
    await attacker.refused("42501", (TRANSFER, values), role="beatrice_hr")
    assert (await stage.balance(), await stage.returned()) == (900_00, 1_000_00)


async def test_a_return_is_posted_once(fresh_stage: Stage, fresh_worker: Database) -> None:
    stage = fresh_stage
    await stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    await settle(stage, fresh_worker, NEW_YEAR)
    attacker = World(fresh_worker)
    again = "UPDATE returned_credit SET return_id = return_id"
    await attacker.refused("returned_credit_posted_once", (again, {}), role="beatrice_worker")
    second = (
        # Attack: no draft, source or return comes into being like this
        "INSERT INTO company_return (id, company_id, returned_on, amount_cents, created_at)"
        " SELECT :id, company_id, returned_on, amount_cents, created_at FROM company_return"
    )
    await attacker.refused("company_return_once_a_period", (second, {"id": ids.new_id()}), role="beatrice_worker")


@pytest.mark.parametrize(
    ("tampering", "problem"),
    [
        ("UPDATE company_return SET amount_cents = amount_cents + 1", ("company_return", "amount", 1_000_01, 1_000_00)),
        (
            "UPDATE company_return SET returned_on = '2026-10-01'",
            ("company_return", "instant", 1_000_00, 1_000_00),
        ),
        (
            "DELETE FROM returned_credit WHERE return_id IS NULL",
            ("company", "returns_account", 0, 1_000_00),
        ),
    ],
)
async def test_verify_ledger_names_what_was_tampered_with(
    cluster: Cluster,
    fresh_database_name: str,
    fresh_stage: Stage,
    fresh_worker: Database,
    tampering: str,
    problem: tuple[str, str, int, int],
) -> None:
    await fresh_stage.lot(100_00, **RETURNING, lot_expires_on=LAST_DAY)
    await settle(fresh_stage, fresh_worker, NEW_YEAR)
    await fresh_stage.world.set_now(NOON)
    await fresh_stage.lot(100_00, **RETURNING, lot_expires_on=date(2027, 2, 28))
    await settle(fresh_stage, fresh_worker, APRIL - timedelta(days=1))
    async with fresh_worker.begin("beatrice_worker") as session:
        assert (await verify(session, PASSES)).differences == []
    with cluster.admin(fresh_database_name) as owner:
        owner.execute("SET session_replication_role = replica")
        owner.execute(tampering)
    async with fresh_worker.begin("beatrice_worker") as session:
        differences = (await verify(session, PASSES)).differences
    assert len(differences) == 1, differences
    (found,) = differences
    assert (found.table, found.problem, found.stored, found.recomputed) == problem
