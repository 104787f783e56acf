"""A3: nobody alone makes credit out of nothing: much money is confirmed by two people, in one piece or in many."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from stdnum import luhn

from app import ids
from tests.world import Party, World

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
LIMIT = 10_000_00


@pytest.fixture
async def operator(world: World) -> Party:
    made = await world.operator()
    await world.set_now(NOW)
    return made


@pytest.fixture
async def company(world: World, operator: Party) -> Party:
    del operator
    return await world.company()


async def _post(client: httpx.AsyncClient, path: str, headers: dict[str, str], body: Any = None) -> httpx.Response:
    return await client.post(f"/v1{path}", json=body, headers={**headers, "Idempotency-Key": uuid4().hex})


async def _announce(client: httpx.AsyncClient, company: Party, cents: int) -> str:
    path = f"/companies/{company.public_id}/top_ups"
    return str((await _post(client, path, company.headers["hr"], {"amount_cents": cents})).json()["id"])


async def _confirm(
    client: httpx.AsyncClient, operator: Party, top_up: str, role: str = "operator", body: Any = None
) -> httpx.Response:
    return await _post(client, f"/operator/top_ups/{top_up}/confirm", operator.headers[role], body)


async def _balance(client: httpx.AsyncClient, company: Party) -> int:
    answer = await client.get(f"/v1/companies/{company.public_id}/account", headers=company.headers["hr"])
    return int(answer.json()["balance_cents"])


async def test_above_the_limit_another_person_confirms(
    client: httpx.AsyncClient, world: World, operator: Party, company: Party
) -> None:
    top_up = await _announce(client, company, LIMIT + 1)
    first = (await _confirm(client, operator, top_up)).json()
    assert (first["status"], first["confirmed_by"], first["second_confirmed_by"], first["resolved_at"]) == (
        "confirming", ids.encode("usr", operator.users["operator"]), None, None,
    )  # fmt: skip
    assert await _balance(client, company) == 0
    await world.membership(operator.users["operator"], operator.id, "finance")
    again = await _confirm(client, operator, top_up)
    assert (again.status_code, again.json()["code"]) == (403, "approver_is_maker")
    assert await _balance(client, company) == 0
    second = (await _confirm(client, operator, top_up, "finance")).json()
    assert (second["status"], second["confirmed_by"], second["second_confirmed_by"]) == (
        "confirmed", first["confirmed_by"], ids.encode("usr", operator.users["finance"]),
    )  # fmt: skip
    assert await _balance(client, company) == LIMIT + 1
    third = await _confirm(client, operator, top_up)
    assert (third.status_code, third.json()["code"]) == (409, "already_resolved")


async def test_many_small_ones_are_no_way_round(
    client: httpx.AsyncClient, world: World, operator: Party, company: Party
) -> None:
    whole, rest = await _announce(client, company, LIMIT - 1), await _announce(client, company, 2)
    assert (await _confirm(client, operator, whole)).json()["status"] == "confirmed"
    assert (await _confirm(client, operator, rest)).json()["status"] == "confirming"
    other = await world.company()
    elsewhere = await _announce(client, other, LIMIT)
    assert (await _confirm(client, operator, elsewhere)).json()["status"] == "confirmed"
    assert await _balance(client, company) == LIMIT - 1
    # What two people confirmed does not count against one, and a week later she may again.
    assert (await _confirm(client, operator, rest, "finance")).json()["status"] == "confirmed"
    await world.set_now(NOW + timedelta(days=7, minutes=1))
    later = await _announce(client, company, LIMIT)
    assert (await _confirm(client, operator, later)).json()["status"] == "confirmed"


async def test_nobody_confirms_alone_what_a_company_got_that_she_entered(
    client: httpx.AsyncClient, world: World, operator: Party
) -> None:
    """With its first people she would make credit of nothing, company by company, each below the limit."""
    tax_code = "0999001016" + luhn.calc_check_digit("0999001016")
    wanted = {"name": "Finta", "kinds": ["company"], "tax_code": tax_code}
    entered = (await _post(client, "/operator/organisations", operator.headers["operator"], wanted)).json()["id"]
    user_id, headers = await world.login("hr@evil.example")
    company = Party(ids.decode("org", entered), "Finta", {"hr": headers})
    await world.membership(user_id, company.id, "hr")
    own = await _announce(client, company, 1_00)
    assert (await _confirm(client, operator, own)).json()["status"] == "confirming"
    assert (await _confirm(client, operator, own)).json()["code"] == "approver_is_maker"
    assert await _balance(client, company) == 0
    alone = "UPDATE top_up SET status = 'confirmed', confirmed_by = :by, confirmed_at = :at, resolved_by = :by,"
    at = {"by": operator.users["operator"], "at": NOW}
    second = await _announce(client, company, 2_00)
    await world.refused("top_up_two_people", (f"{alone} resolved_at = :at WHERE amount_cents = 200", at))
    assert (await _confirm(client, operator, second, "finance")).json()["status"] == "confirmed"
    assert (await _confirm(client, operator, own, "finance")).json()["status"] == "confirmed"
    assert await _balance(client, company) == 3_00


async def test_the_sum_of_the_bank_is_the_announced_one(
    client: httpx.AsyncClient, operator: Party, company: Party
) -> None:
    top_up = await _announce(client, company, LIMIT + 1)
    for cents in (LIMIT, 1):
        refused = await _confirm(client, operator, top_up, body={"amount_cents": cents})
        assert (refused.status_code, refused.json()["code"], refused.json()["amount_cents"]) == (
            409, "amount_differs", LIMIT + 1,
        )  # fmt: skip
    assert (await _confirm(client, operator, top_up, body={"amount_cents": LIMIT + 1})).json()["status"] == "confirming"
    refused = await _confirm(client, operator, top_up, "finance", {"amount_cents": LIMIT})
    assert (refused.status_code, refused.json()["code"]) == (409, "amount_differs")
    assert await _balance(client, company) == 0


async def test_what_waits_for_the_second_person_can_go_back(
    client: httpx.AsyncClient, operator: Party, company: Party
) -> None:
    top_up = await _announce(client, company, LIMIT * 100)
    await _confirm(client, operator, top_up)
    returned = await _post(client, f"/operator/top_ups/{top_up}/return", operator.headers["operator"])
    assert (returned.status_code, returned.json()["status"]) == (200, "returned")
    late = await _confirm(client, operator, top_up, "finance")
    assert (late.status_code, late.json()["state"]) == (409, "returned")
    assert await _balance(client, company) == 0


async def _refused(world: World, statement: str, guard: str) -> None:
    async with world.database.session() as session:
        await session.execute(text("SET LOCAL ROLE beatrice_app"))
        with pytest.raises(DBAPIError) as refusal:
            await session.execute(text(statement))
        await session.rollback()
    assert refusal.value.orig is not None
    assert refusal.value.orig.diag.constraint_name == guard  # type: ignore[attr-defined]


async def test_the_database_refuses_too(
    client: httpx.AsyncClient, world: World, operator: Party, company: Party
) -> None:
    top_up = await _announce(client, company, LIMIT + 1)
    alone = (
        "UPDATE top_up SET status = 'confirmed', resolved_at = created_at, confirmed_at = created_at,"
        " confirmed_by = created_by, resolved_by = created_by"
    )
    await _refused(world, alone, "top_up_two_people")
    await _refused(world, f"{alone}, second_confirmed_by = created_by", "top_up_second_is_another")
    await _confirm(client, operator, top_up)
    resolved = "status = 'confirmed', resolved_at = created_at"
    await _refused(world, f"UPDATE top_up SET {resolved}", "top_up_two_people")
    await _refused(
        world, f"UPDATE top_up SET {resolved}, second_confirmed_by = confirmed_by", "top_up_second_is_another"
    )
    another = f"UPDATE top_up SET {resolved}, second_confirmed_by = confirmed_by, confirmed_by = created_by"
    await _refused(world, another, "top_up_fixed")
    await _refused(
        world, "UPDATE top_up SET status = 'pending', confirmed_by = NULL, confirmed_at = NULL", "top_up_fixed"
    )
    await _refused(world, "UPDATE top_up SET status = 'pending'", "top_up_transition")


TRANSFER = """
    -- # Attack
    INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at,
        created_at)
    SELECT gen_random_uuid(), bank.id, company.account_id, CAST(:cents AS bigint), :reason, :cause, :at, :at
    FROM ledger.account bank, company WHERE bank.kind = 'bank_clearing_company' AND company.organisation_id = :company
"""


async def test_no_money_comes_to_a_company_without_a_confirmed_top_up(
    client: httpx.AsyncClient, world: World, operator: Party, company: Party
) -> None:
    other = await world.company()
    announced, confirmed = [await _announce(client, company, 100_00) for _ in range(2)]
    assert (await _confirm(client, operator, confirmed)).json()["status"] == "confirmed"
    given = {"company": company.id, "cents": 100_00, "reason": "top_up", "at": NOW}
    for cause in (None, ids.new_id(), ids.split(announced)[1]):
        await world.refused("company_money_by_top_up", (TRANSFER, {**given, "cause": cause}))
    gift = {**given, "cause": ids.split(confirmed)[1], "reason": "gift"}
    await world.refused("transfer_route", (TRANSFER, gift))
    for more in ({}, {"cents": 100_01}, {"company": other.id}):
        once_more = {**given, "cause": ids.split(confirmed)[1], **more}
        await world.refused("transfer_top_up_once_key", (TRANSFER, once_more))
    spent = TRANSFER.replace("bank.id, company.account_id", "company.account_id, bank.id")
    await world.refused("transfer_route", (spent, {**given, "cause": None, "reason": "withdrawn"}))
    assert await _balance(client, company) == 100_00
