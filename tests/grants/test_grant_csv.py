"""Grants from a CSV file, and bodies that are no grant at all."""

from typing import Any
from uuid import uuid4

import httpx

from app import sealing
from tests.credit.stage import Stage
from tests.grants.desk import Desk, count, employee, pointers
from tests.world import World


async def send_csv(desk: Desk, content: str, **query: Any) -> httpx.Response:
    headers = {**desk.company.headers["hr"], "Idempotency-Key": uuid4().hex, "Content-Type": "text/csv"}
    return await desk.client.post(f"{desk.base}/grants", headers=headers, content=content.encode(), params=query)


async def test_a_grant_from_csv(world: World, stage: Stage, desk: Desk) -> None:
    second = await world.employee(stage.company)
    code = "RSSMRA85T10A562S"
    await world.execute("UPDATE employee SET external_id = 'A1' WHERE id = :id", id=stage.person.employee_id)
    await world.execute(
        "UPDATE employee SET fiscal_code_index = :index WHERE id = :id",
        index=sealing.keyed_hash("fiscal_code", code.encode()), id=second.employee_id,
    )  # fmt: skip
    programme_id = await desk.programme()
    content = f"\ufeffMatricola;Codice fiscale;Importo\nA1;;250,00\n;{code.lower()};1.250,00\n"
    where = {"programme_id": programme_id, "generality_reason": "hire_pro_rata"}
    dry = await send_csv(desk, content, **where, dry_run="true")
    assert (dry.status_code, dry.json()["id"], dry.json()["total_cents"]) == (200, None, 1_500_00)
    assert await count(world, "credit_grant") == 0
    made = await send_csv(desk, content, **where)
    assert made.status_code == 201, made.text
    lines = (await desk.get(f"/grants/{made.json()['id']}/lines")).json()["data"]
    assert {line["employee_id"]: line["amount_cents"] for line in lines} == {
        employee(stage.person): 250_00,
        employee(second): 1_250_00,
    }


async def test_a_csv_may_name_employees_by_id(world: World, stage: Stage, desk: Desk) -> None:
    foreign = await world.employee(await world.company())
    programme_id = await desk.programme()
    refused = await send_csv(
        desk, f"employee_id;importo\n{employee(foreign)};10\nemp_1;10\n", programme_id=programme_id
    )
    assert pointers(refused) == [("/rows/3/employee_id", "type_id")]
    refused = await send_csv(desk, f"employee_id;importo\n{employee(foreign)};10\n", programme_id=programme_id)
    assert pointers(refused) == [("/rows/2/employee_id", "unknown_employee")]
    assert await count(world, "credit_grant") == 0
    made = await send_csv(desk, f"employee_id;importo\n{employee(stage.person)};10,50\n", programme_id=programme_id)
    lines = (await desk.get(f"/grants/{made.json()['id']}/lines")).json()["data"]
    assert [(line["employee_id"], line["amount_cents"]) for line in lines] == [(employee(stage.person), 10_50)]


async def test_a_csv_with_mistakes_stores_nothing(world: World, stage: Stage, desk: Desk) -> None:
    await world.execute("UPDATE employee SET external_id = 'A1' WHERE id = :id", id=stage.person.employee_id)
    programme_id = await desk.programme()
    content = "external_id,fiscal_code,amount\nA1,,1.250\nB2,,10\n,XX,10\n,,10\nA1,,0\n"
    refused = await send_csv(desk, content, programme_id=programme_id)
    assert sorted(pointers(refused)) == [
        ("/rows/2/amount", "ambiguous_amount"),
        ("/rows/3/external_id", "unknown_employee"),
        ("/rows/4/fiscal_code", "fiscal_code"),
        ("/rows/5/external_id", "missing"),
        ("/rows/6/amount", "greater_than_equal"),
    ]
    assert refused.json()["code"] == "import_refused"
    twice = await send_csv(desk, "external_id,amount\nA1,10\nA1,20\n", programme_id=programme_id)
    assert pointers(twice) == [("/rows/3/employee_id", "duplicate")]
    assert pointers(await send_csv(desk, "external_id,amount\nA1,10\n")) == [("/query/programme_id", "missing")]
    assert (await send_csv(desk, "", programme_id=programme_id)).status_code == 400
    assert await count(world, "credit_grant") == 0


async def test_bodies_that_are_no_grant(world: World, stage: Stage, desk: Desk) -> None:
    programme_id = await desk.programme()
    url, headers = f"{desk.base}/grants", {**stage.company.headers["hr"], "Idempotency-Key": "k"}
    assert (await desk.client.post(url, headers=headers)).status_code == 400
    xml = {**headers, "Content-Type": "application/xml"}
    assert (await desk.client.post(url, headers=xml, content=b"<a/>")).status_code == 415
    assert (await desk.client.post(url, headers=headers, json=[])).status_code == 422
    without_key = await desk.client.post(
        url, headers=stage.company.headers["hr"], json={"programme_id": programme_id, "each_cents": 1}
    )
    assert (without_key.status_code, without_key.json()["code"]) == (400, "idempotency_key_missing")
    given = {"programme_id": programme_id, "each_cents": 1}
    assert pointers(await desk.post("/grants", given, generality_reason="other")) == [("/query", "extra_forbidden")]
    assert await count(world, "credit_grant") == 0


async def test_a_browsers_form_is_the_file_in_it_and_replays_whatever_its_boundary(
    world: World, stage: Stage, desk: Desk
) -> None:
    programme_id = await desk.programme()
    content = f"employee_id;importo\n{employee(stage.person)};10,50\n".encode()
    headers = {**desk.company.headers["hr"], "Idempotency-Key": "form"}

    async def send(*parts: tuple[str, tuple[str, bytes]], **data: str) -> httpx.Response:
        return await desk.client.post(
            f"{desk.base}/grants", headers=headers, files=parts, data=data, params={"programme_id": programme_id}
        )

    file = ("file", ("people.csv", content))
    for parts in ([("other", ("people.csv", content))], [file, file], [("file", ("people.csv", b""))]):
        refused = await send(*parts)
        assert (refused.status_code, refused.json()["code"]) == (400, "malformed_body")
    assert (await send(file, more="x")).json()["code"] == "malformed_body"
    assert await count(world, "credit_grant") == 0
    first, again = await send(file), await send(file)
    assert (first.status_code, first.json()["total_cents"]) == (201, 10_50)
    assert first.request.headers["content-type"] != again.request.headers["content-type"]
    assert (again.headers["idempotent-replayed"], again.content) == ("true", first.content)
    other = await send(("file", ("people.csv", content + b"\n")))
    assert other.json()["code"] == "idempotency_key_reused"
    assert await count(world, "credit_grant") == 1
