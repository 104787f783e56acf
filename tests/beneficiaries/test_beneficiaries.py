"""A person's relatives."""

from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app import clock, ids
from app.beneficiaries.queries import for_care
from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period
from tests.people import snapshot
from tests.world import Party, Person, World, problem
from tests.world.people import fiscal_code

URL = "/v1/me/beneficiaries"
MOTHER = {"given_name": "Maria", "family_name": "Esempio", "relation": "parent", "birth_date": "1948-03-01"}
FULL = {
    **MOTHER,
    "fiscal_code": fiscal_code(1, date(1948, 3, 1)),
    "phone": "+39 035 111111",
    "address": {"street": "Via Mazzini 2", "postcode": "24021", "istat_code": "016004"},
    "access_notes": "Citofono rotto\nSecondo piano",
    "cohabitation": [{"from": "2026-03-01", "to": "2026-09-30"}, {"from": "2026-11-01", "to": None}],
    "maintained": [{"from": "2020-01-01", "to": None}],
    "dependent_years": [2025, 2026],
    "certificates": [{"kind": "non_self_sufficient", "valid_from": "2024-01-01", "valid_to": None}],
}


@pytest.fixture
async def anna(world: World, company: Party) -> Person:
    return await world.employee(company)


async def add(client: httpx.AsyncClient, anna: Person, **fields: Any) -> dict[str, Any]:
    made = await client.post(URL, json={**MOTHER, **fields}, headers=anna.headers)
    assert made.status_code == 201, made.text
    result: dict[str, Any] = made.json()
    return result


async def test_every_field_comes_back(client: httpx.AsyncClient, world: World, anna: Person) -> None:
    made = await add(client, anna, **FULL)
    assert made == {"id": made["id"], **FULL, "died_on": None, "version": 1}
    got = await client.get(f"{URL}/{made['id']}", headers=anna.headers)
    assert (got.status_code, got.json(), got.headers["etag"]) == (200, made, '"1"')
    row = (await world.execute("SELECT * FROM care.beneficiary WHERE relation = 'parent'"))[0]
    assert FULL["fiscal_code"].encode() not in bytes(row.sealed_fiscal_code)  # type: ignore[attr-defined]
    assert b"Citofono" not in bytes(row.sealed_access_notes)
    assert b"non_self_sufficient" not in bytes(row.sealed_details)
    assert {name for name in row._mapping if not name.startswith("sealed_")} == {
        *("id", "user_id", "relation", "given_name", "family_name", "istat_code", "created_at", "ended_at", "version")
    }
    listed = await client.get(URL, headers=anna.headers)
    assert [one["relation"] for one in listed.json()["data"]] == ["self", "parent"]


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"relation": "self"}, "/relation"),
        ({"relation": "friend"}, "/relation"),
        ({"birth_date": "1990-01-01"}, "/birth_date"),
        ({"relation": "child", "birth_date": "1985-05-01"}, "/birth_date"),
        ({"relation": "grandchild", "birth_date": "1980-01-01"}, "/birth_date"),
        ({"birth_date": "2150-01-01"}, "/birth_date"),
        ({"birth_date": "1948-02-30"}, "/birth_date"),
        ({"fiscal_code": fiscal_code(1, date(1948, 3, 2))}, "/fiscal_code"),
        ({"fiscal_code": "x"}, "/fiscal_code"),
        ({"address": {"street": "Via Roma", "postcode": "24021", "istat_code": "999999"}}, "/address/istat_code"),
        ({"address": {"street": "Via Roma", "postcode": "2402", "istat_code": "016004"}}, "/address/postcode"),
        ({"address": {"street": "Via Roma", "postcode": "24021"}}, "/address/istat_code"),
        ({"phone": "call me"}, "/phone"),
        ({"phone": "+----"}, "/phone"),
        ({"cohabitation": [{"from": "2026-03-02", "to": "2026-03-01"}]}, "/cohabitation/0/to"),
        ({"certificates": [{"kind": "other", "valid_from": "2026-03-02"}]}, "/certificates/0/kind"),
        (
            {"certificates": [{"kind": "non_self_sufficient", "valid_from": "2026-03-02", "valid_to": "2026-03-01"}]},
            "/certificates/0/valid_to",
        ),
        ({"dependent_years": ["2026"]}, "/dependent_years/0"),
        ({"dependent_years": [26]}, "/dependent_years/0"),
        ({"access_notes": "x" * 4001}, "/access_notes"),
        ({"user_id": "x"}, "/?"),
    ],
)
async def test_bad_values_store_nothing(
    client: httpx.AsyncClient, world: World, anna: Person, change: dict[str, Any], pointer: str
) -> None:
    before = await snapshot(world, "care.beneficiary")
    refused = await client.post(URL, json={**MOTHER, **change}, headers=anna.headers)
    assert refused.status_code == 422, refused.text
    assert [error["pointer"] for error in refused.json()["errors"]] == [pointer]
    assert await snapshot(world, "care.beneficiary") == before


async def test_a_birth_date_of_today_is_no_future(client: httpx.AsyncClient, anna: Person) -> None:
    await add(client, anna, relation="child", birth_date=clock.today().isoformat())


async def test_patch_absent_keeps_null_clears_and_counts(client: httpx.AsyncClient, world: World, anna: Person) -> None:
    made = await add(client, anna, **FULL)
    address = f"{URL}/{made['id']}"
    before = await snapshot(world, "care.beneficiary")
    unchanged = await client.patch(address, json=FULL, headers={**anna.headers, "If-Match": '"1"'})
    assert (unchanged.status_code, unchanged.headers["etag"], unchanged.json()) == (200, '"1"', made)
    assert await snapshot(world, "care.beneficiary") == before
    change = {"address": None, "access_notes": None, "fiscal_code": None, "cohabitation": []}
    changed = await client.patch(address, json=change, headers={**anna.headers, "If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()) == (
        200, '"2"', {**made, **change, "version": 2},
    )  # fmt: skip
    same = await client.patch(address, json=change, headers={**anna.headers, "If-Match": '"2"'})
    assert (same.status_code, same.headers["etag"]) == (200, '"2"')
    for refused in (
        {"given_name": None},
        {"died_on": "1948-02-29"},
        {"died_on": "2150-01-01"},
        {"cohabitation": None},
        {"relation": "self"},
        {"birth_date": "1999-01-01"},
    ):
        answer = await client.patch(address, json=refused, headers={**anna.headers, "If-Match": '"2"'})
        assert answer.status_code == 422, answer.text
    assert (await client.get(address, headers=anna.headers)).json() == changed.json()


async def test_self_stays_self(client: httpx.AsyncClient, world: World, anna: Person) -> None:
    await add(client, anna)
    own = f"{URL}/{ids.encode('ben', anna.beneficiary_id)}"
    before = await snapshot(world, "care.beneficiary")
    headers = {**anna.headers, "If-Match": '"1"'}
    other = await client.patch(own, json={"relation": "spouse"}, headers=headers)
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "/relation")
    older = await client.patch(own, json={"birth_date": "1940-01-01"}, headers=headers)
    assert (older.status_code, older.json()["errors"][0]["code"]) == (422, "generation")
    archived = await client.post(f"{own}/archive", headers=anna.headers)
    assert (archived.status_code, archived.json()["state"]) == (409, "self")
    assert await snapshot(world, "care.beneficiary") == before
    moved = await client.patch(own, json={"relation": "self", "phone": "035 123456"}, headers=headers)
    assert (moved.status_code, moved.json()["phone"]) == (200, "035 123456")


@pytest.mark.parametrize(("if_match", "status"), [(None, 428), ('"2"', 412), ("*", 400)])
async def test_patch_needs_the_version_seen(
    client: httpx.AsyncClient, world: World, anna: Person, if_match: str | None, status: int
) -> None:
    made = await add(client, anna)
    before = await snapshot(world, "care.beneficiary")
    headers = anna.headers | ({} if if_match is None else {"If-Match": if_match})
    answer = await client.patch(f"{URL}/{made['id']}", json={"phone": "035 123456"}, headers=headers)
    assert answer.status_code == status
    assert await snapshot(world, "care.beneficiary") == before


async def test_another_person_sees_what_does_not_exist(
    client: httpx.AsyncClient, world: World, company: Party, anna: Person
) -> None:
    bruno = await world.employee(company)
    made = await add(client, anna, given_name="Canary")
    before = await snapshot(world, "care.beneficiary")
    for caller in (bruno.headers, company.headers["hr"]):
        for method, rest in (("GET", ""), ("PATCH", ""), ("POST", "/archive")):
            answers = [
                await client.request(
                    method, f"{URL}/{one}{rest}", json={} if method == "PATCH" else None,
                    headers={**caller, "If-Match": '"1"'},
                )
                for one in (made["id"], ids.encode("ben", uuid4()))
            ]  # fmt: skip
            assert [answer.status_code for answer in answers] == [404, 404]
            assert problem(answers[0]) == problem(answers[1])
    assert await snapshot(world, "care.beneficiary") == before
    listed = await client.get(URL, headers=bruno.headers)
    assert "Canary" not in listed.text
    assert (await client.get(URL)).status_code == 401
    key = await world.api_key(company, ["employees:read", "employees:write"])
    assert (await client.get(URL, headers=key)).status_code == 403


async def test_archived_relatives_disappear(client: httpx.AsyncClient, world: World, anna: Person) -> None:
    made = await add(client, anna)
    archived = await client.post(f"{URL}/{made['id']}/archive", headers=anna.headers)
    assert (archived.status_code, archived.json()) == (200, made)
    assert (await client.get(f"{URL}/{made['id']}", headers=anna.headers)).status_code == 404
    assert (await client.post(f"{URL}/{made['id']}/archive", headers=anna.headers)).status_code == 404
    listed = await client.get(URL, headers=anna.headers)
    assert [one["relation"] for one in listed.json()["data"]] == ["self"]
    assert await world.scalar("SELECT count(*) FROM care.beneficiary") == 2
    written = "SELECT actor_id, action, object_kind, object_id FROM audit_entry WHERE actor_kind = 'user' ORDER BY id"
    acts = await world.execute(written)
    assert acts == [
        (anna.user_id, action, "beneficiary", ids.decode("ben", made["id"]))
        for action in ("beneficiary.create", "beneficiary.archive")
    ]


async def test_facts_for_decisions(client: httpx.AsyncClient, world: World, anna: Person) -> None:
    made = await add(client, anna, **FULL | {"address": None})
    async with world.database.begin() as session:
        found = await for_care(session, anna.user_id, ids.decode("ben", made["id"]))
    assert found.facts == BeneficiaryFacts(
        relation="parent",
        birth_date=date(1948, 3, 1),
        cohabitation=(Period(date(2026, 3, 1), date(2026, 9, 30)), Period(date(2026, 11, 1))),
        maintained=(Period(date(2020, 1, 1)),),
        dependent_years=frozenset({2025, 2026}),
        certificates=(Certificate("non_self_sufficient", Period(date(2024, 1, 1))),),
    )
    assert (found.version, found.istat_code) == (1, "016004")
