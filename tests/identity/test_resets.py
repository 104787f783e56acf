from datetime import timedelta
from typing import Any

import httpx
import pytest

from app import clock
from app.identity import attempts
from tests.identity.conftest import NEW_PASSWORD, Login, log_in, tried
from tests.people import mailed_token
from tests.world import World, problem
from tests.world.given import PASSWORD


async def ask(client: httpx.AsyncClient, email: str) -> httpx.Response:
    return await client.post("/v1/auth/password_resets", json={"email": email})


async def accept(client: httpx.AsyncClient, token: str, password: str) -> httpx.Response:
    return await client.post(f"/v1/auth/password_resets/{token}/accept", json={"password": password})


async def stored(world: World) -> list[tuple[Any, ...]]:
    """Everything a reset may change."""
    users = await world.execute("SELECT id, email, password_hash, version FROM user_account ORDER BY id")
    sessions = await world.execute("SELECT token_hash, revoked_at FROM session_token ORDER BY token_hash")
    return [*(tuple(row) for row in users), *(tuple(row) for row in sessions)]


async def test_a_reset_sets_the_password_once_and_ends_all_sessions(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    assert (await ask(client, "Anna@example.com")).status_code == 202
    token = await mailed_token(world, anna.email)
    assert await world.scalar("SELECT expires_at - created_at FROM password_reset") == timedelta(hours=1)
    done = await accept(client, token, NEW_PASSWORD)
    assert (done.status_code, done.content) == (204, b"")
    assert (await client.get("/v1/me/contact", headers=anna.headers)).status_code == 401
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 401
    assert (await log_in(client, anna.email, NEW_PASSWORD)).status_code == 200
    before = await stored(world)
    again = await accept(client, token, "sei volpi nel bosco nero")
    assert (again.status_code, again.json()["code"]) == (404, "token_invalid")
    assert await stored(world) == before
    assert await world.scalar("SELECT count(*) FROM audit_entry WHERE action = 'password.reset'") == 1


async def test_asking_tells_nobody_who_has_a_login(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    known, unknown = await ask(client, anna.email), await ask(client, "nobody@example.com")
    assert known.status_code == unknown.status_code == 202
    assert known.content == unknown.content
    assert [row.recipient for row in await world.execute("SELECT recipient FROM outgoing_mail")] == [anna.email]
    assert await world.scalar("SELECT count(*) FROM password_reset") == 1


async def test_unknown_expired_and_used_links_answer_alike(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    await ask(client, anna.email)
    expired = await mailed_token(world, anna.email)
    await world.execute("UPDATE password_reset SET expires_at = :now", now=clock.real())
    await ask(client, anna.email)
    used = await mailed_token(world, anna.email)
    assert (await accept(client, used, NEW_PASSWORD)).status_code == 204
    before = await stored(world)
    answers = [await accept(client, token, NEW_PASSWORD) for token in (expired, used, "unknown", "%C3%A8")]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
    first = problem(answers[0])
    assert [problem(answer) for answer in answers] == [first] * 4
    assert await stored(world) == before


async def test_a_newer_password_ends_older_links(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await ask(client, anna.email)
    first = await mailed_token(world, anna.email)
    await world.execute("UPDATE password_reset SET expires_at = :now", now=clock.real())
    await ask(client, anna.email)
    second = await mailed_token(world, anna.email)
    assert first != second
    assert (await accept(client, second, NEW_PASSWORD)).status_code == 204
    assert (await accept(client, first, "sei volpi nel bosco nero")).status_code == 404
    assert (await log_in(client, anna.email, NEW_PASSWORD)).status_code == 200


async def test_a_bad_password_leaves_the_link_open(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await ask(client, anna.email)
    token = await mailed_token(world, anna.email)
    before = await stored(world)
    refused = await accept(client, token, "passwordpassword")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "password_repetitive")
    assert "passwordpassword" not in refused.text
    assert await stored(world) == before
    assert (await accept(client, token, NEW_PASSWORD)).status_code == 204


async def test_a_mailbox_is_not_flooded(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    answers = [(await ask(client, anna.email)).status_code for _ in range(12)]
    assert answers == [202] * 12
    assert [(await ask(client, "nobody@example.com")).status_code for _ in range(12)] == answers
    assert await world.scalar("SELECT count(*) FROM outgoing_mail") == 1
    assert (await accept(client, await mailed_token(world, anna.email), NEW_PASSWORD)).status_code == 204


async def test_an_address_cannot_flood_mailboxes(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await tried(world, attempts.by_address("reset", "127.0.0.1"), 1000)
    assert (await ask(client, anna.email)).status_code == 429
    assert await world.scalar("SELECT count(*) FROM outgoing_mail") == 0


async def test_a_reset_lets_a_locked_out_person_in(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await tried(world, attempts.key("login", anna.email), 100)
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 429
    await ask(client, anna.email)
    assert (await accept(client, await mailed_token(world, anna.email), NEW_PASSWORD)).status_code == 204
    assert (await log_in(client, anna.email, NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("body", [{}, {"email": "no address"}, {"email": 1}, {"email": "a@b.example", "x": 1}])
async def test_malformed_requests(client: httpx.AsyncClient, world: World, body: dict[str, Any]) -> None:
    answer = await client.post("/v1/auth/password_resets", json=body)
    assert answer.status_code == 422
    assert await world.scalar("SELECT count(*) FROM attempt_count") == 0
