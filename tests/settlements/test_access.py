"""Who sees what: one provider never another's, HR nothing at all, keys by their scope."""

import csv
import io
from itertools import product

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from app import ids
from app.files.csv import write
from tests.settlements.books import Books
from tests.settlements.office import close, fee_rule, post, settlement

TABLES = ("fee_rule", "settlement_run", "settlement_counter", "settlement", "settlement_line", "payout")


async def test_providers_see_their_own_only(client: httpx.AsyncClient, books: Books) -> None:
    first, second = await books.world.provider(), await books.world.provider()
    await books.units(first, [10_00])
    await close(client, books)
    found = await settlement(client, first)
    for suffix in ("", ".csv"):
        own = await client.get(
            f"/v1/providers/{second.public_id}/settlements/{found['id']}{suffix}", headers=second.headers["manager"]
        )
        foreign = await client.get(
            f"/v1/providers/{first.public_id}/settlements/{found['id']}{suffix}", headers=second.headers["manager"]
        )
        assert (own.status_code, foreign.status_code) == (404, 404)
        assert found["content_sha256"] not in own.text + foreign.text
    listed = await client.get(f"/v1/providers/{second.public_id}/settlements", headers=second.headers["manager"])
    assert listed.json() == {"data": [], "next_cursor": None, "prev_cursor": None, "total": None}


async def test_roles(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    found = await settlement(client, provider)
    paths = [
        f"/v1/providers/{provider.public_id}/settlements",
        f"/v1/providers/{provider.public_id}/settlements/{found['id']}",
        f"/v1/providers/{provider.public_id}/settlements/{found['id']}.csv",
    ]
    operator_paths = [
        "/v1/operator/fee_rules",
        "/v1/operator/settlement_runs",
        f"/v1/operator/settlement_runs/{run['id']}",
        f"/v1/operator/settlement_runs/{run['id']}/payment_file",
        "/v1/operator/ledger/trial_balance",
    ]
    expected = [
        (provider.headers["manager"], 200, 403),
        (provider.headers["staff"], 403, 403),
        (books.company.headers["hr"], 404, 403),
        (books.company.headers["payroll"], 404, 403),
        (books.person.headers, 404, 403),
        (books.operator.headers["finance"], 404, None),
        (await books.world.api_key(provider, ["settlements:read"]), 200, 403),
        (await books.world.api_key(provider, ["bookings:read"]), 403, 403),
        ({}, 401, 401),
    ]
    for headers, status, operator_status in expected:
        assert [(await client.get(path, headers=headers)).status_code for path in paths] == [status] * 3
        if operator_status is not None:
            answers = [(await client.get(path, headers=headers)).status_code for path in operator_paths]
            assert answers == [operator_status] * 5
    for headers in (provider.headers["manager"], books.company.headers["hr_approver"]):
        for path in (operator_paths[1], f"{operator_paths[2]}/approve", f"{operator_paths[2]}/sent"):
            assert (await post(client, path, headers, {"cutoff_on": "2026-11-30"})).status_code == 403
    rule = {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-01-01"}
    answer = await client.post("/v1/operator/fee_rules", headers=books.operator.headers["finance"], json=rule)
    assert answer.status_code == 403


async def test_hr_role_reads_and_writes_nothing(books: Books) -> None:
    # Attack
    for verb, table in product(("SELECT 1 FROM {}", "DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES"), TABLES):
        async with books.world.database.session() as session:
            await session.execute(text("SET LOCAL ROLE beatrice_hr"))
            with pytest.raises(ProgrammingError) as refusal:
                await session.execute(text(verb.format(table)))
            await session.rollback()
        assert isinstance(refusal.value.orig, psycopg.errors.InsufficientPrivilege)


async def test_no_trace_of_employer_or_funding(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    await close(client, books)
    found = await settlement(client, provider)
    path = f"/v1/providers/{provider.public_id}/settlements/{found['id']}"
    for suffix in ("", ".csv"):
        shown = (await client.get(path + suffix, headers=provider.headers["manager"])).text
        for canary in (
            books.company.public_id, books.company.name, "C2_F_TER", ids.encode("lot", books.lot_id),
            ids.encode("emp", books.person.employee_id), ids.encode("usr", books.person.user_id),
        ):  # fmt: skip
            assert canary not in shown


async def test_csv(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 3)
    await fee_rule(client, books)
    await close(client, books)
    found = await settlement(client, provider)
    answer = await client.get(
        f"/v1/providers/{provider.public_id}/settlements/{found['id']}.csv", headers=provider.headers["manager"]
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="settlement-2026-1.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert rows == [{"number": "2026/1", **{k: str(v) for k, v in line.items()}} for line in found["lines"]]
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("value", "written"),
    [("=1+1", "'=1+1"), ("+1", "'+1"), ("-x", "'-x"), ("@a", "'@a"), ("\tx", "'\tx"), ("a=b", "a=b"), (-5, "-5")],
)
def test_no_cell_is_a_formula(value: str | int, written: str) -> None:
    assert write(["number"], [[value]]) == f"number\r\n{written}\r\n"
