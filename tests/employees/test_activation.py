"""From invitation to a person's own login, and HR's attempts to be that person."""

import httpx

from tests.people import accept, employees_url, hire, join, mailed_token, snapshot
from tests.world import Party, World
from tests.world.given import EMPLOYEE, PASSWORD
from tests.world.people import fiscal_code

ANNAS = "anna@example.com"
HRS = "hr-in-disguise@example.com"


async def test_accepting_joins_the_company(client: httpx.AsyncClient, world: World, company: Party) -> None:
    employee = await hire(client, company, email=ANNAS)
    assert (employee["status"], employee["email"]) == ("invited", ANNAS)
    accepted = await accept(client, await mailed_token(world, ANNAS))
    assert accepted.status_code == 200, accepted.text
    assert accepted.json() == {
        "access_token": accepted.json()["access_token"], "token_type": "bearer", "expires_in": 43200,
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {accepted.json()['access_token']}"}
    me = await client.get("/v1/me", headers=headers)
    assert me.json() == {
        "user": {"id": me.json()["user"]["id"], "email": ANNAS, "locale": "it"},
        "memberships": [],
        "employments": [
            {"employee_id": employee["id"], "company_id": company.public_id, "company_name": "Orobia Stampi"}
        ],
    }
    own = (await client.get("/v1/me/beneficiaries", headers=headers)).json()["data"]
    assert own == [
        {
            "id": own[0]["id"],
            "given_name": "Anna",
            "family_name": "Esempio",
            "relation": "self",
            "birth_date": "1983-11-18",
            "fiscal_code": EMPLOYEE["fiscal_code"],
            "phone": None,
            "address": None,
            "access_notes": None,
            "cohabitation": [],
            "maintained": [],
            "dependent_years": [],
            "certificates": [],
            "died_on": None,
            "version": 1,
        }
    ]
    events = await world.execute("SELECT type, object_kind, organisation_ids FROM event")
    assert events == [("employee.joined", "employee", [company.id])]
    seen = await client.get(employees_url(company, f"/{employee['id']}"), headers=company.headers["hr"])
    assert (seen.json()["status"], seen.json()["email"]) == ("active", None)
    login = await client.post("/v1/auth/token", data={"username": ANNAS, "password": PASSWORD})
    assert login.status_code == 200


async def test_an_invitation_works_once(client: httpx.AsyncClient, world: World, company: Party) -> None:
    await hire(client, company, email=ANNAS)
    token = await mailed_token(world, ANNAS)
    assert (await accept(client, "x" * 43)).json()["code"] == "token_invalid"
    weak = await accept(client, token, "password")
    assert weak.status_code == 422
    assert await snapshot(world, "care.beneficiary") == []
    assert (await accept(client, token)).status_code == 200
    before = await snapshot(world)
    again = await accept(client, token)
    assert (again.status_code, again.json()["code"]) == (404, "token_invalid")
    assert await snapshot(world) == before


async def test_hr_cannot_take_over_an_active_employee(client: httpx.AsyncClient, world: World, company: Party) -> None:
    employee = await hire(client, company, email=ANNAS)
    await join(client, world, ANNAS)
    address, hr = employees_url(company, f"/{employee['id']}"), company.headers["hr"]
    etag = (await client.get(address, headers=hr)).headers["etag"]
    before = [await snapshot(world, table) for table in ("employee", "invitation", "outgoing_mail", "user_account")]
    for change in ({"email": HRS}, {"email": None}, {"fiscal_code": fiscal_code(9)}):
        refused = await client.patch(address, json=change, headers={**hr, "If-Match": etag})
        assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
            409, "state_conflict", "active",
        )  # fmt: skip
    again = await client.post(f"{address}/invite", headers=hr)
    assert (again.status_code, again.json()["state"]) == (409, "active")
    second = await client.post(employees_url(company), json={**EMPLOYEE, "email": HRS}, headers=hr)
    assert (second.status_code, second.json()["code"]) == (409, "employee_exists")
    after = [await snapshot(world, table) for table in ("employee", "invitation", "outgoing_mail", "user_account")]
    assert after == before
    file = "nome;cognome;codice_fiscale;categoria;data_assunzione;email\r\n"
    file += f"Anna;Esempio;{EMPLOYEE['fiscal_code']};operai;15/01/2020;{HRS}\r\n"
    imported = await client.post(
        employees_url(company, "/import"), content=file.encode(), headers={**hr, "Content-Type": "text/csv"}
    )
    assert imported.json() == {"created": 0, "updated": 0, "unchanged": 1, "errors": []}
    assert [
        await snapshot(world, table) for table in ("employee", "invitation", "outgoing_mail", "user_account")
    ] == before


async def test_hiring_again_with_hrs_address_does_not_reach_the_person(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    employee = await hire(client, company, email=ANNAS)
    annas = await join(client, world, ANNAS)
    address, hr = employees_url(company, f"/{employee['id']}"), company.headers["hr"]
    ended = await client.patch(address, json={"ended_on": "2025-01-31"}, headers={**hr, "If-Match": '"2"'})
    assert ended.status_code == 200, ended.text
    again = await hire(client, company, hired_on="2026-01-01", email=HRS)
    before = [await snapshot(world, table) for table in ("employee", "user_account", "care.beneficiary")]
    refused = await accept(client, await mailed_token(world, HRS))
    assert (refused.status_code, refused.json()["code"]) == (409, "login_differs")
    assert [await snapshot(world, table) for table in ("employee", "user_account", "care.beneficiary")] == before
    corrected = await client.patch(
        employees_url(company, f"/{again['id']}"), json={"email": ANNAS}, headers={**hr, "If-Match": '"1"'}
    )
    assert corrected.status_code == 200
    await join(client, world, ANNAS)
    me = await client.get("/v1/me", headers=annas)
    assert [one["employee_id"] for one in me.json()["employments"]] == [employee["id"], again["id"]]
    own = await client.get("/v1/me/beneficiaries", headers=annas)
    assert [one["relation"] for one in own.json()["data"]] == ["self"]


async def test_a_new_address_replaces_the_invitation(client: httpx.AsyncClient, world: World, company: Party) -> None:
    employee = await hire(client, company, email=HRS)
    old = await mailed_token(world, HRS)
    address, hr = employees_url(company, f"/{employee['id']}"), company.headers["hr"]
    changed = await client.patch(address, json={"email": ANNAS}, headers={**hr, "If-Match": '"1"'})
    assert (changed.json()["email"], changed.json()["status"]) == (ANNAS, "invited")
    assert (await accept(client, old)).json()["code"] == "token_invalid"
    first = await mailed_token(world, ANNAS)
    assert (await client.post(f"{address}/invite", headers=hr)).status_code == 200
    assert (await accept(client, first)).json()["code"] == "token_invalid"
    withdrawn = await client.patch(address, json={"email": None}, headers={**hr, "If-Match": '"2"'})
    assert (withdrawn.json()["email"], withdrawn.json()["status"]) == (None, "not_invited")
    assert (await accept(client, await mailed_token(world, ANNAS))).json()["code"] == "token_invalid"
    nowhere = await client.post(f"{address}/invite", headers=hr)
    assert (nowhere.status_code, nowhere.json()["state"]) == (409, "not_invited")


async def test_hr_cannot_flood_a_mailbox(client: httpx.AsyncClient, world: World, company: Party) -> None:
    employee = await hire(client, company, email=ANNAS)
    address, hr = employees_url(company, f"/{employee['id']}"), company.headers["hr"]
    for _ in range(10):
        assert (await client.post(f"{address}/invite", headers=hr)).status_code == 200
    before = [await snapshot(world, table) for table in ("employee", "invitation", "outgoing_mail")]
    refused = await client.post(f"{address}/invite", headers=hr)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    changed = await client.patch(address, json={"email": HRS}, headers={**hr, "If-Match": '"1"'})
    assert changed.status_code == 429
    assert [await snapshot(world, table) for table in ("employee", "invitation", "outgoing_mail")] == before


async def test_leavers_are_not_invited(client: httpx.AsyncClient, world: World, company: Party) -> None:
    """Nor does an answer say that they were: alone or among others, HR is told why not."""
    left = await hire(client, company, email=ANNAS, ended_on="2021-01-31")
    hr, before = company.headers["hr"], await snapshot(world, "invitation")
    refused = await client.post(employees_url(company, f"/{left['id']}/invite"), headers=hr)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "state_conflict", "left")
    many = await client.post(employees_url(company, "/invite"), json={"employee_ids": [left["id"]]}, headers=hr)
    assert many.json()["results"] == [
        {
            "employee_id": left["id"],
            "invited": False,
            "code": "state_conflict",
            "detail": "Il rapporto di lavoro è finito.",
        }
    ]
    assert await snapshot(world, "outgoing_mail") == []
    assert await snapshot(world, "invitation") == before


async def test_me_lists_roles_by_organisation(client: httpx.AsyncClient, world: World, company: Party) -> None:
    await world.membership(company.users["hr"], company.id, "admin")
    me = await client.get("/v1/me", headers=company.headers["hr"])
    assert me.json()["memberships"] == [
        {
            "organisation_id": company.public_id,
            "organisation_name": "Orobia Stampi",
            "kinds": ["company"],
            "roles": ["admin", "hr"],
        }
    ]
    key = await world.api_key(company, ["employees:read"])
    assert (await client.get("/v1/me", headers=key)).status_code == 403
    assert (await client.get("/v1/me")).status_code == 401


async def test_many_are_invited_again_and_each_refusal_is_told(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    invited = await hire(client, company, email=ANNAS)
    nowhere = await hire(client, company, fiscal_code=fiscal_code(1))
    inside = await hire(client, company, email=HRS, fiscal_code=fiscal_code(2))
    await join(client, world, HRS)
    other = await world.company("Altra")
    foreign = await hire(client, other, email="altra@example.com")
    mails = len(await snapshot(world, "outgoing_mail"))
    named = [one["id"] for one in (invited, nowhere, inside, foreign)]
    answer = await client.post(
        employees_url(company, "/invite"), json={"employee_ids": named}, headers=company.headers["hr"]
    )
    results = answer.json()["results"]
    assert [(one["employee_id"], one["invited"], one["code"]) for one in results] == [
        (named[0], True, None),
        (named[1], False, "state_conflict"),
        (named[2], False, "state_conflict"),
        (named[3], False, "not_found"),
    ]
    assert len(await snapshot(world, "outgoing_mail")) == mails + 1
    twice = {"employee_ids": [named[0], named[0]]}
    doubled = await client.post(employees_url(company, "/invite"), json=twice, headers=company.headers["hr"])
    assert doubled.status_code == 422
