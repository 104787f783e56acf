"""What comes between a form and its answer: a session that ended, a fresh proof, a limit, a fault. Nothing is lost."""

import html
import re

import httpx
import pyotp
import pytest
from starlette.types import Receive, Scope, Send

from app import clock, config
from app.http.middleware import Edge
from app.identity import passwords
from app.portal.render import respond
from tests.bookings.scene import Scene
from tests.portal.browsing import HERE, Browsing, told
from tests.portal.test_wire import ROSA
from tests.world import World
from tests.world.given import PASSWORD


def hidden(answer: httpx.Response) -> dict[str, str]:
    """Return what the page's form carries unseen."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', answer.text)
    return {name: html.unescape(value) for name, value in found}


async def test_a_session_that_ended_loses_nothing_of_a_form(client: httpx.AsyncClient, scene: Scene) -> None:
    user, world = scene.person.user_id, scene.world
    await world.execute(
        "UPDATE user_account SET password_hash = :hash WHERE id = :id", hash=passwords.hash_now(PASSWORD), id=user
    )
    count = "SELECT count(*) FROM care.beneficiary"
    before = await world.scalar(count)
    ended = Browsing(client, {"Authorization": "Bearer " + "x" * 43})
    asked = await ended.send("/me/beneficiaries", {**ROSA, "given_name": 'Rosa "la nonna"'})
    assert asked.status_code == 401
    assert "La sessione è terminata: accedi di nuovo." in told(asked)
    assert asked.headers["set-cookie"].startswith('beatrice=""; expires=')
    login = {"email": await world.scalar("SELECT email FROM user_account WHERE id = :id", id=user), **hidden(asked)}
    stranger = Browsing(client, {})
    wrong = await stranger.send("/login", {**login, "password": "wrong"})
    assert (wrong.status_code, hidden(wrong)) == (401, hidden(asked))
    back = await stranger.send("/login", {**login, "password": PASSWORD})
    assert (back.status_code, "qui c'è quello che avevi scritto" in told(back)) == (200, True)
    assert 'value="Rosa &#34;la nonna&#34;"' in back.text
    assert await world.scalar(count) == before
    token = re.match(r"beatrice=(\w[^;]+); HttpOnly", back.headers["set-cookie"])
    assert token is not None
    client.cookies.clear()
    sent = await Browsing(client, {"Authorization": f"Bearer {token[1]}"}).send("/me/beneficiaries", ROSA)
    assert (sent.status_code, await world.scalar(count)) == (303, before + 1)


async def test_a_fresh_proof_brings_back_what_was_typed(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(vars(config.settings()), "step_up", True)
    user, headers = await world.login("capo@example.test", passwords.hash_now(PASSWORD))
    provider = await world.provider()
    await world.membership(user, provider.id, "manager")
    manager, path = Browsing(client, headers), f"/organisations/{provider.public_id}/members"
    typed = {"email": "nuova@example.test", "roles[]": ["manager", "staff"]}
    lacking = await manager.send(path, typed)
    assert (lacking.status_code, "Attivalo ora" in told(lacking)) == (403, True)
    secret = re.search(r"<code>([A-Z2-7]+)</code>", (await manager.send("/me/totp")).text)
    assert secret is not None
    await manager.send("/me/totp/confirm", {"code": pyotp.TOTP(secret[1]).at(clock.real())})
    await world.execute("UPDATE session_token SET proved_at = NULL")
    asked = await manager.send(path, typed)
    assert (asked.status_code, "Conferma chi sei" in told(asked)) == (403, True)
    wrong = await manager.send("/step_up", {**hidden(asked), "password": "wrong"})
    assert (wrong.status_code, hidden(wrong)) == (403, hidden(asked))
    back = await manager.send("/step_up", {**hidden(asked), "password": PASSWORD})
    assert (back.status_code, "qui c'è quello che avevi scritto" in told(back)) == (200, True)
    assert 'value="nuova@example.test"' in back.text
    assert re.findall(r'name="roles\[\]" value="(\w+)" checked', back.text) == ["manager", "staff"]
    assert PASSWORD not in back.text
    assert await world.scalar("SELECT count(*) FROM invitation") == 0
    assert (await manager.send(path, typed)).headers["location"] == f"{path}?done=member_invited"
    assert await world.scalar("SELECT count(*) FROM invitation") == 1


@pytest.mark.parametrize(("language", "broke", "many"), [
    ("it", "Qualcosa si è rotto", "Troppe richieste"), ("en", "Something broke", "Too many requests"),
])  # fmt: skip
async def test_limits_and_faults_are_pages_to_a_browser_only(language: str, broke: str, many: str) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise ZeroDivisionError

    edge = Edge(broken, sandbox=True, requests_per_minute=2, respond=respond)
    transport = httpx.ASGITransport(app=edge)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers={"Accept-Language": language}) as client:
        program = await client.get("/v1/me")
        fault, limit = await client.get("/me/wallet"), await client.get("/me/wallet")
    assert (program.status_code, program.json()["code"]) == (500, "internal_error")
    assert (fault.status_code, broke in told(fault)) == (500, True)
    assert fault.headers["x-request-id"] in told(fault)
    assert "ZeroDivisionError" not in fault.text
    assert (limit.status_code, many in told(limit)) == (429, True)
    assert int(limit.headers["retry-after"]) > 0


@pytest.mark.parametrize(("language", "lost", "forbidden"), [
    ("it", "Pagina non trovata", "Non è permesso"), ("en", "Page not found", "Not allowed"),
])  # fmt: skip
async def test_what_is_not_there_and_not_allowed_is_said_in_both_languages(
    language: str, lost: str, forbidden: str, client: httpx.AsyncClient, scene: Scene
) -> None:
    person = Browsing(client, scene.person.headers)
    for path, status, title in (("/no/such/page", 404, lost), ("/operator", 403, forbidden)):
        answer = await person.get(path, headers={"Accept-Language": language})
        assert (answer.status_code, title in told(answer)) == (status, True), path
