"""A15: an address counts when its owner has opened a link; asking tells nothing; the old address can take it back."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from app import clock
from tests.identity.conftest import NEW_PASSWORD, Login, log_in, somebody
from tests.people import mailed_token
from tests.world import World, problem
from tests.world.given import PASSWORD

URL = "/v1/me/contact"
NEW = "new.anna@example.com"


async def ask(client: httpx.AsyncClient, login: Login, email: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post(URL, json={"email": email, "current_password": password}, headers=login.headers)


async def follow(client: httpx.AsyncClient, token: str, verb: str = "accept") -> httpx.Response:
    return await client.post(f"/v1/auth/email_changes/{token}/{verb}")


async def undo_token(world: World, email: str) -> str:
    texts = await world.execute(
        "SELECT text FROM outgoing_mail WHERE recipient = :to AND text LIKE '%/undo%'", to=email
    )
    link = next(line for line in texts[-1].text.splitlines() if line.endswith("/undo"))
    return link.split("/")[-2]


def passed(monkeypatch: pytest.MonkeyPatch, time: timedelta) -> None:
    real = clock.real
    monkeypatch.setattr(clock, "real", lambda: real() + time)


async def logins(world: World) -> list[tuple[Any, ...]]:
    rows = await world.execute("SELECT id, email, password_hash, version FROM user_account ORDER BY id")
    return [tuple(row) for row in rows]


async def moved(client: httpx.AsyncClient, world: World, login: Login, email: str = NEW) -> None:
    assert (await ask(client, login, email)).status_code == 202
    assert (await follow(client, await mailed_token(world, email))).status_code == 204


async def test_nothing_changes_before_the_link_was_opened(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    before = await logins(world)
    assert (await ask(client, anna, NEW)).json() == {"status": "accepted"}
    changed = await client.patch(
        URL, json={"email": NEW, "current_password": PASSWORD}, headers={**anna.headers, "If-Match": '"1"'}
    )
    assert (changed.status_code, changed.json()["email"]) == (200, anna.email)
    assert [row[:3] for row in await logins(world)] == [row[:3] for row in before]
    assert (await log_in(client, NEW, PASSWORD)).status_code == 401


async def test_an_address_of_another_login_gets_the_same_answer_and_no_mail(
    client: httpx.AsyncClient, world: World
) -> None:
    anna = await somebody(world)
    await somebody(world, "hr@example.com")
    before = await logins(world)
    free, taken = await ask(client, anna, NEW), await ask(client, anna, "hr@example.com")
    assert (free.status_code, free.content) == (taken.status_code, taken.content)
    assert set(free.headers) == set(taken.headers)
    rows = await world.execute("SELECT recipient FROM outgoing_mail")
    assert [row.recipient for row in rows] == [NEW]
    assert await world.scalar("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'mail.send'") == 2
    assert await logins(world) == before


async def test_asking_needs_the_password_and_is_limited(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    assert (await ask(client, anna, NEW, "wrong")).status_code == 403
    assert await world.scalar("SELECT count(*) FROM email_change") == 0
    answers = [(await ask(client, anna, f"a{number}@example.com")).status_code for number in range(11)]
    assert answers == [202] * 10 + [429]
    assert (await client.post(URL, json={"email": NEW, "current_password": PASSWORD})).status_code == 401


async def test_the_new_address_ends_other_sessions_and_the_old_one_is_told(
    client: httpx.AsyncClient, world: World
) -> None:
    anna = await somebody(world)
    other = (await log_in(client, anna.email, PASSWORD)).json()["access_token"]
    await moved(client, world, anna)
    assert (await client.get(URL, headers={"Authorization": f"Bearer {other}"})).status_code == 401
    assert (await client.get(URL, headers=anna.headers)).json()["email"] == NEW
    told = await world.execute("SELECT subject FROM outgoing_mail WHERE recipient = :old", old=anna.email)
    assert [row.subject for row in told] == ["Il tuo accesso a Beatrice ha un nuovo indirizzo"]
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 401
    assert (await log_in(client, NEW, PASSWORD)).status_code == 200


async def test_a_link_works_once_and_for_a_day(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = await somebody(world)
    await ask(client, anna, NEW)
    token = await mailed_token(world, NEW)
    passed(monkeypatch, timedelta(days=1))
    expired = await follow(client, token)
    monkeypatch.undo()
    await moved(client, world, anna, "other@example.com")
    before = await logins(world)
    used = await follow(client, await mailed_token(world, "other@example.com"))
    unknown = await follow(client, "unknown")
    assert expired.status_code == 404
    assert problem(expired) == problem(used) == problem(unknown)
    assert await logins(world) == before


async def test_who_took_the_address_meanwhile_keeps_it(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    await ask(client, anna, NEW)
    token = await mailed_token(world, NEW)
    await somebody(world, NEW)
    before = await logins(world)
    refused = await follow(client, token)
    assert (refused.status_code, refused.json()["code"]) == (409, "email_taken")
    assert await logins(world) == before


async def test_a_newer_password_ends_a_change_that_waits(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    await ask(client, anna, NEW)
    token = await mailed_token(world, NEW)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/v1/me/password", json=body, headers=anna.headers)).status_code == 204
    assert (await follow(client, token)).status_code == 404


async def test_the_old_address_takes_a_stolen_login_back(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    # a thief with password and session moves the login, twice, and leaves a third move waiting
    await moved(client, world, anna, "thief@example.com")
    await moved(client, world, anna, "thief2@example.com")
    await ask(client, anna, "thief3@example.com")
    waiting = await mailed_token(world, "thief3@example.com")
    undo, thiefs_undo = await undo_token(world, anna.email), await undo_token(world, "thief@example.com")
    assert (await client.post("/v1/me/totp", headers=anna.headers)).status_code == 201
    assert (await follow(client, undo, "undo")).status_code == 204
    assert (await client.get(URL, headers=anna.headers)).status_code == 401
    for email in (anna.email, "thief@example.com", "thief2@example.com"):
        assert (await log_in(client, email, PASSWORD)).status_code == 401
    assert await world.scalar("SELECT count(*) FROM second_factor") == 0
    for token, verb in ((undo, "undo"), (thiefs_undo, "undo"), (waiting, "accept")):
        assert (await follow(client, token, verb)).status_code == 404
    link = await mailed_token(world, anna.email)
    done = await client.post(f"/v1/auth/password_resets/{link}/accept", json={"password": NEW_PASSWORD})
    assert done.status_code == 204
    assert (await log_in(client, anna.email, NEW_PASSWORD)).status_code == 200


async def test_undoing_ends_after_a_week(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    await moved(client, world, anna)
    assert await world.scalar("SELECT undo_until - accepted_at = interval '7 days' FROM email_change")
    await world.execute("UPDATE email_change SET undo_until = :now", now=clock.real())
    before = await logins(world)
    assert (await follow(client, await undo_token(world, anna.email), "undo")).status_code == 404
    assert await logins(world) == before


@pytest.mark.parametrize("email", ["no address", "", None, 1])
async def test_malformed_addresses(client: httpx.AsyncClient, world: World, email: object) -> None:
    anna = await somebody(world)
    body = {"email": email, "current_password": PASSWORD}
    assert (await client.post(URL, json=body, headers=anna.headers)).status_code == 422
    assert await world.scalar("SELECT count(*) FROM email_change") == 0
