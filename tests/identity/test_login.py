import asyncio
import hashlib
from datetime import timedelta

import httpx
import pytest

from app import clock
from app.identity import attempts, passwords
from tests.identity.conftest import Login, log_in, tried
from tests.world import World, problem
from tests.world.given import PASSWORD


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def sessions(world: World) -> list[tuple[bytes, bool]]:
    rows = await world.execute("SELECT token_hash, revoked_at IS NULL AS live FROM session_token ORDER BY token_hash")
    return [(row.token_hash, row.live) for row in rows]


async def test_login_gives_a_session_stored_as_its_hash_only(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    answer = await log_in(client, anna.email, PASSWORD)
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"access_token", "token_type", "expires_in"}
    assert (body["token_type"], body["expires_in"]) == ("bearer", 43_200)
    stored = hashlib.sha256(body["access_token"].encode()).digest()
    assert (stored, True) in await sessions(world)
    assert (await client.get("/v1/me/contact", headers=bearer(body["access_token"]))).json()["email"] == anna.email
    audit = await world.execute("SELECT actor_id, action, object_id FROM audit_entry")
    assert [tuple(row) for row in audit] == [(anna.id, "session.create", anna.id)]


@pytest.mark.usefixtures("anna")
async def test_login_takes_the_whole_oauth2_form_and_any_case(client: httpx.AsyncClient) -> None:
    form = {
        "grant_type": "password",
        "username": " Anna@Example.COM ",
        "password": PASSWORD,
        "scope": "",
        "client_id": "docs",
        "client_secret": "x",
    }
    assert (await client.post("/v1/auth/token", data=form)).status_code == 200


async def test_unknown_user_and_wrong_password_get_the_same_answer(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    before = await sessions(world)
    wrong = await log_in(client, anna.email, "sei volpi nel bosco nero")
    unknown = await log_in(client, "nobody@example.com", "sei volpi nel bosco nero")
    assert wrong.status_code == unknown.status_code == 401
    assert problem(wrong) == problem(unknown)
    assert wrong.json()["code"] == "invalid_credentials"
    assert len(wrong.content) == len(unknown.content)
    assert set(wrong.headers) == set(unknown.headers)
    assert await sessions(world) == before


async def test_a_login_without_password_cannot_be_entered(client: httpx.AsyncClient, world: World) -> None:
    await world.login("locked@example.com", "!")
    assert (await log_in(client, "locked@example.com", "!")).status_code == 401


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"username": "anna@example.com"}, 422),
        ({"password": PASSWORD}, 422),
        ({"username": "anna@example.com", "password": PASSWORD, "grant_type": "client_credentials"}, 422),
        ({"username": "anna@example.com", "password": PASSWORD, "admin": "1"}, 422),
        ({"username": "a" * 321, "password": PASSWORD}, 422),
        ({"username": "anna@example.com", "password": "a\x00b"}, 422),
        ({}, 400),
    ],
)
@pytest.mark.usefixtures("anna")
async def test_malformed_forms_are_refused(
    client: httpx.AsyncClient, world: World, form: dict[str, str], status: int
) -> None:
    before = await sessions(world)
    answer = await client.post("/v1/auth/token", data=form)
    assert answer.status_code == status
    assert PASSWORD not in answer.text
    assert await sessions(world) == before


async def test_json_is_no_login_form(client: httpx.AsyncClient, anna: Login) -> None:
    answer = await client.post("/v1/auth/token", json={"username": anna.email, "password": PASSWORD})
    assert answer.status_code == 415


@pytest.mark.usefixtures("few_tries")
async def test_failed_tries_are_counted_and_then_refused(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    for _ in range(3):
        assert (await log_in(client, anna.email, "wrong")).status_code == 401
    refused = await log_in(client, anna.email, "wrong")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert 20 <= int(refused.headers["Retry-After"]) <= 31
    right = await log_in(client, anna.email, PASSWORD)
    assert right.status_code == 429
    counted = await world.execute("SELECT attempts FROM attempt_count ORDER BY attempts")
    assert [row.attempts for row in counted] == [3, 3, 3]


@pytest.mark.usefixtures("few_tries")
async def test_an_unknown_account_is_limited_alike(client: httpx.AsyncClient) -> None:
    answers = [(await log_in(client, "nobody@example.com", "wrong")).status_code for _ in range(4)]
    assert answers == [401, 401, 401, 429]


@pytest.mark.usefixtures("few_tries")
async def test_an_address_is_limited_over_all_accounts(client: httpx.AsyncClient) -> None:
    answers = [(await log_in(client, f"nobody{n}@example.com", "wrong")).status_code for n in range(6)]
    assert answers == [401, 401, 401, 401, 401, 429]


async def test_the_hundred_and_first_failed_try_is_refused(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    await tried(world, attempts.key("login", anna.email), 99)
    assert (await log_in(client, anna.email, "wrong")).status_code == 401
    assert (await log_in(client, anna.email, "wrong")).status_code == 429


async def test_a_window_ends_after_an_hour(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    key = attempts.key("login", anna.email)
    await tried(world, key, 100, timedelta(hours=1, seconds=1))
    assert (await log_in(client, anna.email, "wrong")).status_code == 401
    assert await world.scalar("SELECT attempts FROM attempt_count WHERE key = :key", key=key) == 1


async def test_success_resets_the_count_of_the_account_only(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    assert (await log_in(client, anna.email, "wrong")).status_code == 401
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 200
    rows = await world.execute("SELECT key, attempts FROM attempt_count")
    assert [(row.key, row.attempts) for row in rows] == [(attempts.by_address("login", "127.0.0.1"), 1)]


def test_one_ipv6_network_is_one_address() -> None:
    assert attempts.by_address("login", "2001:db8::1") == attempts.by_address("login", "2001:db8::ffff:1")
    assert attempts.by_address("login", "2001:db8::1") != attempts.by_address("login", "2001:db8:0:1::1")
    assert attempts.by_address("login", "192.0.2.1") != attempts.by_address("login", "192.0.2.2")


async def test_logout_ends_exactly_the_presented_session(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    token = (await log_in(client, anna.email, PASSWORD)).json()["access_token"]
    gone = await client.post("/v1/auth/logout", headers=bearer(token))
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await client.get("/v1/me/contact", headers=bearer(token))).status_code == 401
    assert (await client.post("/v1/auth/logout", headers=bearer(token))).status_code == 401
    assert (await client.get("/v1/me/contact", headers=anna.headers)).status_code == 200
    assert [
        row.action for row in await world.execute("SELECT action FROM audit_entry WHERE refusal IS NULL ORDER BY id")
    ] == [
        "session.create",
        "session.revoke",
    ]


async def test_logout_is_for_people_with_a_session(client: httpx.AsyncClient, world: World) -> None:
    key = await world.api_key(await world.provider(), ["bookings:read"])
    assert (await client.post("/v1/auth/logout")).status_code == 401
    assert (await client.post("/v1/auth/logout", headers=key)).status_code == 403
    assert await world.scalar("SELECT count(*) FROM session_token WHERE revoked_at IS NOT NULL") == 0


async def test_an_expired_session_is_no_session(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    await world.execute("UPDATE session_token SET expires_at = :now", now=clock.real())
    assert (await client.get("/v1/me/contact", headers=anna.headers)).status_code == 401


@pytest.mark.parametrize("name", ["access_token", "token", "api_key", "key"])
async def test_a_token_in_the_url_is_not_accepted(
    client: httpx.AsyncClient, world: World, anna: Login, name: str
) -> None:
    key = await world.api_key(await world.provider(), ["bookings:read"])
    for headers in (anna.headers, key):
        secret = headers["Authorization"].removeprefix("Bearer ")
        answer = await client.get("/v1/me/contact", params={name: secret})
        assert answer.status_code == 422
        assert secret not in answer.text
    assert (await client.get("/v1/me/contact")).status_code == 401


async def test_tries_at_once_cannot_pass_the_limit(
    fresh_client: httpx.AsyncClient, fresh_world: World, few_tries: None
) -> None:
    assert few_tries is None
    await fresh_world.login("anna@example.com", passwords.hash_now(PASSWORD))
    answers = await asyncio.gather(*(log_in(fresh_client, "anna@example.com", "wrong") for _ in range(12)))
    got = [answer.status_code for answer in answers]
    # whoever found the queue of this network full was told to come again
    assert (got.count(401), set(got) <= {401, 429, 503}) == (3, True)
    assert (await log_in(fresh_client, "anna@example.com", PASSWORD)).status_code == 429
    attempted = await fresh_world.execute("SELECT attempts FROM attempt_count")
    assert [row.attempts for row in attempted] == [3, 3, 3]
