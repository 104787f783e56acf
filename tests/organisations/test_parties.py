"""Organisations and their members."""

from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app import ids
from app.actor import Actor
from app.organisations.onboarding import create_organisation
from app.organisations.schemas import OrganisationCreate
from tests.people import accept, join, mailed_token, snapshot
from tests.world import Party, World, problem

NEW = "nuova@example.com"
NOW = datetime(2026, 11, 23, tzinfo=UTC)


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
        "iban_status": "in_force",
        "address": address,
        "external_id": None,
        "metadata": {},
        "version": 1,
        "created_at": "2020-01-01T00:00:00Z",
    }
    change = {"name": "Orobia", "address": None, "metadata": {"erp": "7"}}
    changed = await client.patch(url, json=change, headers={**headers, "If-Match": '"1"'})
    assert (changed.status_code, changed.headers["etag"]) == (200, '"2"')
    assert changed.json() == {**got.json(), **change, "version": 2}
    before = await snapshot(world, "organisation")
    for body, if_match, status, code in (
        ({"iban": "IT60X0542811101000000123457"}, '"2"', 422, "invalid"),
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
    unable = await client.post(url, json=body, headers=operator.headers["finance"])
    expected = (403, "forbidden") if "/operator/" in prefix else (404, "not_found")
    assert (unable.status_code, unable.json()["code"]) == expected
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
    before = await snapshot(world, "role_grant")
    refused = await client.post(f"{url}/{own['id']}/end", headers=manager)
    assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")
    assert await snapshot(world, "role_grant") == before
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
    before = await snapshot(world, "role_grant")
    admin = next(one for one in listed if one["role"] == "admin")
    for role in (hr, admin):
        assert (await client.post(f"{url}/{role['id']}/end", headers=party.headers["manager"])).status_code == 403
    assert await snapshot(world, "role_grant") == before
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
        before = await snapshot(world, "role_grant")
        with pytest.raises(IntegrityError, match="role_grant_hr_apart_from_care"):
            await world.membership(home.users["hr"], home.id, role)
        assert await snapshot(world, "role_grant") == before
    bookings = f"/v1/providers/{home.public_id}/bookings"
    assert (await client.get(bookings, headers=headers)).status_code == 403
    with pytest.raises(IntegrityError, match="role_grant_hr_apart_from_care"):
        await world.membership(home.users["manager"], home.id, "payroll")
    ended = "UPDATE role_grant SET until_at = from_at WHERE user_id = :user"
    await world.execute(ended, user=home.users["manager"])
    await world.membership(home.users["manager"], home.id, "payroll")


async def test_an_invitation_to_both_sides_is_refused_whole(client: httpx.AsyncClient, world: World) -> None:
    home = await world.organisation(["company", "provider"], ("admin",))
    url = f"/v1/organisations/{home.public_id}/members"
    body = {"email": NEW, "roles": ["hr", "manager"]}
    assert (await client.post(url, json=body, headers=home.headers["admin"])).status_code == 201
    token = await mailed_token(world, NEW)
    before = await snapshot(world, "role_grant")
    accepted = await accept(client, token)
    assert (accepted.status_code, accepted.json()["code"]) == (409, "two_sides")
    assert await snapshot(world, "role_grant") == before
    assert await world.execute("SELECT 1 FROM user_account WHERE email = :email", email=NEW) == []


async def test_members_of_others_do_not_exist(client: httpx.AsyncClient, world: World, provider: Party) -> None:
    other = await world.provider()
    url = f"/v1/organisations/{provider.public_id}/members"
    theirs = await world.scalar("SELECT id FROM role_grant WHERE organisation_id = :id AND role = 'staff'", id=other.id)
    before = await snapshot(world, "role_grant")
    answers = [
        await client.post(f"{url}/{ids.encode('mem', one)}/end", headers=provider.headers["manager"])
        for one in (theirs, uuid4())
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert problem(answers[0]) == problem(answers[1])
    for party in (other.public_id, ids.encode("org", uuid4())):
        answer = await client.get(f"/v1/organisations/{party}/members", headers=provider.headers["manager"])
        assert answer.status_code == 404
    assert await snapshot(world, "role_grant") == before
