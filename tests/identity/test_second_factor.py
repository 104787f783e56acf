from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy.exc import DBAPIError

from app import clock, config
from app.identity.second_factor import RECOVERY_CODES, TRIES
from tests.identity.conftest import NEW_PASSWORD, Login, log_in
from tests.people import mailed_token
from tests.world import Party, World
from tests.world.given import PASSWORD

START = datetime(2026, 11, 30, 12, 0, 10, tzinfo=UTC)


class Watch:
    """Real time as the test says."""

    def __init__(self) -> None:
        self.now = START

    def codes(self, secret: str, *steps: int) -> list[str]:
        return [pyotp.TOTP(secret).at(self.now, counter_offset=step) for step in steps]


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(clock, "real", lambda: made.now)
    return made


@pytest.fixture
def step_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ask for fresh proofs in the sandbox too."""
    monkeypatch.setenv("BEATRICE_STEP_UP", "true")
    config.settings.cache_clear()
    yield
    monkeypatch.undo()
    config.settings.cache_clear()


@pytest.fixture
async def unproven(world: World, anna: Login) -> None:
    """Let Anna's session have given no proof yet: to log in is one."""
    await world.execute("UPDATE session_token SET proved_at = NULL WHERE user_id = :id", id=anna.id)


async def log_in_with(client: httpx.AsyncClient, login: Login, otp: str) -> httpx.Response:
    form = {"username": login.email, "password": PASSWORD, "otp": otp}
    return await client.post("/v1/auth/token", data=form)


async def enrol(client: httpx.AsyncClient, login: Login, watch: Watch) -> tuple[str, list[str]]:
    """Return the secret and the recovery codes; the code of the present step is used up."""
    made = await client.post("/v1/me/totp", headers=login.headers)
    assert made.status_code == 201
    secret = made.json()["secret"]
    code = watch.codes(secret, 0)[0]
    confirmed = await client.post("/v1/me/totp/confirm", json={"code": code}, headers=login.headers)
    assert confirmed.status_code == 200
    return secret, confirmed.json()["recovery_codes"]


async def factors(world: World) -> list[tuple[Any, ...]]:
    rows = await world.execute("SELECT user_id, confirmed_at, last_step FROM second_factor ORDER BY user_id")
    return [tuple(row) for row in rows]


async def uses(world: World) -> list[str]:
    """What the trail says of codes that counted."""
    acts = await world.execute("SELECT action FROM audit_entry WHERE action LIKE 'second_factor.use%' ORDER BY id")
    return [row.action for row in acts]


async def test_a_login_with_a_second_factor_needs_a_code(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    secret, recovery = await enrol(client, anna, watch)
    assert (len(set(recovery)), {len(code) for code in recovery}) == (RECOVERY_CODES, {24})
    watch.now += timedelta(seconds=30)
    before = await world.scalar("SELECT count(*) FROM session_token")
    asked = await log_in(client, anna.email, PASSWORD)
    assert (asked.status_code, asked.json()["code"]) == (401, "second_factor_required")
    wrong = await log_in_with(client, anna, "000000")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "second_factor_wrong")
    assert await world.scalar("SELECT count(*) FROM session_token") == before
    assert (await log_in_with(client, anna, watch.codes(secret, 0)[0])).status_code == 200
    listed = await client.get("/v1/me/sessions", headers=anna.headers)
    # The session that confirmed it gave a code as well.
    assert [one["second_factor"] for one in listed.json()["data"]] == [True, True]


async def test_a_wrong_password_never_asks_for_a_code(client: httpx.AsyncClient, anna: Login, watch: Watch) -> None:
    await enrol(client, anna, watch)
    wrong = await log_in(client, anna.email, "wrong")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "invalid_credentials")


async def test_no_code_counts_twice_nor_an_older_one_after_it(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    secret, _ = await enrol(client, anna, watch)
    watch.now += timedelta(seconds=90)
    old, present, coming, far = watch.codes(secret, -1, 0, 1, 2)
    assert (await log_in_with(client, anna, far)).status_code == 401
    assert (await log_in_with(client, anna, present)).status_code == 200
    assert (await log_in_with(client, anna, present)).status_code == 401
    assert (await log_in_with(client, anna, old)).status_code == 401
    assert (await log_in_with(client, anna, coming)).status_code == 200
    assert await uses(world) == ["second_factor.use"] * 2


async def test_the_code_that_confirmed_does_not_log_in(client: httpx.AsyncClient, anna: Login, watch: Watch) -> None:
    secret, _ = await enrol(client, anna, watch)
    assert (await log_in_with(client, anna, watch.codes(secret, 0)[0])).status_code == 401


async def test_a_recovery_code_counts_once_and_the_person_is_told(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    _, recovery = await enrol(client, anna, watch)
    assert (await log_in_with(client, anna, recovery[0].lower())).status_code == 200
    newest = await world.execute("SELECT recipient, text FROM outgoing_mail ORDER BY id DESC")
    assert (newest[0].recipient, "codice di recupero" in newest[0].text) == (anna.email, True)
    assert (await log_in_with(client, anna, recovery[0])).status_code == 401
    assert (await log_in_with(client, anna, recovery[1])).status_code == 200
    assert await uses(world) == ["second_factor.use_recovery_code"] * 2


async def test_guesses_of_the_code_end(client: httpx.AsyncClient, anna: Login, watch: Watch) -> None:
    secret, _ = await enrol(client, anna, watch)
    watch.now += timedelta(seconds=30)
    answers = [(await log_in_with(client, anna, "000000")).status_code for _ in range(TRIES + 1)]
    assert answers == [401] * TRIES + [429]
    assert (await log_in_with(client, anna, watch.codes(secret, 0)[0])).status_code == 429


async def test_secret_and_codes_are_not_in_the_database(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    secret, recovery = await enrol(client, anna, watch)
    rows = await world.execute("SELECT to_jsonb(f)::text AS row FROM second_factor f")
    rows += await world.execute("SELECT to_jsonb(c)::text AS row FROM recovery_code c")
    sealed = await world.scalar("SELECT sealed_secret FROM second_factor")
    assert len(rows) == 1 + RECOVERY_CODES
    assert secret.encode() not in bytes(sealed)
    assert [code for code in recovery if any(code in row.row for row in rows)] == []


async def test_an_unconfirmed_secret_asks_nobody_and_gives_way(
    client: httpx.AsyncClient, anna: Login, watch: Watch
) -> None:
    first = (await client.post("/v1/me/totp", headers=anna.headers)).json()["secret"]
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 200
    second = (await client.post("/v1/me/totp", headers=anna.headers)).json()["secret"]
    for secret, status in ((first, 401), (second, 200)):
        body = {"code": watch.codes(secret, 0)[0]}
        answer = await client.post("/v1/me/totp/confirm", json=body, headers=anna.headers)
        assert answer.status_code == status


async def test_a_second_factor_is_replaced_only_by_removing_it(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    secret, recovery = await enrol(client, anna, watch)
    before = await factors(world)
    again = await client.post("/v1/me/totp", headers=anna.headers)
    assert (again.status_code, again.json()["state"]) == (409, "confirmed")
    wrong = await client.post("/v1/me/totp/remove", json={"otp": "000000"}, headers=anna.headers)
    assert wrong.status_code == 401
    assert await factors(world) == before
    gone = await client.post("/v1/me/totp/remove", json={"otp": recovery[3]}, headers=anna.headers)
    assert gone.status_code == 204
    assert await factors(world) == []
    assert await world.scalar("SELECT count(*) FROM recovery_code") == 0
    assert (await log_in(client, anna.email, PASSWORD)).status_code == 200
    assert secret


async def test_a_reset_is_no_way_around(client: httpx.AsyncClient, world: World, anna: Login, watch: Watch) -> None:
    await enrol(client, anna, watch)
    await client.post("/v1/auth/password_resets", json={"email": anna.email})
    token = await mailed_token(world, anna.email)
    done = await client.post(f"/v1/auth/password_resets/{token}/accept", json={"password": NEW_PASSWORD})
    assert done.status_code == 204
    asked = await log_in(client, anna.email, NEW_PASSWORD)
    assert (asked.status_code, asked.json()["code"]) == (401, "second_factor_required")


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE second_factor SET last_step = last_step - 1",
        "UPDATE second_factor SET last_step = last_step",
        "UPDATE second_factor SET last_step = NULL, confirmed_at = NULL",
        "UPDATE second_factor SET sealed_secret = 'x', last_step = last_step + 1",
    ],
)
async def test_the_database_refuses_a_second_use(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch, attack: str
) -> None:
    await enrol(client, anna, watch)
    before = await factors(world)
    with pytest.raises(DBAPIError, match="counts once"):
        await world.execute(attack)
    assert await factors(world) == before


async def test_a_used_recovery_code_stays_used(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    _, recovery = await enrol(client, anna, watch)
    assert (await log_in_with(client, anna, recovery[0])).status_code == 200
    with pytest.raises(DBAPIError, match="counts once"):
        await world.execute("UPDATE recovery_code SET used_at = NULL WHERE used_at IS NOT NULL")


# Step-up


async def make_key(client: httpx.AsyncClient, provider: Party, headers: dict[str, str]) -> httpx.Response:
    body = {"name": "site", "scopes": ["bookings:read"]}
    return await client.post(f"/v1/organisations/{provider.public_id}/api_keys", json=body, headers=headers)


@pytest.mark.usefixtures("step_up", "unproven")
async def test_an_act_that_needs_it_asks_for_code_and_fresh_proof(
    client: httpx.AsyncClient, world: World, anna: Login, watch: Watch
) -> None:
    provider = await world.provider()
    await world.membership(anna.id, provider.id, "manager")
    refused = await make_key(client, provider, anna.headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_missing")
    assert await world.scalar("SELECT count(*) FROM api_key") == 0
    # a stolen session cannot give itself a second factor: that needs a proof too
    assert (await client.post("/v1/me/totp", headers=anna.headers)).json()["needs"] == "proof"
    proved = await client.post("/v1/auth/step_up", json={"password": PASSWORD}, headers=anna.headers)
    assert proved.json() == {"valid_until": "2026-11-30T12:15:10Z"}
    assert (await make_key(client, provider, anna.headers)).json()["code"] == "second_factor_missing"
    secret, _ = await enrol(client, anna, watch)
    watch.now += timedelta(seconds=30)
    code = watch.codes(secret, 0)[0]
    assert (await client.post("/v1/auth/step_up", json={"otp": code}, headers=anna.headers)).status_code == 200
    assert (await make_key(client, provider, anna.headers)).status_code == 201
    watch.now += timedelta(minutes=15)
    stale = await make_key(client, provider, anna.headers)
    assert (stale.status_code, stale.json()["needs"]) == (403, "proof")
    assert await world.scalar("SELECT count(*) FROM api_key") == 1


@pytest.mark.usefixtures("step_up", "unproven")
async def test_a_proof_counts_for_its_own_session(client: httpx.AsyncClient, anna: Login, watch: Watch) -> None:
    assert watch.now == START
    fresh = (await log_in(client, anna.email, PASSWORD)).json()["access_token"]
    headers = {"Authorization": f"Bearer {fresh}"}
    assert (await client.post("/v1/me/totp", headers=headers)).status_code == 201
    assert (await client.post("/v1/me/totp", headers=anna.headers)).status_code == 403


@pytest.mark.usefixtures("step_up", "unproven")
async def test_ending_a_session_needs_a_proof_and_logging_out_none(
    client: httpx.AsyncClient, anna: Login, watch: Watch
) -> None:
    assert watch.now == START
    there = {"Authorization": f"Bearer {(await log_in(client, anna.email, PASSWORD)).json()['access_token']}"}
    listed = (await client.get("/v1/me/sessions", headers=there)).json()["data"]
    other = next(f"/v1/me/sessions/{one['id']}" for one in listed if one["current"])
    refused = await client.delete(other, headers=anna.headers)
    assert (refused.status_code, refused.json()["code"], refused.json()["needs"]) == (403, "step_up_required", "proof")
    assert (await client.get("/v1/me/contact", headers=there)).status_code == 200
    await client.post("/v1/auth/step_up", json={"password": PASSWORD}, headers=anna.headers)
    assert (await client.delete(other, headers=anna.headers)).status_code == 204
    assert (await client.get("/v1/me/contact", headers=there)).status_code == 401
    assert (await client.post("/v1/auth/logout", headers=anna.headers)).status_code == 204


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid"),
        ({"password": PASSWORD, "otp": "123456"}, 422, "invalid"),
        ({"password": "wrong"}, 403, "wrong_password"),
        ({"otp": "123456"}, 409, "state_conflict"),
    ],
)
@pytest.mark.usefixtures("unproven")
async def test_what_is_no_proof_proves_nothing(
    client: httpx.AsyncClient, world: World, anna: Login, body: dict[str, str], status: int, code: str
) -> None:
    refused = await client.post("/v1/auth/step_up", json=body, headers=anna.headers)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await world.scalar("SELECT count(*) FROM session_token WHERE proved_at IS NOT NULL") == 0


async def test_the_sandbox_asks_for_no_fresh_proof(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider()
    assert (await make_key(client, provider, provider.headers["manager"])).status_code == 201
