"""Municipalities, networks, alliances and who belongs to them."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx

from app import ids
from tests.people import snapshot
from tests.world import Party, World

NEW = "nuova@example.com"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def names(client: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await client.get("/v1/municipalities", params=query)
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["data"]]


async def test_municipalities_are_found_without_accents(client: httpx.AsyncClient) -> None:
    found = await client.get("/v1/municipalities", params={"q": "albino"})
    assert found.json()["data"][0] == {"istat_code": "016004", "name": "Albino", "province": "BG"}
    assert "Almè" in await names(client, q="ALME")
    assert (await names(client, q="clus"))[0] == "Clusone"
    assert await names(client, q="sant\N{RIGHT SINGLE QUOTATION MARK}omobono") == ["Sant'Omobono Terme"]
    assert await names(client, q="%") == []
    assert await names(client, q="_") == []
    assert await names(client, q="日本") == []
    assert len(await names(client)) == 25
    for query in ({"q": ""}, {"q": "x" * 101}, {"p": "x"}):
        assert (await client.get("/v1/municipalities", params=query)).status_code == 422
    assert (await client.get("/v1/municipalities?q=a&q=b")).status_code == 400


async def test_municipalities_page_without_gaps(client: httpx.AsyncClient, world: World) -> None:
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"q": "monte", "limit": "50"} | ({"cursor": cursor} if cursor else {})
        page = (await client.get("/v1/municipalities", params=query)).json()
        seen += [one["istat_code"] for one in page["data"]]
        cursor = page["next_cursor"]
    expected = await world.execute(
        "SELECT istat_code FROM municipality WHERE sort_key LIKE '%monte%'"
        " ORDER BY sort_key NOT LIKE 'monte%', sort_key, istat_code"
    )
    assert seen == [row[0] for row in expected]


async def alliance_of(world: World, client: httpx.AsyncClient, operator: Party) -> tuple[dict[str, Any], Party]:
    lead = await world.organisation(["municipality"], ("coordinator", "care_manager"), name="Ambito di Albino")
    headers = operator.headers["operator"]
    network = await client.post("/v1/operator/networks", json={"name": "ATS Bergamo"}, headers=headers)
    assert network.status_code == 201, network.text
    body = {
        "network_id": network.json()["id"],
        "name": "Valle Seriana",
        "lead_organisation_id": lead.public_id,
        "municipalities": ["016077", "016004"],
    }
    made = await client.post("/v1/operator/alliances", json=body, headers=headers)
    assert made.status_code == 201, made.text
    return made.json(), lead


async def test_networks_and_alliances(client: httpx.AsyncClient, world: World, operator: Party) -> None:
    alliance, lead = await alliance_of(world, client, operator)
    network_id = alliance["network_id"]
    assert alliance == {
        "id": alliance["id"],
        "name": "Valle Seriana",
        "network_id": network_id,
        "network_name": "ATS Bergamo",
        "lead_organisation_name": "Ambito di Albino",
        "municipalities": ["016004", "016077"],
    }
    assert (await client.get("/v1/alliances")).json() == {
        "data": [alliance],
        "next_cursor": None,
        "prev_cursor": None,
        "total": None,
    }
    headers = operator.headers["operator"]
    one = await client.get(f"/v1/operator/alliances/{alliance['id']}", headers=headers)
    assert one.json() == alliance
    assert (await client.get("/v1/operator/alliances", headers=headers)).json()["data"] == [alliance]
    listed = await client.get("/v1/operator/networks", headers=headers)
    assert [(row["id"], row["name"]) for row in listed.json()["data"]] == [(network_id, "ATS Bergamo")]
    fund = await world.scalar(
        "SELECT a.kind FROM ledger.account a JOIN alliance ON alliance.solidarity_account_id = a.id"
    )
    assert fund == "solidarity_fund"
    written = "SELECT actor_id, action, object_kind, object_id FROM audit_entry WHERE actor_kind = 'user' ORDER BY id"
    acts = await world.execute(written)
    assert acts == [
        (operator.users["operator"], "network.create", "network", ids.decode("net", network_id)),
        (operator.users["operator"], "alliance.create", "alliance", ids.decode("all", alliance["id"])),
    ]
    tables = ("network", "alliance", "ledger.account", "audit_entry")
    before = [await snapshot(world, table) for table in tables]
    taken = await client.post("/v1/operator/networks", json={"name": "ATS Bergamo"}, headers=headers)
    assert (taken.status_code, taken.json()["code"]) == (409, "name_taken")
    body = {
        "network_id": network_id, "name": "Valle Seriana", "lead_organisation_id": lead.public_id,
        "municipalities": ["016004"],
    }  # fmt: skip
    again = await client.post("/v1/operator/alliances", json=body, headers=headers)
    assert (again.status_code, again.json()["code"]) == (409, "name_taken")
    strange = body | {
        "network_id": ids.encode("net", uuid4()), "lead_organisation_id": ids.encode("org", uuid4()),
        "municipalities": ["016004", "999999"],
    }  # fmt: skip
    refused = await client.post("/v1/operator/alliances", json=strange, headers=headers)
    assert [error["pointer"] for error in refused.json()["errors"]] == [
        "/network_id", "/lead_organisation_id", "/municipalities/1",
    ]  # fmt: skip
    assert [await snapshot(world, table) for table in tables] == before
    forbidden = await client.post("/v1/operator/networks", json={"name": "X"}, headers=operator.headers["finance"])
    assert forbidden.status_code == 403
    stranger = await client.post("/v1/operator/networks", json={"name": "X"}, headers=lead.headers["coordinator"])
    assert stranger.status_code == 403
    assert [await snapshot(world, table) for table in tables[:3]] == before[:3]
    told = await world.execute("SELECT action, refusal FROM audit_entry WHERE refusal IS NOT NULL")
    assert told == [("network.create.refused", "forbidden")] * 2


async def test_memberships_of_an_alliance(
    client: httpx.AsyncClient, world: World, operator: Party, company: Party
) -> None:
    alliance, lead = await alliance_of(world, client, operator)
    url, headers = f"/v1/alliances/{alliance['id']}/memberships", lead.headers["coordinator"]
    listed = (await client.get(url, headers=headers)).json()["data"]
    assert [(one["organisation_id"], one["role"]) for one in listed] == [(lead.public_id, "lead")]
    made = await client.post(url, json={"organisation_id": company.public_id, "role": "company"}, headers=headers)
    assert (made.status_code, made.json()["organisation_name"], made.json()["ended_on"]) == (
        201, "Orobia Stampi", None,
    )  # fmt: skip
    before = await snapshot(world, "alliance_membership")
    for body, caller, status, code in (
        ({"organisation_id": company.public_id, "role": "company"}, headers, 409, "already_member"),
        ({"organisation_id": company.public_id, "role": "provider"}, headers, 422, "invalid"),
        ({"organisation_id": company.public_id, "role": "lead"}, headers, 422, "invalid"),
        ({"organisation_id": ids.encode("org", uuid4()), "role": "partner"}, headers, 422, "invalid"),
        ({"organisation_id": company.public_id, "role": "partner"}, lead.headers["care_manager"], 403, "forbidden"),
        ({"organisation_id": company.public_id, "role": "partner"}, company.headers["hr"], 404, "not_found"),
    ):
        answer = await client.post(url, json=body, headers=caller)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    lead_end = await client.post(f"{url}/{listed[0]['id']}/end", headers=headers)
    assert (lead_end.status_code, lead_end.json()["state"]) == (409, "lead")
    assert await snapshot(world, "alliance_membership") == before
    ended = await client.post(f"{url}/{made.json()['id']}/end", headers=headers)
    joined = date.fromisoformat(made.json()["joined_on"])
    assert (ended.status_code, date.fromisoformat(ended.json()["ended_on"]).toordinal()) == (
        200, joined.toordinal() + 1,
    )  # fmt: skip
    again = await client.post(f"{url}/{made.json()['id']}/end", headers=headers)
    assert (again.status_code, again.json()["state"]) == (409, "ended")
    absent = await client.post(f"{url}/{ids.encode('mem', uuid4())}/end", headers=headers)
    assert absent.status_code == 404
    acts = await world.execute(
        "SELECT actor_id, organisation_id, action, object_id FROM audit_entry"
        " WHERE object_kind = 'alliance_membership' ORDER BY id"
    )
    by, membership_id = (lead.users["coordinator"], lead.id), ids.decode("mem", made.json()["id"])
    assert acts == [
        (*by, "alliance_membership.create", membership_id),
        (*by, "alliance_membership.end", membership_id),
    ]
