from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from app import cli, clock, ids
from tests.identity.conftest import NEW_PASSWORD, Login, log_in, somebody
from tests.world import World, client_at
from tests.world.given import PASSWORD

URL = "/v1/me/sessions"
CONTACT = "/v1/me/contact"


async def new_session(client: httpx.AsyncClient, login: Login) -> dict[str, str]:
    token = (await log_in(client, login.email, PASSWORD)).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


async def unused(world: World, minutes: int) -> None:
    await world.execute(
        "UPDATE session_token SET last_used_at = :at WHERE idle_limit IS NOT NULL",
        at=clock.real() - timedelta(minutes=minutes),
    )


async def test_a_person_lists_and_ends_her_sessions(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    phone, laptop = await new_session(client, anna), await new_session(client, anna)
    await somebody(world, "berta@example.com")
    listed = (await client.get(URL, headers=laptop)).json()["data"]
    assert len(listed) == 3
    assert set(listed[0]) == {"id", "created_at", "last_used_at", "expires_at", "second_factor", "current"}
    current = [one for one in listed if one["current"]]
    assert len(current) == 1
    for one in (await client.get(URL, headers=phone)).json()["data"]:
        if one["current"]:
            assert (await client.delete(f"{URL}/{one['id']}", headers=laptop)).status_code == 204
    assert (await client.get(CONTACT, headers=phone)).status_code == 401
    assert (await client.get(CONTACT, headers=laptop)).status_code == 200
    assert len((await client.get(URL, headers=laptop)).json()["data"]) == 2


async def test_nobody_ends_a_strangers_session(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    berta = await somebody(world, "berta@example.com")
    hers = (await client.get(URL, headers=berta.headers)).json()["data"][0]["id"]
    for foreign in (hers, ids.encode("ses", ids.new_id())):
        assert (await client.delete(f"{URL}/{foreign}", headers=anna.headers)).status_code == 404
    assert (await client.get(CONTACT, headers=berta.headers)).status_code == 200


async def test_pages_of_sessions_follow_each_other(client: httpx.AsyncClient, anna: Login) -> None:
    for _ in range(4):
        await new_session(client, anna)
    first = (await client.get(URL, params={"limit": 3}, headers=anna.headers)).json()
    rest = (await client.get(URL, params={"limit": 3, "cursor": first["next_cursor"]}, headers=anna.headers)).json()
    seen = [one["id"] for one in first["data"] + rest["data"]]
    assert (len(seen), len(set(seen)), rest["next_cursor"]) == (5, 5, None)


async def test_a_command_ends_all_of_one_person(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    phone, berta = await new_session(client, anna), await somebody(world, "berta@example.com")
    async with world.work() as session:
        await cli.end_by_command(session, cli.SYSTEM, anna.id)
    answers = [(await client.get(CONTACT, headers=one)).status_code for one in (phone, anna.headers, berta.headers)]
    assert answers == [401, 401, 200]
    acts = "SELECT actor_kind, object_id FROM audit_entry WHERE action = 'session.revoke_all'"
    assert [tuple(row) for row in await world.execute(acts)] == [("system", anna.id)]


@pytest.mark.parametrize(("roles", "minutes", "status"), [(1, 29, 200), (1, 31, 401), (0, 31, 200)])
async def test_a_session_of_staff_ends_when_idle(
    client: httpx.AsyncClient, world: World, anna: Login, roles: int, minutes: int, status: int
) -> None:
    if roles:
        await world.membership(anna.id, (await world.provider()).id, "staff")
    headers = await new_session(client, anna)
    await unused(world, minutes)
    assert (await client.get(CONTACT, headers=headers)).status_code == status


async def test_use_keeps_a_session_alive(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await world.membership(anna.id, (await world.provider()).id, "staff")
    headers = await new_session(client, anna)
    for _ in range(3):
        await unused(world, 29)
        assert (await client.get(CONTACT, headers=headers)).status_code == 200
        age = await world.scalar("SELECT :now - max(last_used_at) FROM session_token", now=clock.real())
        assert age < timedelta(minutes=1)


async def test_a_login_from_a_new_place_is_told(app: FastAPI, world: World, anna: Login) -> None:
    told = "SELECT count(*) FROM outgoing_mail WHERE text LIKE '%luogo che non conosciamo%'"
    async with client_at(app, "192.0.2.1") as home:
        await new_session(home, anna)
        assert await world.scalar(told) == 0
    async with client_at(app, "192.0.2.1") as home_again:
        await new_session(home_again, anna)
        assert await world.scalar(told) == 0
    async with client_at(app, "203.0.113.5") as elsewhere:
        assert (await log_in(elsewhere, anna.email, "wrong")).status_code == 401
        assert await world.scalar(told) == 0
        await new_session(elsewhere, anna)
    rows = await world.execute("SELECT recipient, subject FROM outgoing_mail")
    assert [tuple(row) for row in rows] == [(anna.email, "Il tuo accesso a Beatrice")]
    assert await world.scalar(told) == 1


async def test_a_changed_password_is_told(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await world.execute("UPDATE user_account SET locale = 'en'")
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/v1/me/password", json=body, headers=anna.headers)).status_code == 204
    rows = await world.execute("SELECT recipient, subject, text FROM outgoing_mail")
    assert [(row.recipient, row.subject) for row in rows] == [(anna.email, "About your login to Beatrice")]
    assert "the password of your login to Beatrice was changed" in rows[0].text
