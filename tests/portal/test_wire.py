"""What a browser may send and what other sites may make it send."""

import asyncio
import re
from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest

from app.identity import passwords
from app.portal.render import POLICY
from tests.bookings.scene import Scene
from tests.portal.browsing import HERE, Browsing, told
from tests.world import World
from tests.world.given import PASSWORD

ROSA = {"given_name": "Rosa", "family_name": "Esempio", "relation": "parent", "birth_date": "1944-03-08"}
PAGE_BUDGET = 60 * 1024


@pytest.fixture
def browser(client: httpx.AsyncClient, scene: Scene) -> Browsing:
    return Browsing(client, scene.person.headers)


async def relatives(world: World) -> int:
    return int(await world.scalar("SELECT count(*) FROM care.beneficiary"))


async def test_the_cookie_opens_pages_only_and_the_token_the_api_only(browser: Browsing, scene: Scene) -> None:
    assert (await browser.get("/home")).status_code == 200
    assert (await browser.get("/v1/me")).status_code == 401
    assert (await browser.client.get("/v1/me", headers=scene.person.headers)).status_code == 200
    away = await browser.client.get("/home", headers=scene.person.headers)
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=%2Fhome")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": HERE + ".evil.example"},
        {"Sec-Fetch-Site": "cross-site", "Origin": HERE},
        {"Sec-Fetch-Site": "same-site", "Origin": HERE},
    ],
)
async def test_a_form_of_another_site_changes_nothing(headers: dict[str, str], browser: Browsing, world: World) -> None:
    before = await relatives(world)
    refused = await browser.send("/me/beneficiaries", ROSA, headers=headers)
    assert (refused.status_code, "Il modulo arriva da un altro sito" in told(refused)) == (403, True)
    assert await relatives(world) == before


async def test_a_form_of_our_own_counts(browser: Browsing, world: World) -> None:
    before = await relatives(world)
    for headers in ({"Origin": HERE}, {"Sec-Fetch-Site": "same-origin"}):
        assert (await browser.send("/me/beneficiaries", ROSA, headers=headers)).status_code == 303
    assert await relatives(world) == before + 2


async def test_a_session_that_ended_is_forgotten(client: httpx.AsyncClient) -> None:
    stale = Browsing(client, {"Authorization": "Bearer " + "x" * 43})
    away = await stale.get("/me/wallet")
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=%2Fme%2Fwallet&done=ended")
    assert away.headers["set-cookie"].startswith('beatrice=""; expires=')
    public = await stale.get("/rules")
    assert (public.status_code, public.headers["location"]) == (303, "/rules")
    assert public.headers["set-cookie"].startswith('beatrice=""; expires=')


async def log_in(client: httpx.AsyncClient, email: str, next_page: str = "", **headers: str) -> httpx.Response:
    form = {"email": email, "password": PASSWORD, "next": next_page}
    return await client.post("/login", data=form, headers={"Origin": HERE, **headers})


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "http://evil.example", "/\\evil.example", "%2F%2Fevil.example", "/a@evil.example", "/\t/evil"],
)
async def test_nobody_is_led_to_another_site(elsewhere: str, client: httpx.AsyncClient, world: World) -> None:
    await world.login("anna@example.test", passwords.hash_now(PASSWORD))
    assert (await log_in(client, "anna@example.test", elsewhere)).headers["location"] == "/home"
    assert (await client.get("/language/en", params={"next": elsewhere})).headers["location"] == "/"


async def test_a_login_makes_a_session_of_its_own_and_logging_out_ends_it(
    client: httpx.AsyncClient, world: World
) -> None:
    """A token that somebody put into the browser before the login is never adopted."""
    await world.login("anna@example.test", passwords.hash_now(PASSWORD))
    planted = "p" * 43
    thrown = await log_in(client, "anna@example.test", "/me/sessions", Cookie=f"beatrice={planted}")
    assert (thrown.status_code, thrown.headers["location"]) == (303, "/login?done=ended")
    assert thrown.headers["set-cookie"].startswith('beatrice=""; expires=')
    entered = await log_in(client, "anna@example.test", "/me/sessions")
    client.cookies.clear()
    assert (entered.status_code, entered.headers["location"]) == (303, "/me/sessions")
    kept = entered.headers["set-cookie"]
    token = re.match(r"beatrice=(\w[^;]+); HttpOnly; Max-Age=\d+; Path=/; SameSite=lax", kept)
    assert token is not None, kept
    assert token[1] != planted
    person = Browsing(client, {"Authorization": f"Bearer {token[1]}"})
    assert (await person.get("/home")).status_code == 200
    out = await person.send("/logout")
    assert (out.status_code, out.headers["location"]) == (303, "/?done=logged_out")
    assert out.headers["clear-site-data"] == '"cache"'
    assert out.headers["set-cookie"].startswith('beatrice=""; expires=')
    assert (await person.get("/home")).status_code == 303
    assert (await client.get("/v1/me", headers={"Authorization": f"Bearer {token[1]}"})).status_code == 401


@pytest.mark.parametrize("path", ["/", "/login", "/home", "/no/such/page"])
async def test_no_page_is_framed_kept_or_scripted(path: str, browser: Browsing) -> None:
    headers = (await browser.get(path)).headers
    assert headers["content-security-policy"] == POLICY
    assert "frame-ancestors 'none'" in POLICY
    assert "script-src" not in POLICY
    expected = {
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "cache-control": "no-store",
        "cross-origin-opener-policy": "same-origin",
    }
    assert {name: headers[name] for name in expected} == expected


async def test_clicks_at_once_book_once_and_lead_to_the_same_page(fresh_scene: Scene) -> None:
    slot = await fresh_scene.slot(datetime(2026, 11, 26, 9, tzinfo=UTC))
    quote = (await fresh_scene.quote([slot])).json()["id"]
    person = Browsing(fresh_scene.client, fresh_scene.person.headers)
    key = uuid4().hex
    answers = await asyncio.gather(*(person.send(f"/me/quotes/{quote}/book", key=key) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [303] * 4, told(answers[0])
    (place,) = {answer.headers["location"] for answer in answers}
    assert re.fullmatch(r"/me/bookings/bkg_\w+\?done=booked", place)
    assert await fresh_scene.world.scalar("SELECT count(*) FROM care.booking") == 1
    assert "Prenotazione registrata." in told(await person.get(place))


async def test_a_form_without_its_key_books_nothing(browser: Browsing, scene: Scene) -> None:
    slot = await scene.slot(datetime(2026, 11, 26, 9, tzinfo=UTC))
    quote = (await scene.quote([slot])).json()["id"]
    for key in ("", "x" * 65, "no good"):
        refused = await browser.client.post(
            f"/me/quotes/{quote}/book", data={"key": key}, headers={**browser.cookie, "Origin": HERE}
        )
        assert refused.status_code == 400
    assert await scene.world.scalar("SELECT count(*) FROM care.booking") == 0


async def test_the_search_page_is_light(browser: Browsing, scene: Scene) -> None:
    """A full page of hits, its style sheet and its icon: three requests."""
    for _ in range(24):
        await scene.world.offering(scene.provider)
    page = await browser.get("/offerings")
    assert page.text.count('<li class="card">') == 24
    needed = sorted(set(re.findall(r'(?:<link rel="(?:stylesheet|icon)" href|src)="([^"]+)"', page.text)))
    assert needed == ["/static/icon.svg", "/static/portal.css"]
    files = [await browser.get(path) for path in needed]
    assert [file.headers["cache-control"] for file in files] == ["public, max-age=3600"] * 2
    assert sum(len(answer.content) for answer in (page, *files)) < PAGE_BUDGET
