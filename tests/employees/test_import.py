"""Importing staff from a file."""

from typing import Any

import httpx
import pytest
from sqlalchemy import event

from tests.people import employees_url, hire, join, snapshot
from tests.world import Party, World
from tests.world.given import EMPLOYEE
from tests.world.people import fiscal_code

HEADER = "matricola;nome;cognome;codice_fiscale;categoria;data_assunzione;contratto;email"
ANNAS = "anna@example.com"


def row(number: int, **changes: str) -> str:
    cells = {
        "external_id": str(number), "given_name": "Anna", "family_name": f"Esempio{number}",
        "fiscal_code": fiscal_code(number), "category": "operai", "hired_on": "15/01/2020", "contract": "",
        "email": "",
    } | changes  # fmt: skip
    return ";".join(cells.values())


def file(*rows: str) -> bytes:
    return "\r\n".join((HEADER, *rows)).encode()


async def send(
    client: httpx.AsyncClient, company: Party, content: bytes, *, dry_run: bool | None = None
) -> httpx.Response:
    return await client.post(
        employees_url(company, "/import"),
        params={} if dry_run is None else {"dry_run": dry_run},
        content=content,
        headers={**company.headers["hr"], "Content-Type": "text/csv"},
    )


async def everything(world: World) -> list[Any]:
    return [await snapshot(world, table) for table in ("employee", "invitation", "outgoing_mail", "audit_entry")]


async def test_create_update_leave(client: httpx.AsyncClient, world: World, company: Party) -> None:
    kept = await hire(client, company, external_id="900")
    first = await send(client, company, file(row(1, email=ANNAS), row(2, contract="Tempo determinato"), row(3)))
    assert (first.status_code, first.json()) == (200, {"created": 3, "updated": 0, "unchanged": 0, "errors": []})
    assert await world.execute("SELECT recipient FROM outgoing_mail") == [(ANNAS,)]
    second = await send(client, company, file(row(1), row(2, category="quadri"), row(4)))
    assert second.json() == {"created": 1, "updated": 1, "unchanged": 1, "errors": []}
    stored = await world.execute(
        "SELECT external_id, family_name, category, contract, email, version, hired_on::text FROM employee ORDER BY"
        " external_id"
    )
    assert stored == [
        ("1", "Esempio1", "operai", "permanent", ANNAS, 1, "2020-01-15"),
        ("2", "Esempio2", "quadri", "fixed_term", None, 2, "2020-01-15"),
        ("3", "Esempio3", "operai", "permanent", None, 1, "2020-01-15"),
        ("4", "Esempio4", "operai", "permanent", None, 1, "2020-01-15"),
        ("900", "Esempio", "operai", "permanent", None, 1, "2020-01-15"),
    ]
    read = await client.get(employees_url(company), params={"external_id": "1"}, headers=company.headers["hr"])
    assert read.json()["data"][0]["fiscal_code"] == fiscal_code(1)
    assert kept["external_id"] == "900"


async def test_dry_run_tells_and_stores_nothing(client: httpx.AsyncClient, world: World, company: Party) -> None:
    await send(client, company, file(row(1), row(2)))
    before = await everything(world)
    answer = await send(client, company, file(row(1), row(2, category="x"), row(3, email=ANNAS)), dry_run=True)
    assert (answer.status_code, answer.json()) == (200, {"created": 1, "updated": 1, "unchanged": 1, "errors": []})
    bad = await send(client, company, file(row(3), row(4, fiscal_code="X")), dry_run=True)
    assert bad.status_code == 200
    assert [(one["row"], one["field"], one["code"]) for one in bad.json()["errors"]] == [
        (3, "fiscal_code", "fiscal_code")
    ]
    assert await everything(world) == before


async def test_one_bad_row_stores_nothing(client: httpx.AsyncClient, world: World, company: Party) -> None:
    await hire(client, company, external_id="900")
    before = await everything(world)
    rows = (
        row(1),
        row(2, fiscal_code="CANARY"),
        row(3, hired_on="30/02/2026", category=""),
        row(4, contract="per sempre"),
        row(1, external_id="11"),
        row(5, external_id="1"),
        row(6, fiscal_code=EMPLOYEE["fiscal_code"], hired_on="01/01/2024"),
        row(7, given_name="", email="nobody"),
        "too;few",
    )
    answer = await send(client, company, file(*rows))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "import_refused")
    assert (problem["created"], problem["updated"], problem["unchanged"]) == (0, 0, 0)
    for one in problem["errors"]:
        assert one["pointer"] == f"/rows/{one['row']}" + (f"/{one['field']}" if one["field"] else "")
    assert [(one["pointer"], one["code"]) for one in problem["errors"]] == [
        ("/rows/3/fiscal_code", "fiscal_code"),
        ("/rows/4/hired_on", "date"),
        ("/rows/5/contract", "literal_error"),
        ("/rows/6/fiscal_code", "duplicate_in_file"),
        ("/rows/7/external_id", "duplicate_in_file"),
        ("/rows/9/email", "email"),
        ("/rows/9/given_name", "missing"),
        ("/rows/10", "cell_count"),
    ]
    assert "CANARY" not in answer.text
    assert await everything(world) == before


async def test_matching_by_external_id_then_fiscal_code(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    await send(client, company, file(row(1), row(2)))
    corrected = await send(client, company, file(row(1, fiscal_code=fiscal_code(50)), row(2, external_id="22")))
    assert corrected.json() == {"created": 0, "updated": 2, "unchanged": 0, "errors": []}
    assert await world.execute("SELECT external_id FROM employee ORDER BY 1") == [("1",), ("22",)]
    taken = await send(client, company, file(row(1, fiscal_code=fiscal_code(2))))
    assert [one["code"] for one in taken.json()["errors"]] == ["taken"]
    twice = await send(client, company, file(row(1, fiscal_code=fiscal_code(51)), row(50, external_id="")))
    assert [one["code"] for one in twice.json()["errors"]] == ["duplicate_in_file"]


async def test_leavers_and_hiring_again(client: httpx.AsyncClient, world: World, company: Party) -> None:
    header = HEADER + ";data_cessazione"
    leaver = f"{header}\r\n{row(1)};31/01/2025".encode()
    await send(client, company, file(row(1)))
    assert (await send(client, company, leaver)).json()["updated"] == 1
    assert (await send(client, company, leaver)).json()["unchanged"] == 1
    again = await send(client, company, file(row(1, hired_on="2026-09-01")))
    assert again.json()["created"] == 1
    both = await send(client, company, leaver)
    assert both.json()["errors"][0]["code"] == "taken"
    assert await world.execute("SELECT hired_on::text, ended_on::text FROM employee ORDER BY hired_on") == [
        ("2020-01-15", "2025-01-31"), ("2026-09-01", None),
    ]  # fmt: skip


async def test_blank_cells_clear_but_email_and_contract_stay(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    await send(client, company, file(row(1, contract="a termine", email=ANNAS)))
    answer = await send(client, company, file(row(1, external_id="")))
    assert answer.json()["updated"] == 1
    assert await world.execute("SELECT external_id, contract, email FROM employee") == [(None, "fixed_term", ANNAS)]
    narrow = f"nome,cognome,codice fiscale,categoria,assunzione\nAnna,Altra,{fiscal_code(1)},operai,2020-01-15\n"
    assert (await send(client, company, narrow.encode())).json()["updated"] == 1
    assert await world.execute("SELECT family_name, contract, email FROM employee") == [("Altra", "fixed_term", ANNAS)]


async def test_the_fiscal_code_of_an_active_person_is_fixed(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    await send(client, company, file(row(1, email=ANNAS)))
    await join(client, world, ANNAS)
    before = await everything(world)
    answer = await send(client, company, file(row(1, fiscal_code=fiscal_code(2))))
    assert [(one["pointer"], one["code"]) for one in answer.json()["errors"]] == [
        ("/rows/2/fiscal_code", "fiscal_code_fixed")
    ]
    assert await everything(world) == before


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "invalid"),
        (b"PK\x03\x04" + b"\x00" * 99, 415, "not_csv"),
        (b"nome;cognome\r\nAnna;Esempio", 422, "invalid"),
        (file(row(1)) + b'\r\n"1;2', 422, "invalid"),
        (file(*[";" * 7 + "x"] * 20_001), 413, "too_many_rows"),
        (b"x" * (5 * 1024 * 1024 + 1), 413, "body_too_large"),
    ],
    ids=["empty", "xlsx", "columns", "quote", "rows", "bytes"],
)
async def test_files_that_are_no_files(
    client: httpx.AsyncClient, world: World, company: Party, content: bytes, status: int, code: str
) -> None:
    for dry_run in (True, False):
        answer = await send(client, company, content, dry_run=dry_run)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await snapshot(world) == []


async def test_json_is_no_csv(client: httpx.AsyncClient, company: Party) -> None:
    answer = await client.post(employees_url(company, "/import"), json={}, headers=company.headers["hr"])
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


async def test_template_imports(client: httpx.AsyncClient, company: Party) -> None:
    template = await client.get(employees_url(company, "/template.csv"), headers=company.headers["hr"])
    assert (template.status_code, template.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert template.text == (
        "external_id,given_name,family_name,fiscal_code,category,hired_on,ended_on,contract,contract_ends_on,"
        "probation_ends_on,agreement_code,email\r\n"
    )
    answer = await send(client, company, template.content)
    assert answer.json() == {"created": 0, "updated": 0, "unchanged": 0, "errors": []}


async def test_another_companys_people_are_not_matched(client: httpx.AsyncClient, world: World, company: Party) -> None:
    other = await world.company()
    await send(client, other, file(row(1)))
    answer = await send(client, company, file(row(1, category="quadri")))
    assert answer.json()["created"] == 1
    assert await world.execute("SELECT category FROM employee WHERE company_id = :id", id=other.id) == [("operai",)]


async def test_the_number_of_statements_does_not_grow(client: httpx.AsyncClient, world: World, company: Party) -> None:
    statements: list[str] = []

    def count(*arguments: Any) -> None:
        statements.append(arguments[2])

    connection = world.database.bind.sync_connection  # type: ignore[union-attr]
    event.listen(connection, "before_cursor_execute", count)
    counts = []
    for first, size in ((0, 2), (100, 300)):
        statements.clear()
        rows = [row(number, email=f"e{number}@example.com") for number in range(first, first + size)]
        answer = await send(client, company, file(*rows))
        assert answer.json()["created"] == size
        counts.append(len(statements))
    assert counts[0] == counts[1]
    assert counts[1] <= 15


async def test_files_cannot_flood_a_mailbox(client: httpx.AsyncClient, world: World, company: Party) -> None:
    """Each new address is a new link with a new activation code, hence new tries at it."""
    assert (await send(client, company, file(row(1, email="first@example.com"), row(2)))).status_code == 200
    for number in range(10):
        assert (await send(client, company, file(row(1, email=f"hr{number}@example.com")))).status_code == 200
    before = await everything(world)
    refused = await send(client, company, file(row(1, email="another@example.com"), row(3, email=ANNAS)))
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert await everything(world) == before
    assert (await send(client, company, file(row(3, email=ANNAS)))).json()["created"] == 1
