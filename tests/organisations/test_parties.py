"""Municipalities, alliances, organisations, memberships and members."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app import ids
from app.actor import Actor
from app.organisations.actions import create_organisation
from app.organisations.schemas import OrganisationCreate
from tests.organisations.people import accept, invitation_token, join, snapshot, without_request_id
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
    assert (await client.get("/v1/alliances")).json() == {"data": [alliance], "next_cursor": None}
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
    before = [await snapshot(world, table) for table in ("network", "alliance", "ledger.account")]
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
    forbidden = await client.post("/v1/operator/networks", json={"name": "X"}, headers=operator.headers["finance"])
    assert forbidden.status_code == 403
    stranger = await client.post("/v1/operator/networks", json={"name": "X"}, headers=lead.headers["coordinator"])
    assert stranger.status_code == 403
    assert [await snapshot(world, table) for table in ("network", "alliance", "ledger.account")] == before


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


async def test_an_organisation_of_kind_company_has_its_account(world: World, operator: Party) -> None:
    data = OrganisationCreate.model_validate({
        "name": "Presolana Progetti", "kinds": ["company", "association"], "tax_code": "IT00743110157",
        "iban": "IT60X0542811101000000123456", "metadata": {"erp": "7"},
        "address": {"street": "Via Roma", "street_number": "1", "postcode": "24021", "town": "Albino"},
    })  # fmt: skip
    async with world.database.begin() as session:
        actor = Actor("user", operator.users["operator"], operator.id, frozenset({"operator"}))
        row = await create_organisation(session, actor, data)
    assert (row.name, row.kinds, row.tax_code, row.country) == (
        "Presolana Progetti", ["company", "association"], "00743110157", "IT",
    )  # fmt: skip
    account = await world.execute(
        "SELECT a.kind, a.owner_id, c.relatives_reading FROM company c JOIN ledger.account a ON a.id = c.account_id"
    )
    assert account == [("company_account", row.id, "strict")]


async def test_organisations_are_read_and_changed(
    client: httpx.AsyncClient, world: World, operator: Party, company: Party
) -> None:
    url, headers = f"/v1/operator/organisations/{company.public_id}", operator.headers["operator"]
    got = await client.get(url, headers=headers)
    address = {"street": "Via Roma", "street_number": "1", "postcode": "24021", "town": "Albino", "country": "IT"}
    assert got.json() == {
        "id": company.public_id,
        "name": "Orobia Stampi",
        "kinds": ["company"],
        "tax_code": got.json()["tax_code"],
        "iban": "IT60X0542811101000000123456",
        "address": address,
        "external_id": None,
        "metadata": {},
        "created_at": "2020-01-01T00:00:00Z",
    }
    change = {"name": "Orobia", "address": None, "metadata": {"erp": "7"}}
    changed = await client.patch(url, json=change, headers={**headers, "If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"], changed.json()) == (200, '"2"', {**got.json(), **change})
    before = await snapshot(world, "organisation")
    for body, if_match, status, code in (
        ({"iban": "IT60X0542811101000000123457"}, '"2"', 422, "invalid"),
        ({"iban": "DE89370400440532013000"}, '"2"', 409, "state_conflict"),
        ({"tax_code": "00743110157"}, '"2"', 422, "invalid"),
        ({"kinds": ["operator"]}, '"2"', 422, "invalid"),
        ({"name": None}, '"2"', 422, "invalid"),
        ({"name": "X"}, '"1"', 412, "precondition_failed"),
        ({"name": "X"}, "*", 400, "malformed_precondition"),
    ):
        answer = await client.patch(url, json=body, headers={**headers, "If-Match": if_match})
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    reader = await client.patch(url, json={}, headers={**operator.headers["finance"], "If-Match": '"2"'})
    assert reader.status_code == 403
    stranger = await client.get(url, headers=company.headers["hr"])
    assert stranger.status_code == 403
    assert await snapshot(world, "organisation") == before
    listed = await client.get("/v1/operator/organisations", headers=operator.headers["finance"])
    assert [one["id"] for one in listed.json()["data"]] == [operator.public_id, company.public_id]
    absent = await client.get(f"/v1/operator/organisations/{ids.encode('org', uuid4())}", headers=headers)
    assert absent.status_code == 404


@pytest.mark.parametrize("prefix", ["/v1/operator/organisations", "/v1/organisations"])
async def test_the_operator_invites_the_first_administrator(
    client: httpx.AsyncClient, world: World, operator: Party, prefix: str
) -> None:
    company = await world.organisation(["company"])
    url = f"{prefix}/{company.public_id}/members"
    for body in ({"email": NEW, "roles": ["manager"]}, {"email": NEW, "roles": []}, {"email": "x", "roles": ["hr"]}):
        refused = await client.post(url, json=body, headers=operator.headers["operator"])
        assert refused.status_code == 422
    body = {"email": NEW, "roles": ["admin", "hr"]}
    assert (await client.post(url, json=body, headers=operator.headers["finance"])).status_code in {403, 404}
    assert await snapshot(world, "invitation") == []
    first = await client.post(
        url, json={"email": "hr@example.com", "roles": ["hr"]}, headers=operator.headers["operator"]
    )
    assert first.status_code == 201
    await join(client, world, "hr@example.com")
    keys = await client.get(f"/v1/organisations/{company.public_id}/api_keys", headers=operator.headers["operator"])
    assert keys.status_code == 403
    invited = await client.post(url, json=body, headers=operator.headers["operator"])
    assert (invited.status_code, invited.json()) == (201, body)
    headers = await join(client, world, NEW)
    me = await client.get("/v1/me", headers=headers)
    assert [one["roles"] for one in me.json()["memberships"]] == [["admin", "hr"]]
    again = await client.post(url, json={**body, "email": "third@example.com"}, headers=operator.headers["operator"])
    assert (again.status_code, again.json()["code"]) == (403, "forbidden")


async def test_the_operator_appoints_nobody_where_others_work(
    client: httpx.AsyncClient, world: World, operator: Party
) -> None:
    """Not herself as a provider's manager, as anybody's HR, nor a second login of hers as the operator's finance."""
    email = await world.scalar("SELECT email FROM user_account WHERE id = :id", id=operator.users["operator"])
    provider, company = await world.provider(), await world.company()
    for party, role in ((provider, "manager"), (company, "hr"), (operator, "finance")):
        url = f"/v1/operator/organisations/{party.public_id}/members"
        answer = await client.post(url, json={"email": email, "roles": [role]}, headers=operator.headers["operator"])
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert await snapshot(world, "invitation") == []
    assert await snapshot(world, "outgoing_mail") == []


@pytest.fixture
async def provider(world: World) -> Party:
    return await world.provider("Cooperativa Serio")


async def test_members_come_and_go(client: httpx.AsyncClient, world: World, provider: Party) -> None:
    url, manager = f"/v1/organisations/{provider.public_id}/members", provider.headers["manager"]
    invited = await client.post(url, json={"email": NEW, "roles": ["staff"]}, headers=manager)
    assert (invited.status_code, invited.json()) == (201, {"email": NEW, "roles": ["staff"]})
    new = await join(client, world, NEW)
    bookings = f"/v1/organisations/{provider.public_id}/members"
    assert (await client.get(bookings, headers=new)).status_code == 403
    listed = (await client.get(url, headers=manager)).json()["data"]
    assert [(one["role"], one["email"]) for one in listed][-1] == ("staff", NEW)
    ended = await client.post(f"{url}/{listed[-1]['id']}/end", headers=manager)
    assert (ended.status_code, ended.json()) == (200, listed[-1])
    assert (await client.get(bookings, headers=new)).status_code == 404
    again = await client.post(f"{url}/{listed[-1]['id']}/end", headers=manager)
    assert again.status_code == 404


async def test_the_last_administrator_stays(client: httpx.AsyncClient, world: World, provider: Party) -> None:
    url, manager = f"/v1/organisations/{provider.public_id}/members", provider.headers["manager"]
    own = next(one for one in (await client.get(url, headers=manager)).json()["data"] if one["role"] == "manager")
    before = await snapshot(world, "membership")
    refused = await client.post(f"{url}/{own['id']}/end", headers=manager)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    assert await snapshot(world, "membership") == before
    other, _ = await world.login("second@example.com")
    await world.membership(other, provider.id, "manager")
    assert (await client.post(f"{url}/{own['id']}/end", headers=manager)).status_code == 200
    assert (await client.get(url, headers=manager)).status_code == 404


async def test_only_administrators_give_more_than_they_have(client: httpx.AsyncClient, world: World) -> None:
    party = await world.organisation(["provider", "company"], ("manager", "hr", "admin"))
    url = f"/v1/organisations/{party.public_id}/members"
    for caller, roles, status in (
        ("manager", ["hr"], 403),
        ("manager", ["staff", "payroll"], 403),
        ("manager", ["admin"], 403),
        ("manager", ["operator"], 422),
        ("hr", ["hr"], 403),
        ("manager", ["staff"], 201),
        ("admin", ["hr"], 201),
    ):
        answer = await client.post(url, json={"email": NEW, "roles": roles}, headers=party.headers[caller])
        assert answer.status_code == status, (caller, roles, answer.text)
    listed = (await client.get(url, headers=party.headers["admin"])).json()["data"]
    hr = next(one for one in listed if one["role"] == "hr")
    before = await snapshot(world, "membership")
    admin = next(one for one in listed if one["role"] == "admin")
    for role in (hr, admin):
        assert (await client.post(f"{url}/{role['id']}/end", headers=party.headers["manager"])).status_code == 403
    assert await snapshot(world, "membership") == before
    assert (await client.post(f"{url}/{hr['id']}/end", headers=party.headers["admin"])).status_code == 200


async def test_hr_does_not_appoint_itself_to_care(client: httpx.AsyncClient, world: World) -> None:
    """A nursing home employs people too: its HR, administrators as a rule, must not read who was cared for."""
    home = await world.organisation(["company", "provider"], ("hr", "manager"))
    await world.membership(home.users["hr"], home.id, "admin")
    url, headers = f"/v1/organisations/{home.public_id}/members", home.headers["hr"]
    email = await world.scalar("SELECT email FROM user_account WHERE id = :id", id=home.users["hr"])
    for role in ("manager", "staff"):
        invited = await client.post(url, json={"email": email, "roles": [role]}, headers=headers)
        assert invited.status_code == 201, invited.text
        before = await snapshot(world, "membership")
        with pytest.raises(IntegrityError, match="membership_hr_apart_from_care"):
            await world.membership(home.users["hr"], home.id, role)
        assert await snapshot(world, "membership") == before
    bookings = f"/v1/providers/{home.public_id}/bookings"
    assert (await client.get(bookings, headers=headers)).status_code == 403
    with pytest.raises(IntegrityError, match="membership_hr_apart_from_care"):
        await world.membership(home.users["manager"], home.id, "payroll")
    ended = "UPDATE membership SET ended_at = :at WHERE user_id = :user"
    await world.execute(ended, at=NOW, user=home.users["manager"])
    await world.membership(home.users["manager"], home.id, "payroll")


async def test_an_invitation_to_both_sides_is_refused_whole(client: httpx.AsyncClient, world: World) -> None:
    home = await world.organisation(["company", "provider"], ("admin",))
    url = f"/v1/organisations/{home.public_id}/members"
    body = {"email": NEW, "roles": ["hr", "manager"]}
    assert (await client.post(url, json=body, headers=home.headers["admin"])).status_code == 201
    token = await invitation_token(world, NEW)
    before = await snapshot(world, "membership")
    accepted = await accept(client, token)
    assert (accepted.status_code, accepted.json()["code"]) == (409, "conflict")
    assert await snapshot(world, "membership") == before
    assert await world.execute("SELECT 1 FROM user_account WHERE email = :email", email=NEW) == []


async def test_members_of_others_do_not_exist(client: httpx.AsyncClient, world: World, provider: Party) -> None:
    other = await world.provider()
    url = f"/v1/organisations/{provider.public_id}/members"
    theirs = await world.scalar("SELECT id FROM membership WHERE organisation_id = :id AND role = 'staff'", id=other.id)
    before = await snapshot(world, "membership")
    answers = [
        await client.post(f"{url}/{ids.encode('mem', one)}/end", headers=provider.headers["manager"])
        for one in (theirs, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert without_request_id(answers[0]) == without_request_id(answers[1])
    for party in (other.public_id, ids.encode("org", uuid4())):
        answer = await client.get(f"/v1/organisations/{party}/members", headers=provider.headers["manager"])
        assert answer.status_code == 404
    assert await snapshot(world, "membership") == before
