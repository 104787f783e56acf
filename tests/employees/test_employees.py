"""HR's routes over employments."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app import ids
from tests.people import employees_url, hire, snapshot
from tests.world import Party, World, problem
from tests.world.given import EMPLOYEE
from tests.world.people import fiscal_code

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


async def test_create_read_list(client: httpx.AsyncClient, world: World, company: Party) -> None:
    made = await client.post(
        employees_url(company), json={**EMPLOYEE, "external_id": "=1+1"}, headers=company.headers["hr"]
    )
    assert made.status_code == 201, made.text
    assert made.json() == {
        "id": made.json()["id"],
        "status": "not_invited",
        "email": None,
        **EMPLOYEE,
        "external_id": "=1+1",
        "ended_on": None,
        "contract": "permanent",
        "contract_ends_on": None,
        "probation_ends_on": None,
        "unpaid_leave": [],
        "agreement_code": None,
        "version": 1,
    }
    assert made.headers["etag"] == '"1"'
    for role in ("hr", "hr_approver", "payroll"):
        got = await client.get(employees_url(company, f"/{made.json()['id']}"), headers=company.headers[role])
        assert (got.status_code, got.json(), got.headers["etag"]) == (200, made.json(), '"1"')
    sealed = await world.scalar("SELECT sealed_fiscal_code FROM employee WHERE external_id = '=1+1'")
    assert EMPLOYEE["fiscal_code"].encode() not in bytes(sealed)
    listed = await client.get(employees_url(company), headers=company.headers["hr"])
    assert listed.json() == {"data": [made.json()], "next_cursor": None, "prev_cursor": None, "total": None}
    acts = await world.execute("SELECT actor_id, action FROM audit_entry WHERE object_kind = 'employee' ORDER BY id")
    reads = [(company.users[role], "employee.read") for role in ("hr", "hr_approver", "payroll")]
    assert acts == [(company.users["hr"], "employee.create"), *reads]


async def test_every_field_comes_back(client: httpx.AsyncClient, company: Party) -> None:
    full = {
        **EMPLOYEE,
        "fiscal_code": " rccmnl83s18d969h ",
        "contract": "fixed_term",
        "contract_ends_on": "2027-12-31",
        "probation_ends_on": "2020-07-15",
        "ended_on": "2028-01-01",
        "unpaid_leave": [{"from": "2026-06-01", "to": "2026-12-31"}],
        "agreement_code": "C011",
        "email": "Anna@Example.com",
    }
    made = await hire(client, company, **full)
    assert made == {
        **full,
        "id": made["id"],
        "fiscal_code": EMPLOYEE["fiscal_code"],
        "email": "anna@example.com",
        "status": "invited",
        "external_id": None,
        "version": 1,
    }


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"given_name": None}, "/given_name"),
        ({"given_name": "  "}, "/given_name"),
        ({"given_name": "a\u0007b"}, "/given_name"),
        ({"given_name": "x" * 201}, "/given_name"),
        ({"fiscal_code": "RCCMNL83S18D969A"}, "/fiscal_code"),
        ({"fiscal_code": "00743110157"}, "/fiscal_code"),
        ({"category": ""}, "/category"),
        ({"hired_on": "2026-02-30"}, "/hired_on"),
        ({"hired_on": "0001-01-01"}, "/hired_on"),
        ({"hired_on": "9999-12-31"}, "/hired_on"),
        ({"hired_on": 1700000000}, "/hired_on"),
        ({"ended_on": "2020-01-14"}, "/ended_on"),
        ({"contract": "forever"}, "/contract"),
        ({"contract": "fixed_term", "contract_ends_on": "2019-12-31"}, "/contract_ends_on"),
        ({"probation_ends_on": "2019-12-31"}, "/probation_ends_on"),
        ({"unpaid_leave": [{"from": "2026-06-02", "to": "2026-06-01"}]}, "/unpaid_leave"),
        ({"unpaid_leave": [{"from": "2026-06-02"}]}, "/unpaid_leave/0/to"),
        ({"email": "nobody"}, "/email"),
        ({"user_id": "usr_01h455vb4pex5vsknk084sn02q"}, "/?"),
    ],
)
async def test_bad_values_store_nothing(
    client: httpx.AsyncClient, world: World, company: Party, change: dict[str, Any], pointer: str
) -> None:
    refused = await client.post(employees_url(company), json={**EMPLOYEE, **change}, headers=company.headers["hr"])
    assert refused.status_code == 422, refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert await snapshot(world) == []
    assert await snapshot(world, "outgoing_mail") == []


async def test_duplicates_are_conflicts(client: httpx.AsyncClient, world: World, company: Party) -> None:
    await hire(client, company, external_id="7")
    before = await snapshot(world)
    same_person = await client.post(
        employees_url(company), json={**EMPLOYEE, "hired_on": "2026-01-01"}, headers=company.headers["hr"]
    )
    assert (same_person.status_code, same_person.json()["code"]) == (409, "employee_exists")
    same_number = await client.post(
        employees_url(company),
        json={**EMPLOYEE, "fiscal_code": fiscal_code(1), "external_id": "7"},
        headers=company.headers["hr"],
    )
    assert (same_number.status_code, same_number.json()["code"]) == (409, "external_id_taken")
    assert await snapshot(world) == before


async def test_somebody_may_be_hired_again_and_elsewhere(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    await hire(client, company, ended_on="2025-06-30")
    await hire(client, company, hired_on="2026-09-01")
    await hire(client, await world.company("Seriana Moto"))
    assert len(await snapshot(world)) == 3


async def test_other_roles_read_but_do_not_write(client: httpx.AsyncClient, world: World, company: Party) -> None:
    employee = await hire(client, company)
    before = await snapshot(world)
    for role in ("hr_approver", "payroll"):
        headers = {**company.headers[role], "If-Match": '"1"'}
        answers = [
            await client.post(
                employees_url(company), json={**EMPLOYEE, "fiscal_code": fiscal_code(2)}, headers=headers
            ),
            await client.patch(employees_url(company, f"/{employee['id']}"), json={"category": "x"}, headers=headers),
            await client.post(employees_url(company, f"/{employee['id']}/invite"), headers=headers),
            await client.post(
                employees_url(company, "/import"), content=b"x", headers={**headers, "Content-Type": "text/csv"}
            ),
        ]
        assert [answer.status_code for answer in answers] == [403] * 4
    assert await snapshot(world) == before


async def test_another_company_sees_what_does_not_exist(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    other = await world.company("Canary Srl")
    theirs = await hire(client, other, family_name="Canary", email="canary@example.com")
    absent = ids.encode("emp", uuid4())
    before = await snapshot(world)
    headers = {**company.headers["hr"], "If-Match": '"1"'}
    for method, rest in (("GET", ""), ("PATCH", ""), ("POST", "/invite")):
        body = {"category": "x"} if method == "PATCH" else None
        answers = [
            await client.request(method, employees_url(company, f"/{one}{rest}"), json=body, headers=headers)
            for one in (theirs["id"], absent)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert problem(answers[0]) == problem(answers[1])
    for party in (other.public_id, ids.encode("org", uuid4())):
        answer = await client.get(f"/v1/companies/{party}/employees", headers=company.headers["hr"])
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    listed = await client.get(employees_url(company), headers=company.headers["hr"])
    assert listed.json()["data"] == []
    assert await snapshot(world) == before


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("nonsense", (422, "invalid")),
        ("usr_01h455vb4pex5vsknk084sn02q", (404, "not_found")),
        ("urn:uuid:x", (422, "invalid")),
        ("%00", (404, "not_found")),
        ("emp_8zzz", (422, "invalid")),
    ],
)
async def test_strange_ids(client: httpx.AsyncClient, company: Party, given: str, expected: tuple[int, str]) -> None:
    answer = await client.get(employees_url(company, f"/{given}"), headers=company.headers["hr"])
    assert (answer.status_code, answer.json()["code"]) == expected
    assert given not in answer.text


async def test_patch_absent_keeps_null_clears(client: httpx.AsyncClient, company: Party) -> None:
    employee = await hire(client, company, external_id="7", agreement_code="C011")
    address, headers = employees_url(company, f"/{employee['id']}"), company.headers["hr"]
    changed = await client.patch(
        address, json={"category": "quadri", "agreement_code": None}, headers={**headers, "If-Match": '"1"'}
    )
    assert changed.json() == {**employee, "category": "quadri", "agreement_code": None, "version": 2}
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    same = await client.patch(address, json={"category": "quadri"}, headers={**headers, "If-Match": '"2"'})
    assert (same.status_code, same.headers["etag"]) == (200, '"2"')
    refused = await client.patch(address, json={"category": None}, headers={**headers, "If-Match": '"2"'})
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 428, "precondition_required"),
        ('"2"', 412, "precondition_failed"),
        ("*", 400, "malformed_precondition"),
        ("1", 400, "malformed_precondition"),
        ('W/"1"', 400, "malformed_precondition"),
    ],
)
async def test_patch_needs_the_version_seen(
    client: httpx.AsyncClient, world: World, company: Party, if_match: str | None, status: int, code: str
) -> None:
    employee = await hire(client, company)
    before = await snapshot(world)
    headers = company.headers["hr"] | ({} if if_match is None else {"If-Match": if_match})
    answer = await client.patch(employees_url(company, f"/{employee['id']}"), json={"category": "x"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await snapshot(world) == before


async def test_patch_keeps_dates_in_order(client: httpx.AsyncClient, world: World, company: Party) -> None:
    employee = await hire(client, company)
    before = await snapshot(world)
    for change in ({"ended_on": "2019-01-01"}, {"contract_ends_on": "2019-01-01"}, {"nonsense": 1}):
        refused = await client.patch(
            employees_url(company, f"/{employee['id']}"),
            json=change,
            headers={**company.headers["hr"], "If-Match": '"1"'},
        )
        assert refused.status_code == 422
    assert await snapshot(world) == before


async def test_filters_and_pages(client: httpx.AsyncClient, world: World, company: Party) -> None:
    made = [
        await hire(
            client, company, fiscal_code=fiscal_code(number), external_id=str(number),
            category="operai" if number % 2 else "impiegati", email=f"e{number}@example.com" if number == 4 else None,
        )
        for number in range(5)
    ]  # fmt: skip
    active = await world.employee(company, category="quadri")
    headers, address = company.headers["hr"], employees_url(company)

    async def listed(**query: Any) -> list[str]:
        answer = await client.get(address, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    all_ids = [one["id"] for one in made]
    assert await listed(external_id="3") == [all_ids[3]]
    assert await listed(category="operai") == [all_ids[1], all_ids[3]]
    assert await listed(status="invited") == [all_ids[4]]
    assert await listed(status="active") == [ids.encode("emp", active.employee_id)]
    assert await listed(status="not_invited") == all_ids[:4]
    first = await client.get(address, params={"limit": 4}, headers=headers)
    cursor = first.json()["next_cursor"]
    second = await client.get(address, params={"limit": 4, "cursor": cursor}, headers=headers)
    assert [one["id"] for page in (first, second) for one in page.json()["data"]] == [
        *all_ids, ids.encode("emp", active.employee_id),
    ]  # fmt: skip
    assert second.json()["next_cursor"] is None
    foreign = await client.get(address, params={"limit": 4, "cursor": cursor}, headers=company.headers["payroll"])
    assert (foreign.status_code, foreign.json()["code"]) == (400, "bad_cursor")
    for query in ({"limit": "0"}, {"limit": "1000000000"}, {"status": "x"}, {"unknown": "1"}):
        assert (await client.get(address, params=query, headers=headers)).status_code == 422


async def test_api_keys_need_the_scope(client: httpx.AsyncClient, world: World, company: Party) -> None:
    reader, writer = [await world.api_key(company, [f"employees:{verb}"]) for verb in ("read", "write")]
    assert (await client.post(employees_url(company), json=EMPLOYEE, headers=reader)).status_code == 403
    assert await snapshot(world) == []
    assert (await client.post(employees_url(company), json=EMPLOYEE, headers=writer)).status_code == 201
    assert (await client.get(employees_url(company), headers=reader)).status_code == 200
    assert (await client.get(employees_url(company))).status_code == 401


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM care.beneficiary",
        "SELECT 1 FROM user_account",
        "SELECT 1 FROM session_token",
        "SELECT token_hash FROM invitation",
        "SELECT sealed_activation_code FROM invitation",
        "SELECT text FROM outgoing_mail",
        "UPDATE employee SET user_id = NULL",
        "DELETE FROM employee",
    ],
)
async def test_the_database_role_of_company_routes_reaches_no_care_and_no_login(world: World, statement: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import ProgrammingError

    async with world.database.begin("beatrice_hr") as session:
        with pytest.raises(ProgrammingError, match="permission denied"):
            await session.execute(text(statement))
        await session.rollback()


async def test_people_are_found_by_words_leaving_and_change(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    anna = await hire(client, company, fiscal_code=fiscal_code(1), given_name="Anna", family_name="Rossi 50%_x",
                      external_id="A-17", email="anna.r@example.com")  # fmt: skip
    bruno = await hire(client, company, fiscal_code=fiscal_code(2), given_name="Bruno", family_name="Bianchi",
                       hired_on="2020-01-01", ended_on="2020-02-01")  # fmt: skip
    headers, address = company.headers["hr"], employees_url(company)

    async def listed(**query: Any) -> list[str]:
        answer = await client.get(address, params=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    for words in ("rossi", "ANNA R", "Rossi 50%_x An", "a-17", "anna.r@", fiscal_code(1).lower()):
        assert (words, await listed(q=words)) == (words, [anna["id"]])
    for words in ("ros%", "_", "verdi", fiscal_code(3)):
        assert (words, await listed(q=words)) == (words, [anna["id"]] if words == "_" else [])
    assert await listed(has_left="true") == [bruno["id"]]
    assert await listed(has_left="false") == [anna["id"]]
    assert await listed(order="family_name") == [bruno["id"], anna["id"]]
    assert await listed(status=["invited", "active"]) == [anna["id"]]
    await world.set_now(NOON)
    assert await listed(updated_since="2030-01-01T12:00:00Z") == []
    changed = await client.patch(
        employees_url(company, f"/{bruno['id']}"), json={"category": "quadri"}, headers={**headers, "If-Match": '"1"'}
    )
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    assert await listed(updated_since="2030-01-01T12:00:00Z") == [bruno["id"]]


async def test_what_is_downloaded_can_be_brought_back(client: httpx.AsyncClient, world: World, company: Party) -> None:
    await hire(client, company, external_id="=1+1", ended_on="2025-06-30", fiscal_code=fiscal_code(1))
    await hire(client, company, given_name="Zoe", category="impiegati", email="zoe@example.com")
    before = await snapshot(world)
    file = await client.get(employees_url(company, ".csv"), params={"leavers": True}, headers=company.headers["hr"])
    lines = file.text.split("\r\n")
    assert lines[0].startswith("external_id,given_name,family_name,fiscal_code,category,hired_on,ended_on")
    assert [line.split(",")[0] for line in lines[1:]] == ["'=1+1", "", ""]
    assert file.headers["content-disposition"] == 'attachment; filename="employees.csv"'
    back = await client.post(
        employees_url(company, "/import"),
        content=file.content,
        headers={**company.headers["hr"], "Content-Type": "text/csv"},
    )
    assert back.json() == {"created": 0, "updated": 0, "unchanged": 2, "errors": []}
    assert await snapshot(world) == before
    excel = await client.get(employees_url(company, ".csv"), params={"format": "excel"}, headers=company.headers["hr"])
    assert excel.text == "\N{BYTE ORDER MARK}" + "\r\n".join([lines[0], lines[2], ""]).replace(",", ";")
    working = await client.get(employees_url(company, ".csv"), headers=company.headers["hr"])
    assert working.text.split("\r\n")[1:] == [lines[2], ""]
    told = await world.execute("SELECT action FROM audit_entry WHERE action LIKE 'employee.download'")
    assert len(told) == 3


async def test_categories_are_counted_by_who_works_today(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    await world.set_now(NOON)
    for number, more in enumerate(
        ({}, {"category": "impiegati"}, {}, {"ended_on": "2029-12-31"}, {"hired_on": "2030-01-02"})
    ):
        await hire(client, company, fiscal_code=fiscal_code(number), **more)
    url = f"/v1/companies/{company.public_id}/employee_categories"
    listed = (await client.get(url, headers=company.headers["hr"])).json()["data"]
    assert listed == [
        {"category": "impiegati", "employee_count": 1},
        {"category": EMPLOYEE["category"], "employee_count": 2},
    ]


async def test_downloads_and_counts_are_of_ones_own_company(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    other = await world.company()
    await hire(client, other, external_id="THEIRS", category="segreta")
    await hire(client, company, external_id="OURS", fiscal_code=fiscal_code(1))
    hr = company.headers["hr"]
    file = await client.get(employees_url(company, ".csv"), headers=hr)
    assert ("OURS" in file.text, "THEIRS" in file.text) == (True, False)
    counted = await client.get(f"/v1/companies/{company.public_id}/employee_categories", headers=hr)
    assert [row["category"] for row in counted.json()["data"]] == [EMPLOYEE["category"]]
    for path in (employees_url(other, ".csv"), f"/v1/companies/{other.public_id}/employee_categories"):
        refused = await client.get(path, headers=hr)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("named", "pointer", "code"),
    [
        ([], "/employee_ids", "too_short"),
        ([ids.encode("emp", ids.new_id()) for _ in range(501)], "/employee_ids", "too_long"),
        (["org_01h455vb4pex5vsknk084sn02q"], "/employee_ids/0", "type_id_prefix"),
        (["emp_x"], "/employee_ids/0", "type_id"),
        ("emp_01h455vb4pex5vsknk084sn02q", "/employee_ids", "list_type"),
    ],
    ids=["nobody", "too many", "a company", "no id", "no list"],
)
async def test_an_order_of_invitations_names_one_to_five_hundred_employees(
    client: httpx.AsyncClient, world: World, company: Party, named: object, pointer: str, code: str
) -> None:
    refused = await client.post(
        employees_url(company, "/invite"), json={"employee_ids": named}, headers=company.headers["hr"]
    )
    assert (refused.status_code, problem(refused)["errors"][0]["pointer"]) == (422, pointer)
    assert problem(refused)["errors"][0]["code"] == code
    assert await snapshot(world, "outgoing_mail") == []
