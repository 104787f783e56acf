"""The pages in a real browser: every state at two widths, and the ways people take. Needs Debian's Chromium."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from importlib.util import find_spec
from typing import Any

import pytest
import uvicorn

from app import ids
from app.db import Database
from app.main import create_app
from tests.bookings.scene import Scene

CHROMIUM = os.environ.get("BEATRICE_CHROMIUM") or shutil.which("chromium")
LACKING = [name for name in ("playwright", "axe_playwright_python") if find_spec(name) is None]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
VIOLATIONS = """async rules => (await axe.run(document, {runOnly: rules})).violations
    .map(one => one.id + ": " + one.nodes.map(node => node.html.slice(0, 160)).join(" | "))"""
WORSE = {"error", "warning"}
WIDE, NARROW = 1280, 360


@pytest.fixture(autouse=True)
def needs_a_browser() -> None:
    """Skip where there is no browser, and say so; where CI runs that is a failure."""
    reason = "no Chromium on this machine (Debian: apt-get install chromium; or set BEATRICE_CHROMIUM)"
    if LACKING:
        reason = f"not installed: {', '.join(LACKING)}"
    if LACKING or CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@dataclass
class Watched:
    """A page in a browser, and what it complained of."""

    page: Any
    base: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        answer = await self.page.goto(self.base + path)
        assert answer.status == 200, path

    async def pick_a_time(self, offering: str) -> None:
        await self.open(f"/offerings/{offering}")
        await self.page.locator("label.slot").first.click()

    def path(self) -> str:
        return str(self.page.url).removeprefix(self.base)


@dataclass
class Ring:
    """A browser beside a served application."""

    browser: Any
    base: str
    token: str

    @asynccontextmanager
    async def tab(self, *, width: int = WIDE, script: bool = True, language: str = "it") -> AsyncIterator[Watched]:
        context = await self.browser.new_context(
            viewport={"width": width, "height": 900}, java_script_enabled=script, locale=language
        )
        context.set_default_timeout(30_000)
        cookies = [{"name": "beatrice", "value": self.token, "url": self.base}]
        if language == "en":
            cookies.append({"name": "beatrice_language", "value": "en", "url": self.base})
        await context.add_cookies(cookies)
        watched = Watched(await context.new_page(), self.base)
        watched.page.on("console", lambda said: said.type in WORSE and watched.complaints.append(said.text))
        watched.page.on("pageerror", lambda error: watched.complaints.append(str(error)))
        watched.page.on("request", lambda asked: self.stranger(watched, asked.url))
        yield watched
        await context.close()

    def stranger(self, watched: Watched, url: str) -> None:
        if not url.startswith((self.base, "data:", "about:")):
            watched.complaints.append(f"asked {url}")


@asynccontextmanager
async def served(database: Database) -> AsyncIterator[str]:
    """Serve the application on a port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(create_app(database), lifespan="off", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await task


@pytest.fixture
async def ring(fresh_scene: Scene, fresh_database: Database) -> AsyncIterator[Ring]:
    """A browser with the session of the employee; the offering has three free times."""
    from playwright.async_api import async_playwright

    for day in (25, 26, 27):
        await fresh_scene.slot(datetime(2026, 11, day, 9, tzinfo=UTC))
    async with served(fresh_database) as base, async_playwright() as player:
        browser = await player.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield Ring(browser, base, fresh_scene.person.headers["Authorization"].removeprefix("Bearer "))
        await browser.close()


async def test_every_state_is_accessible_and_fits(ring: Ring, fresh_scene: Scene) -> None:
    """The page, no sideways scroll, no complaint, no stranger; at the narrow width axe too."""
    offering = ids.encode("off", fresh_scene.offering_id)
    booked = (await fresh_scene.book([await fresh_scene.slot(datetime(2026, 11, 28, 9, tzinfo=UTC))]))["id"]
    quote = (await fresh_scene.quote([await fresh_scene.slot(datetime(2026, 11, 24, 12, tzinfo=UTC))])).json()["id"]
    mother = ids.encode("ben", fresh_scene.mother_id)
    axe = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
    states = (
        "/", "/offerings?q=assistenza", "/offerings?q=nulla", "/offerings?age=x", f"/offerings/{offering}",
        f"/providers/{fresh_scene.provider.public_id}", "/rules", "/municipalities?q=albino", "/accessibility",
        "/privacy", "/login", "/password/reset", "/invitations/x", "/home", f"/me/quotes/{quote}", "/me/bookings",
        f"/me/bookings/{booked}", f"/me/bookings/{booked}/cancel", "/me/wallet", "/me/beneficiaries", "/me/sessions",
        "/me/contact", "/me/password", "/me/totp", "/me/disputes", f"/me/beneficiaries/{mother}", "/email_changes/x",
        "/step_up", "/no/such/page",
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for width in (WIDE, NARROW):
        async with ring.tab(width=width) as tab:
            for path in states:
                answer = await tab.page.goto(ring.base + path)
                expected = {"/no/such/page": 404, "/offerings?age=x": 422}.get(path, 200)
                wrong = [f"status {answer.status}"] if answer.status != expected else []
                if (sideways := await tab.page.evaluate(SIDEWAYS)) > 0:
                    wrong.append(f"{sideways} px sideways")
                wrong += [said for said in tab.complaints if f"status of {expected}" not in said]
                tab.complaints.clear()
                if width == NARROW:
                    await tab.page.evaluate(axe)
                    wrong += await tab.page.evaluate(VIOLATIONS, RULES)
                    tab.complaints.clear()
                if wrong:
                    found[f"{path} at {width}"] = wrong
    assert found == {}


async def test_booking_without_script_by_a_double_click(ring: Ring, fresh_scene: Scene) -> None:
    async with ring.tab(script=False) as tab:
        await tab.pick_a_time(ids.encode("off", fresh_scene.offering_id))
        await tab.page.get_by_role("button", name="Vedi prezzo e chi paga").click()
        await tab.page.wait_for_url("**/me/quotes/*")
        await tab.page.get_by_role("button", name="Prenota", exact=True).dblclick(no_wait_after=True)
        await tab.page.wait_for_url("**/me/bookings/*?done=booked")
        assert tab.complaints == []
    assert await fresh_scene.world.scalar("SELECT count(*) FROM care.booking") == 1


async def test_booking_by_the_keyboard_alone_in_english(ring: Ring, fresh_scene: Scene) -> None:
    async def go_to(selector: str) -> None:
        for _ in range(80):
            await tab.page.keyboard.press("Tab")
            if await tab.page.evaluate("chosen => document.activeElement.matches(chosen)", selector):
                return
        pytest.fail(f"the Tab key never reaches {selector}")

    async with ring.tab(language="en") as tab:
        await tab.open(f"/offerings/{ids.encode('off', fresh_scene.offering_id)}")
        await go_to("[name='slot_ids[]']")
        await tab.page.keyboard.press("Space")
        await go_to("main form button")
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**/me/quotes/*")
        assert await tab.page.get_by_role("heading", level=1).inner_text() == "Check and book"
        await go_to("form[action$='/book'] button")
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**/me/bookings/*?done=booked")
        assert await tab.page.get_by_role("status").inner_text() == "Your booking is registered."
        assert tab.complaints == []
    assert await fresh_scene.world.scalar("SELECT count(*) FROM care.booking") == 1
