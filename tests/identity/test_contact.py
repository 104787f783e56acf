from typing import Any

import httpx
import pytest

from tests.identity.conftest import NEW_PASSWORD, Login, log_in
from tests.people import mailed_token
from tests.world import World
from tests.world.given import PASSWORD

URL = "/v1/me/contact"


async def change(client: httpx.AsyncClient, anna: Login, version: str | None = '"1"', **body: Any) -> httpx.Response:
    headers = anna.headers if version is None else {**anna.headers, "If-Match": version}
    return await client.patch(URL, json=body, headers=headers)


async def stored(world: World) -> list[tuple[Any, ...]]:
    rows = await world.execute("SELECT id, email, password_hash, locale, version FROM user_account ORDER BY id")
    sessions = await world.execute("SELECT token_hash, revoked_at FROM session_token ORDER BY token_hash")
    return [*(tuple(row) for row in rows), *(tuple(row) for row in sessions)]


async def test_the_person_reads_and_changes_her_contact(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    seen = await client.get(URL, headers=anna.headers)
    assert (seen.status_code, seen.headers["ETag"]) == (200, '"1"')
    assert seen.json() == {"email": "anna@example.com", "locale": "it"}
    changed = await change(client, anna, email="New.Anna@Example.com", locale="en", current_password=PASSWORD)
    assert (changed.status_code, changed.headers["ETag"]) == (200, '"2"')
    assert changed.json() == {"email": "anna@example.com", "locale": "en"}
    token = await mailed_token(world, "new.anna@example.com")
    assert (await client.post(f"/v1/auth/email_changes/{token}/accept")).status_code == 204
    assert (await client.get(URL, headers=anna.headers)).json() == {"email": "new.anna@example.com", "locale": "en"}
    assert (await log_in(client, "new.anna@example.com", PASSWORD)).status_code == 200
    assert (await log_in(client, "anna@example.com", PASSWORD)).status_code == 401
    assert await world.scalar("SELECT count(*) FROM audit_entry WHERE action = 'contact.change'") == 1


async def test_the_language_needs_no_password(client: httpx.AsyncClient, anna: Login) -> None:
    changed = await change(client, anna, locale="en")
    assert (changed.status_code, changed.json()) == (200, {"email": "anna@example.com", "locale": "en"})


async def test_an_empty_change_changes_nothing(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    before = await stored(world)
    same = await change(client, anna)
    assert (same.status_code, same.headers["ETag"]) == (200, '"1"')
    assert await stored(world) == before


@pytest.mark.parametrize(
    ("version", "body", "status", "code"),
    [
        (None, {"locale": "en"}, 428, "precondition_required"),
        ('"2"', {"locale": "en"}, 412, "precondition_failed"),
        ("*", {"locale": "en"}, 400, "malformed_precondition"),
        ('"1"', {"email": "new@example.com"}, 422, "invalid"),
        ('"1"', {"email": "new@example.com", "current_password": "wrong"}, 403, "wrong_password"),
        ('"1"', {"locale": "en", "current_password": "wrong"}, 403, "wrong_password"),
        ('"1"', {"email": "no address", "current_password": PASSWORD}, 422, "invalid"),
        ('"1"', {"email": None, "current_password": PASSWORD}, 422, "invalid"),
        ('"1"', {"locale": None}, 422, "invalid"),
        ('"1"', {"locale": "de"}, 422, "invalid"),
        ('"1"', {"password_hash": "x"}, 422, "invalid"),
    ],
)
async def test_refused_changes_change_nothing(
    client: httpx.AsyncClient,
    world: World,
    anna: Login,
    version: str | None,
    body: dict[str, Any],
    status: int,
    code: str,
) -> None:
    before = await stored(world)
    refused = await change(client, anna, version, **body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await stored(world) == before


@pytest.mark.usefixtures("few_tries")
async def test_guesses_of_the_current_password_are_limited(client: httpx.AsyncClient, anna: Login) -> None:
    # three of the session's own, then those that any login has
    for _ in range(6):
        assert (await change(client, anna, locale="en", current_password="wrong")).status_code == 403
    assert (await change(client, anna, locale="en", current_password=PASSWORD)).status_code == 429
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 429


async def test_a_new_address_ends_links_sent_to_the_old_one(
    client: httpx.AsyncClient, world: World, anna: Login
) -> None:
    await client.post("/v1/auth/password_resets", json={"email": anna.email})
    token = await mailed_token(world, anna.email)
    assert (await change(client, anna, email="new@example.com", current_password=PASSWORD)).status_code == 200
    new = await mailed_token(world, "new@example.com")
    assert (await client.post(f"/v1/auth/email_changes/{new}/accept")).status_code == 204
    refused = await client.post(f"/v1/auth/password_resets/{token}/accept", json={"password": NEW_PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (404, "token_invalid")


async def test_contact_and_password_are_for_people_only(client: httpx.AsyncClient, world: World) -> None:
    key = await world.api_key(await world.provider(), ["bookings:read"])
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    before = await stored(world)
    assert (await client.get(URL)).status_code == 401
    assert (await client.get(URL, headers=key)).status_code == 403
    assert (await client.patch(URL, json={"locale": "en"}, headers={**key, "If-Match": '"1"'})).status_code == 403
    assert (await client.post("/v1/me/password", json=body)).status_code == 401
    assert (await client.post("/v1/me/password", json=body, headers=key)).status_code == 403
    assert await stored(world) == before


async def test_a_new_password_ends_every_other_session(client: httpx.AsyncClient, world: World, anna: Login) -> None:
    other = (await log_in(client, anna.email, PASSWORD)).json()["access_token"]
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    done = await client.post("/v1/me/password", json=body, headers=anna.headers)
    assert (done.status_code, done.content) == (204, b"")
    assert (await client.get(URL, headers={"Authorization": f"Bearer {other}"})).status_code == 401
    assert (await client.get(URL, headers=anna.headers)).status_code == 200
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 401
    assert (await log_in(client, anna.email, NEW_PASSWORD)).status_code == 200
    assert await world.scalar("SELECT count(*) FROM audit_entry WHERE action = 'password.change'") == 1


@pytest.mark.parametrize(
    ("current", "new", "status", "code"),
    [
        ("wrong", NEW_PASSWORD, 403, "wrong_password"),
        (PASSWORD, "short", 422, "invalid"),
        (PASSWORD, "anna@example.com", 422, "invalid"),
    ],
)
async def test_a_refused_password_changes_nothing(
    client: httpx.AsyncClient, world: World, anna: Login, current: str, new: str, status: int, code: str
) -> None:
    before = await stored(world)
    body = {"current_password": current, "new_password": new}
    refused = await client.post("/v1/me/password", json=body, headers=anna.headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await stored(world) == before
