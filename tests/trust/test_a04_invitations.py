"""Finding A4: an invitation is worth what its sender may still give on the day it is accepted."""

import asyncio
from typing import Any

import httpx
import pytest

from app import clock, ids
from app.identity import passwords
from tests.people import accept, join, mailed_token, snapshot
from tests.world import Party, World
from tests.world.given import PASSWORD

BOSS, PLANT = "capo@cooperativa.example", "pianta@altrove.example"


def members_url(party: Party, rest: str = "") -> str:
    return f"/v1/organisations/{party.public_id}/members{rest}"


def invitations_url(party: Party, rest: str = "") -> str:
    return f"/v1/organisations/{party.public_id}/invitations{rest}"


async def invite(client: httpx.AsyncClient, party: Party, headers: dict[str, str], email: str, *roles: str) -> None:
    answer = await client.post(members_url(party), json={"email": email, "roles": list(roles)}, headers=headers)
    assert answer.status_code == 201, answer.text


async def state(world: World) -> list[list[Any]]:
    return [await snapshot(world, table) for table in ("role_grant", "user_account", "invitation", "outgoing_mail")]


async def refused(client: httpx.AsyncClient, world: World, email: str) -> None:
    """The link works no more, and nothing is left of the attempt."""
    token, before = await mailed_token(world, email), await state(world)
    answer = await accept(client, token)
    assert (answer.status_code, answer.json()["code"]) == (404, "token_invalid")
    assert await state(world) == before


async def end_roles(client: httpx.AsyncClient, party: Party, user: str, headers: dict[str, str]) -> None:
    listed = (await client.get(members_url(party), headers=headers)).json()["data"]
    for one in listed:
        if one["user_id"] == ids.encode("usr", party.users[user]):
            ended = await client.post(members_url(party, f"/{one['id']}/end"), headers=headers)
            assert ended.status_code == 200, ended.text


async def open_ones(client: httpx.AsyncClient, party: Party, headers: dict[str, str]) -> list[str]:
    answer = await client.get(invitations_url(party), headers=headers)
    assert answer.status_code == 200, answer.text
    return [one["email"] for one in answer.json()["data"]]


@pytest.mark.parametrize("roles", [("admin", "manager"), ("manager",), ("staff",)])
async def test_nobody_is_planted_beside_or_beneath_the_first_administrator(
    client: httpx.AsyncClient, world: World, roles: tuple[str, ...]
) -> None:
    operator, party = await world.operator(), await world.organisation(["provider"])
    await invite(client, party, operator.headers["operator"], BOSS, "admin", "manager")
    await invite(client, party, operator.headers["operator"], PLANT, *roles)
    boss = await join(client, world, BOSS)
    assert await open_ones(client, party, boss) == []
    await refused(client, world, PLANT)


async def test_who_comes_before_the_first_administrator_stays(client: httpx.AsyncClient, world: World) -> None:
    operator, party = await world.operator(), await world.organisation(["provider"])
    await invite(client, party, operator.headers["operator"], PLANT, "staff")
    await invite(client, party, operator.headers["operator"], BOSS, "admin")
    staff = await join(client, world, PLANT)
    boss = await join(client, world, BOSS)
    assert (await client.get(f"/v1/providers/{party.public_id}/bookings", headers=staff)).status_code == 200
    listed = (await client.get(members_url(party), headers=boss)).json()["data"]
    assert sorted((one["email"], one["role"]) for one in listed) == [(BOSS, "admin"), (PLANT, "staff")]
    granted = await world.execute("SELECT granted_by FROM role_grant WHERE organisation_id = :id", id=party.id)
    assert [row.granted_by for row in granted] == [operator.users["operator"]] * 2


async def test_an_operator_who_is_one_no_more_brings_nobody_in(client: httpx.AsyncClient, world: World) -> None:
    operator, party = await world.operator(), await world.organisation(["provider"])
    await invite(client, party, operator.headers["operator"], PLANT, "admin")
    await world.execute(
        "UPDATE role_grant SET until_at = :now WHERE user_id = :id", now=clock.real(), id=operator.users["operator"]
    )
    await refused(client, world, PLANT)


async def test_who_has_come_to_work_for_the_operator_is_not_brought_in(client: httpx.AsyncClient, world: World) -> None:
    operator, party = await world.operator(), await world.organisation(["provider"])
    user_id, _ = await world.login(PLANT, passwords.hash_now(PASSWORD))
    await invite(client, party, operator.headers["operator"], PLANT, "admin")
    await world.membership(user_id, operator.id, "finance")
    await refused(client, world, PLANT)


@pytest.mark.parametrize("how", ["ended", "run out", "less"])
async def test_a_fired_administrators_invitation_is_worth_nothing(
    client: httpx.AsyncClient, world: World, how: str
) -> None:
    party = await world.organisation(["company"], ("admin", "hr"))
    second, _ = await world.login("secondo@example.test")
    await world.membership(second, party.id, "admin")
    party.users["second"] = second
    await world.membership(party.users["hr"], party.id, "admin")
    await invite(client, party, party.headers["hr"], PLANT, "hr", "admin")
    if how == "ended":
        await end_roles(client, party, "hr", party.headers["admin"])
        assert await open_ones(client, party, party.headers["admin"]) == []
    else:
        only = "AND role = 'admin'" if how == "less" else ""
        await world.execute(
            f"UPDATE role_grant SET until_at = :now WHERE user_id = :id {only}",
            now=clock.real(), id=party.users["hr"],
        )  # fmt: skip
    await refused(client, world, PLANT)


async def test_a_manager_gives_no_more_than_she_still_has(client: httpx.AsyncClient, world: World) -> None:
    party = await world.organisation(["provider"], ("manager", "admin"))
    await world.membership(party.users["manager"], party.id, "admin")
    await invite(client, party, party.headers["manager"], PLANT, "admin")
    await world.execute(
        "UPDATE role_grant SET until_at = :now WHERE user_id = :id AND role = 'admin'",
        now=clock.real(), id=party.users["manager"],
    )  # fmt: skip
    await refused(client, world, PLANT)
    await invite(client, party, party.headers["manager"], BOSS, "staff")
    await join(client, world, BOSS)


async def test_invitations_are_listed_and_withdrawn(client: httpx.AsyncClient, world: World) -> None:
    provider, other = await world.provider(), await world.provider()
    headers = provider.headers["manager"]
    await invite(client, provider, headers, BOSS, "staff")
    await invite(client, provider, headers, PLANT, "staff", "manager")
    listed = (await client.get(invitations_url(provider), headers=headers)).json()["data"]
    assert [(one["email"], one["roles"], one["invited_by"]) for one in listed] == [
        (BOSS, ["staff"], ids.encode("usr", provider.users["manager"])),
        (PLANT, ["manager", "staff"], ids.encode("usr", provider.users["manager"])),
    ]
    assert set(listed[0]) == {"id", "email", "roles", "invited_by", "created_at", "expires_at"}
    plants = invitations_url(provider, f"/{listed[1]['id']}/withdraw")
    before = await state(world)
    assert (await client.get(invitations_url(provider), headers=provider.headers["staff"])).status_code == 403
    assert (await client.post(plants, headers=provider.headers["staff"])).status_code == 403
    for foreign in (plants, invitations_url(other, f"/{listed[1]['id']}/withdraw")):
        assert (await client.post(foreign, headers=other.headers["manager"])).status_code == 404
    assert await state(world) == before
    withdrawn = await client.post(plants, headers=headers)
    assert (withdrawn.status_code, withdrawn.json()) == (200, listed[1])
    assert await open_ones(client, provider, headers) == [BOSS]
    await refused(client, world, PLANT)
    again = await client.post(plants, headers=headers)
    assert (again.status_code, again.json()["state"]) == (409, "ended")
    await join(client, world, BOSS)
    accepted = await client.post(invitations_url(provider, f"/{listed[0]['id']}/withdraw"), headers=headers)
    assert (accepted.status_code, accepted.json()["state"]) == (409, "accepted")
    acts = await world.execute("SELECT actor_id, object_id FROM audit_entry WHERE action = 'invitation.withdraw'")
    assert [tuple(row) for row in acts] == [(provider.users["manager"], ids.decode("inv", listed[1]["id"]))]


async def test_whoever_brings_in_withdraws_her_own_and_no_others(client: httpx.AsyncClient, world: World) -> None:
    operator, party = await world.operator(), await world.organisation(["company"], ("hr",))
    await world.membership(party.users["hr"], party.id, "admin")
    await invite(client, party, party.headers["hr"], BOSS, "hr")
    await world.execute("UPDATE role_grant SET until_at = :now WHERE role = 'admin'", now=clock.real())
    headers = operator.headers["operator"]
    await invite(client, party, headers, PLANT, "payroll")
    theirs, own = (await client.get(invitations_url(party), headers=headers)).json()["data"]
    assert (await client.post(invitations_url(party, f"/{theirs['id']}/withdraw"), headers=headers)).status_code == 403
    assert (await client.post(invitations_url(party, f"/{own['id']}/withdraw"), headers=headers)).status_code == 200
    assert await open_ones(client, party, headers) == [BOSS]


async def test_links_to_employments_are_no_members_business(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company()
    await world.membership(company.users["hr"], company.id, "admin")
    person = await world.employee(company)
    await world.execute(
        "UPDATE employee SET user_id = NULL, email = 'anna@example.com' WHERE id = :id", id=person.employee_id
    )
    employee = f"/v1/companies/{company.public_id}/employees/{ids.encode('emp', person.employee_id)}"
    sent = await client.post(f"{employee}/invite", headers=company.headers["hr"])
    assert sent.status_code == 200, sent.text
    invitation_id = ids.encode("inv", await world.scalar("SELECT id FROM invitation"))
    assert await open_ones(client, company, company.headers["hr"]) == []
    url = invitations_url(company, f"/{invitation_id}/withdraw")
    assert (await client.post(url, headers=company.headers["hr"])).status_code == 404
    assert await world.scalar("SELECT ended_at FROM invitation") is None


async def test_every_administrator_is_told_who_joined(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider("Cooperativa Serio")
    english, _ = await world.login("boss@example.test")
    await world.execute("UPDATE user_account SET locale = 'en' WHERE id = :id", id=english)
    await world.membership(english, provider.id, "admin")
    await invite(client, provider, provider.headers["manager"], PLANT, "staff", "manager")
    await join(client, world, PLANT)
    mails = await world.execute('SELECT recipient, subject, text FROM outgoing_mail ORDER BY recipient COLLATE "C"')
    manager = await world.scalar("SELECT email FROM user_account WHERE id = :id", id=provider.users["manager"])
    told = {row.recipient: row for row in mails if row.recipient != PLANT}
    assert set(told) == {"boss@example.test", manager}
    assert told["boss@example.test"].subject == "A new role in Cooperativa Serio"
    assert (
        f"{PLANT} now has in Cooperativa Serio: management of services, staff of services."
        in told["boss@example.test"].text
    )
    assert told[manager].subject == "Un nuovo ruolo in Cooperativa Serio"
    assert f"L'invito era di {manager}." in told[manager].text


async def test_of_two_first_administrators_at_once_one_comes_in(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    operator = await fresh_world.operator()
    for _ in range(3):
        party = await fresh_world.organisation(["provider"])
        emails = [f"{party.public_id[-6:]}{number}@example.test" for number in range(3)]
        for email in emails:
            await invite(fresh_client, party, operator.headers["operator"], email, "admin")
        tokens = [await mailed_token(fresh_world, email) for email in emails]
        answers = await asyncio.gather(*[accept(fresh_client, token) for token in tokens])
        assert sorted(answer.status_code for answer in answers) == [200, 404, 404]
        given = await fresh_world.execute("SELECT role FROM role_grant WHERE organisation_id = :id", id=party.id)
        assert [row.role for row in given] == ["admin"]
