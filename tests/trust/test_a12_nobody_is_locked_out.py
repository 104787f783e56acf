"""A12: guesses of strangers slow strangers down; a known device and a reset stay a way in."""

import httpx
import pytest
from fastapi import FastAPI

from app import config
from app.identity import attempts, devices
from app.identity.proof import TRIES_PER_DEVICE, TRIES_PER_NETWORK
from tests.identity.conftest import NEW_PASSWORD, log_in, somebody, tried
from tests.people import mailed_token
from tests.production import in_force
from tests.world import World, client_at
from tests.world.given import PASSWORD

ATTACKER, HOME, ELSEWHERE = "198.51.100.7", "192.0.2.1", "203.0.113.5"


async def test_a_stranger_uses_up_only_his_own_networks_tries(app: FastAPI, world: World) -> None:
    anna = await somebody(world)
    async with client_at(app, ATTACKER) as attacker, client_at(app, HOME) as home:
        answers = [(await log_in(attacker, anna.email, "wrong")).status_code for _ in range(TRIES_PER_NETWORK + 1)]
        assert answers == [401] * TRIES_PER_NETWORK + [429]
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 200


async def test_a_known_device_gets_in_whatever_strangers_do(app: FastAPI, world: World) -> None:
    anna = await somebody(world)
    async with client_at(app, HOME) as home, client_at(app, ELSEWHERE) as elsewhere:
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 200
        # every limit there is, from everywhere and from the very network of the victim
        await tried(world, attempts.key("login", anna.email), 5_000)
        await tried(world, attempts.by_address(f"login of {anna.email}", HOME), 5_000)
        await tried(world, attempts.by_address("login", HOME), 50_000)
        assert (await log_in(elsewhere, anna.email, PASSWORD)).status_code == 429
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 200


async def test_a_device_is_known_for_its_person_and_password_only(app: FastAPI, world: World) -> None:
    anna, berta = await somebody(world), await somebody(world, "berta@example.com")
    await tried(world, attempts.key("login", berta.email), 5_000)
    async with client_at(app, HOME) as home:
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 200
        assert (await log_in(home, berta.email, PASSWORD)).status_code == 429
        stored = await world.scalar("SELECT password_hash FROM user_account WHERE id = :id", id=anna.id)
        cookie = home.cookies[devices.COOKIE].strip('"')
        assert devices.known(cookie, anna.id, stored) is not None
        assert devices.known(cookie, anna.id, stored + "x") is None
        assert devices.known(cookie, berta.id, stored) is None
        assert devices.known(cookie[:-4] + "AAAA", anna.id, stored) is None
        assert devices.known("è", anna.id, stored) is None


async def test_productions_cookie_is_for_this_host_alone(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    with in_force():
        given = (await log_in(client, anna.email, PASSWORD)).headers["set-cookie"]
        cookie, *attributes = given.split("; ")
        name, _, value = cookie.partition("=")
        assert name == "__Host-beatrice_device"
        assert sorted(attributes) == ["HttpOnly", "Max-Age=15552000", "Path=/", "SameSite=strict", "Secure"]
        await tried(world, attempts.key("login", anna.email), 5_000)
        for sent, status in ((devices.COOKIE, 429), (name, 200)):
            client.cookies = httpx.Cookies({sent: value.strip('"')})
            assert (await log_in(client, anna.email, PASSWORD)).status_code == status


async def test_the_cookie_is_no_way_to_guess(app: FastAPI, world: World) -> None:
    anna = await somebody(world)
    async with client_at(app, HOME) as home:
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 200
        most = TRIES_PER_DEVICE + TRIES_PER_NETWORK
        answers = [(await log_in(home, anna.email, "wrong")).status_code for _ in range(most + 1)]
        assert answers == [401] * most + [429]


async def test_the_account_as_a_whole_is_slowed_not_shut(app: FastAPI, world: World) -> None:
    anna = await somebody(world)
    most = config.settings().login_attempts_per_account
    await tried(world, attempts.key("login", anna.email), most)
    async with client_at(app, HOME) as home:
        refused = await log_in(home, anna.email, PASSWORD)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 31
        # half a minute later there is one more try, and only one
        await world.execute("UPDATE attempt_count SET window_start = window_start - interval '31 seconds'")
        assert (await log_in(home, anna.email, "wrong")).status_code == 401
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 429
        await world.execute("UPDATE attempt_count SET window_start = window_start - interval '30 seconds'")
        assert (await log_in(home, anna.email, PASSWORD)).status_code == 200


async def test_a_reset_is_never_refused_to_the_victim_and_knows_her_device(app: FastAPI, world: World) -> None:
    anna = await somebody(world)
    body = {"email": anna.email}
    async with client_at(app, ATTACKER) as attacker, client_at(app, HOME) as home:
        answers = [(await attacker.post("/v1/auth/password_resets", json=body)).status_code for _ in range(30)]
        assert answers == [202] * 30
        assert (await home.post("/v1/auth/password_resets", json=body)).status_code == 202
        assert await world.scalar("SELECT count(*) FROM outgoing_mail") == 1
        token = await mailed_token(world, anna.email)
        done = await home.post(f"/v1/auth/password_resets/{token}/accept", json={"password": NEW_PASSWORD})
        assert done.status_code == 204
        await tried(world, attempts.key("login", anna.email), 5_000)
        assert (await log_in(home, anna.email, NEW_PASSWORD)).status_code == 200


@pytest.mark.parametrize("email", ["anna@example.com", "nobody@example.com"])
async def test_who_watches_is_told_once(app: FastAPI, world: World, email: str) -> None:
    anna = await somebody(world)
    await tried(world, attempts.key("login", email), config.settings().login_attempts_per_account - 1)
    async with client_at(app, ATTACKER) as attacker:
        assert (await log_in(attacker, email, "wrong")).status_code == 401
        assert (await log_in(attacker, email, "wrong")).status_code == 429
    alarms = "SELECT actor_kind, actor_id, action, object_id FROM audit_entry WHERE action = 'login.slowed_down'"
    told = await world.execute(alarms)
    expected = [("anonymous", None, "login.slowed_down", anna.id)] if email == anna.email else []
    assert [tuple(row) for row in told] == expected


async def test_a_logged_in_person_changes_her_password_under_attack(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    await tried(world, attempts.key("login", anna.email), 5_000)
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert (await client.post("/v1/me/password", json=body, headers=anna.headers)).status_code == 204
