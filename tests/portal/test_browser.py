"""The pages in a real browser: every state at two widths, and the ways people take. Needs Debian's Chromium."""

import asyncio
import os
import re
import shutil
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pyotp
import pytest
import uvicorn
from structlog.testing import capture_logs

from app import clock, config, ids
from app.db import WORKER_TIMEOUTS, Database, create_database
from app.identity.password_rules import DEMO_PASSWORD
from app.main import create_app
from app.sandbox import demo
from tests.bookings.scene import Scene
from tests.conftest import Cluster
from tests.portal.test_access import PAGES
from tests.settlements.books import CUTOFF, NOW, Books

CHROMIUM = os.environ.get("BEATRICE_CHROMIUM") or shutil.which("chromium")
LACKING = [name for name in ("playwright", "axe_playwright_python") if find_spec(name) is None]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
SHAPE = (
    """() => Array.from(document.querySelectorAll("main *"), one => one.tagName + one.className + one.role).join()"""
)
"""What axe looks at, without the words: of pages that look alike to it one is enough."""
UNFOLD = """() => document.querySelectorAll("details").forEach(one => one.open = true)"""
LINKS = """() => Array.from(document.querySelectorAll("a[href^='/']"), one => one.getAttribute("href").split("#")[0])"""
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
VIOLATIONS = """async rules => (await axe.run(document, {runOnly: rules, resultTypes: ["violations"]})).violations
    .map(one => one.id + ": " + one.nodes.map(node => node.html.slice(0, 160)).join(" | "))"""
WORSE = {"error", "warning"}
WIDE, NARROW = 1280, 360


@dataclass
class Watched:
    """A page in a browser, and what it complained of."""

    page: Any
    base: str
    complaints: list[str] = field(default_factory=list)

    async def open(self, path: str) -> None:
        answer = await self.page.goto(self.base + path)
        assert answer.status == 200, path

    async def press(self, name: str) -> None:
        """Press the one button with this name, and wait for where it leads."""
        async with self.page.expect_navigation():
            await self.page.get_by_role("button", name=name, exact=True).click()

    async def follow(self, name: str) -> None:
        await self.page.get_by_role("link", name=name).first.click()

    async def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            await self.page.locator(f"main [name='{name}']").first.fill(value)

    async def pick_a_time(self, offering: str) -> None:
        await self.open(f"/offerings/{offering}")
        await self.page.locator("label.slot").first.click()
        await self.page.locator("[name=beneficiary_id]").first.check()

    def path(self) -> str:
        return str(self.page.url).removeprefix(self.base)

    async def faults(self, known: set[str] | None = None) -> list[str]:
        """Unfold the page; return what is wrong at either width: sideways scroll, what axe finds in a new shape."""
        await self.page.evaluate(UNFOLD)
        shape, wrong = await self.page.evaluate(SHAPE), []
        for width in (NARROW, WIDE):
            await self.page.set_viewport_size({"width": width, "height": 900})
            if (sideways := await self.page.evaluate(SIDEWAYS)) > 0:
                wrong.append(f"{sideways} px sideways at {width}")
            if known is None or shape not in known:
                wrong += [f"{found} at {width}" for found in await self.page.evaluate(VIOLATIONS, RULES)]
        if known is not None:
            known.add(shape)
        return wrong

    async def said(self) -> str:
        """Return what the page says was done."""
        return str(await self.page.get_by_role("status").inner_text())


@dataclass
class Ring:
    """A browser beside a served application."""

    browser: Any
    base: str

    @asynccontextmanager
    async def tab(
        self, who: dict[str, str] | None = None, *, script: bool = True, language: str = "it"
    ) -> AsyncIterator[Watched]:
        """Open a window of its own with the session that these headers name."""
        context = await self.browser.new_context(
            viewport={"width": WIDE, "height": 900},
            java_script_enabled=script,
            locale=language,
            reduced_motion="reduce",
        )
        context.set_default_timeout(30_000)
        cookies = [{"name": "beatrice_language", "value": language, "url": self.base}]
        if who is not None:
            token = who["Authorization"].removeprefix("Bearer ")
            cookies.append({"name": "beatrice", "value": token, "url": self.base})
        await context.add_cookies(cookies)
        await context.add_init_script((resources.files("axe_playwright_python") / "axe.min.js").read_text())
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


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Any]:
    """One browser for all; where there is none the ring is skipped and says why, where CI runs that is a failure."""
    reason = "no Chromium on this machine (Debian: apt-get install chromium; or set BEATRICE_CHROMIUM)"
    if LACKING:
        reason = f"not installed: {', '.join(LACKING)}"
    if LACKING or CHROMIUM is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    from playwright.async_api import async_playwright

    async with async_playwright() as player:
        launched = await player.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield launched
        await launched.close()


@pytest.fixture
async def ring(browser: Any, fresh_scene: Scene, fresh_database: Database) -> AsyncIterator[Ring]:
    """The scene, served; its offering has three free times."""
    for day in (25, 26, 27):
        await fresh_scene.slot(datetime(2026, 11, day, 9, tzinfo=UTC))
    async with served(fresh_database) as base:
        yield Ring(browser, base)


@pytest.fixture
async def demo_ring(browser: Any, cluster: Cluster, fresh_database_name: str) -> AsyncIterator[Ring]:
    """The demo world, served: long lists, long names, every state."""
    database = create_database(cluster.app_url(fresh_database_name), timeouts=WORKER_TIMEOUTS)
    with capture_logs():
        await demo.load(database, lambda _line: None)
        async with served(database) as base:
            yield Ring(browser, base)
    await database.dispose()


# Every state


PEOPLE = (
    "employee1@orobia-stampi", "hr@orobia-stampi", "employee2@orobia-stampi", "approver@orobia-stampi",
    "payroll@orobia-stampi", "manager@cooperativa-serio", "operator@beatrice", "coordinator@ambito-albino",
    "finance@beatrice",
)  # fmt: skip
STATES = {
    "/municipalities?q=albino": 200, "/offerings?q=nulla": 200, "/offerings?age=x": 422, "/step_up": 200,
    "/invitations/x": 404, "/password_resets/x": 200, "/email_changes/x": 200, "/email_changes/x/undo": 200,
    "/no/such/page": 404,
}  # fmt: skip
UNLINKED = {
    "/email_changes/{token}", "/email_changes/{token}/undo", "/invitations/{token}", "/me/quotes/{quote_id}",
    "/municipalities", "/password_resets/{token}", "/step_up",
    "/me/claims/{claim_id}",  # none of these people has asked for a reimbursement
}  # fmt: skip
"""Pages that no link leads to, but mails and forms: they are among the states, or on the way to a booking."""
FILES = re.compile(r"\.csv$|/payment_file$|/files/|^/language/")
ONCE = {"public", "session"}


@dataclass
class Walk:
    """Everybody follows every link to a page that nobody (of the same role) has seen yet."""

    ring: Ring
    seen: set[tuple[str, str]] = field(default_factory=set)
    shapes: set[str] = field(default_factory=set)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def is_new(self, who: str, link: str) -> bool:
        """Whether this leads to a page of ours that is new: its address without the ids, or another filter of it."""
        path = link.partition("?")[0]
        page = next((one for one in PAGES if "GET" in one.methods and one.path_regex.match(path)), None)
        if page is None or FILES.search(path):
            return False
        key = ("" if page.audience.name in ONCE else who, page.path)
        if key in self.seen:
            return False
        self.seen.add(key)
        return True

    async def take(self, *people: str) -> None:
        """Let one after the other go as far as links lead."""
        for who in people:
            async with self.ring.tab(await self.log_in(f"{who}.example")) as tab:
                waiting = deque(["/home"])
                while waiting:
                    await self.look(tab, who, waiting.popleft())
                    waiting += [link for link in await tab.page.evaluate(LINKS) if self.is_new(who, link)]

    async def log_in(self, email: str) -> dict[str, str]:
        async with httpx.AsyncClient(base_url=self.ring.base) as client:
            form = {"username": email, "password": DEMO_PASSWORD}
            answer = await client.post("/v1/auth/token", data=form)
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}

    async def look(self, tab: Watched, who: str, path: str, status: int = 200) -> None:
        """The page, no complaint, no stranger, and what is wrong at both widths."""
        tab.complaints.clear()
        answer = await tab.page.goto(tab.base + path)
        if path == "/sandbox" and not who.startswith("operator"):
            status = 403  # the link is on every page, the clock is the operator's
        wrong = [] if answer.status == status else [f"status {answer.status}"]
        wrong += await tab.faults(self.shapes)
        wrong += [said for said in tab.complaints if f"status of {status}" not in said]
        if wrong:
            self.wrong[f"{who} {path}"] = wrong


@pytest.mark.timeout(900)
async def test_every_page_is_accessible_and_fits(demo_ring: Ring) -> None:
    """Everybody's pages, as the links lead to them; then the states that no link leads to."""
    walk = Walk(demo_ring)
    await asyncio.gather(walk.take(*PEOPLE[::2]), walk.take(*PEOPLE[1::2]))
    async with demo_ring.tab() as tab:
        for path, status in STATES.items():
            await walk.look(tab, "nobody", path, status)
    assert walk.wrong == {}
    met = {page for _, page in walk.seen}
    unmet = {page.path for page in PAGES if "GET" in page.methods and not FILES.search(page.path)} - met
    assert unmet == UNLINKED


# What people do


async def test_booking_without_script_by_a_double_click(ring: Ring, fresh_scene: Scene) -> None:
    async with ring.tab(fresh_scene.person.headers, script=False) as tab:
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

    async with ring.tab(fresh_scene.person.headers, language="en") as tab:
        await tab.open(f"/offerings/{ids.encode('off', fresh_scene.offering_id)}")
        await go_to("[name='slot_ids[]']")
        await tab.page.keyboard.press("Space")
        await go_to("[name=beneficiary_id]")
        await tab.page.keyboard.press("Space")
        await go_to("main form .acts button")
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**/me/quotes/*")
        assert await tab.page.get_by_role("heading", level=1).inner_text() == "Check and book"
        await go_to("form[action$='/book'] button")
        await tab.page.keyboard.press("Enter")
        await tab.page.wait_for_url("**/me/bookings/*?done=booked")
        assert await tab.page.get_by_role("status").inner_text() == "Your booking is registered."
        assert tab.complaints == []
    assert await fresh_scene.world.scalar("SELECT count(*) FROM care.booking") == 1


TOTALS = "SELECT count(*) FROM care.booking"
HEAD = "matricola;nome;cognome;codice fiscale;categoria;data assunzione;e-mail\n"
NINA = "A1;Nina;Esempio;{};operai;01/12/2025;nina@example.test\n"


async def upload(tab: Watched, text: str) -> None:
    file = {"name": "personale.csv", "mimeType": "text/csv", "buffer": text.encode()}
    await tab.page.locator("#file").set_input_files(file)
    await tab.press("Prova")


async def activate_and_book(tab: Watched, path: str) -> None:
    """From the mailed link to a booking for a mother who is added on the way."""
    await tab.open(path)
    assert await tab.faults() == []
    await tab.fill(password="quattro anatre al lago")
    await tab.press("Attiva")
    assert await tab.said() == "Il tuo accesso è attivo."
    await tab.follow("Servizi")
    await tab.page.locator("main .card a").first.click()
    await tab.page.locator("label.slot").first.click()
    await tab.press("Un'altra persona...")
    rosa = {"given_name": "Rosa", "family_name": "Esempio", "birth_date": "1944-03-08"}
    await tab.fill(**rosa, **{"address.street": "Via Serio 1", "address.postcode": "24021", "municipality": "Albino"})
    await tab.page.locator("[name=relation]").select_option("parent")
    assert await tab.faults() == []
    await tab.press("Aggiungi e torna al servizio")
    assert await tab.said() == "Persona aggiunta."
    assert await tab.page.get_by_label("Rosa Esempio").is_checked()
    await tab.press("Vedi prezzo e chi paga")
    assert await tab.faults() == []
    await tab.press("Prenota")
    assert await tab.said() == "Prenotazione registrata."
    assert tab.complaints == []


async def test_from_the_import_of_staff_to_the_first_booking(ring: Ring, fresh_scene: Scene) -> None:
    """HR mends a row and prepares, another approves; the invited person books for her mother, from the mail on."""
    company, world = fresh_scene.company, fresh_scene.world
    await world.fund(company, 20_000_00)
    base = f"/companies/{company.public_id}"
    async with ring.tab(company.headers["hr"]) as tab:
        await tab.open(f"{base}/employees/import")
        await upload(tab, HEAD + NINA.format("XXX"))
        assert "Niente è stato salvato." in await tab.page.locator("main").inner_text()
        assert await tab.faults() == []
        await upload(tab, HEAD + NINA.format("RCCMNL83S18D969H"))
        await tab.press("Importa")
        assert await tab.said() == "File importato."
        await tab.open(f"{base}/programmes")
        await tab.follow("Prepara un piano")
        await tab.fill(each_cents="250,00")
        async with tab.page.expect_navigation():
            await tab.page.get_by_role("button", name="Prova").first.click()
        await tab.press("Prepara per l'approvazione")
        assert await tab.said() == "Piano preparato: ora lo approva un'altra persona."
        grant = tab.path().partition("?")[0]
        assert tab.complaints == []
    async with ring.tab(company.headers["hr_approver"]) as tab:
        await tab.open(grant)
        await tab.press("Approva 500,00\N{NO-BREAK SPACE}€")
        assert await tab.said() == "Piano approvato: tutti hanno il credito."
        assert tab.complaints == []
    async with ring.tab(fresh_scene.operator.headers["operator"]) as tab:
        await tab.open("/sandbox?to=nina@example.test")
        await tab.page.get_by_text("Il tuo invito a Beatrice").click()
        link = await tab.page.locator(".letter a").get_attribute("href")
    async with ring.tab() as tab:
        await activate_and_book(tab, link.partition(":8000")[2])
    assert await world.scalar(TOTALS) == 1


async def test_a_provider_confirms_ten_at_once(ring: Ring, fresh_scene: Scene) -> None:
    for hour in range(10):
        await fresh_scene.book([await fresh_scene.slot(datetime(2026, 11, 26, 8 + hour, 30, tzinfo=UTC))])
    async with ring.tab(fresh_scene.provider.headers["manager"]) as tab:
        await tab.open(f"/providers/{fresh_scene.provider.public_id}/visits")
        boxes = tab.page.locator("section[aria-labelledby=asked] input[type=checkbox]")
        assert await boxes.count() == 10
        for box in await boxes.all():
            await box.check()
        await tab.press("Conferma le scelte")
        assert await tab.said() == "Confermato: la famiglia riceve un messaggio."
        assert tab.complaints == []
    assert await fresh_scene.world.scalar(f"{TOTALS} WHERE status = 'confirmed'") == 10


async def test_a_visit_that_did_not_happen_is_contested(ring: Ring, fresh_scene: Scene) -> None:
    """From the mail that says that it did."""
    booked = await fresh_scene.confirmed([await fresh_scene.slot(datetime(2026, 11, 24, 9, tzinfo=UTC))])
    await fresh_scene.world.set_now(datetime(2026, 11, 25, 9, tzinfo=UTC))
    await fresh_scene.theirs(booked["id"], "deliver")
    mail = await fresh_scene.world.scalar("SELECT text FROM outgoing_mail ORDER BY id DESC LIMIT 1")
    async with ring.tab(fresh_scene.person.headers) as tab:
        await tab.open(re.findall(r":8000(\S+)", mail)[0])
        await tab.page.get_by_text("Non è andata così").click()
        assert await tab.faults() == []
        await tab.page.locator("details input[type=checkbox]").check()
        await tab.fill(reason="Non è venuto nessuno.")
        await tab.press("Segnala")
        assert await tab.said() == "Segnalazione registrata: l'importo resta fermo finché non si decide."
        await tab.open("/me/disputes")
        assert "Non è venuto nessuno." not in await tab.page.locator("footer").inner_text()
        assert tab.complaints == []
    assert await fresh_scene.world.scalar("SELECT count(*) FROM care.dispute") == 1


async def enrol(tab: Watched, there: str) -> pyotp.TOTP:
    """Go where a second factor is asked for, and set it up on the way."""
    assert (await tab.page.goto(tab.base + there)).status == 403
    assert await tab.faults() == []
    await tab.follow("Attivalo ora, poi torna qui")
    await tab.press("Comincia")
    square = pyotp.TOTP(await tab.page.locator("main code").first.inner_text())
    await tab.fill(code=square.at(clock.real()))
    await tab.press("Conferma")
    await tab.open(there)
    tab.complaints.clear()
    return square


async def test_two_people_pay_with_their_codes(ring: Ring, fresh_scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator closes a run; finance sets up a second factor, proves who she is, and approves."""
    monkeypatch.setitem(vars(config.settings()), "step_up", True)
    world, runs = fresh_scene.world, "/operator/settlement_runs"
    books = Books(world, fresh_scene.operator, fresh_scene.company, fresh_scene.person, fresh_scene.lot_b)
    await books.units(fresh_scene.provider, [100_00, 50_00])
    await world.set_now(NOW)
    async with ring.tab(fresh_scene.operator.headers["operator"]) as tab:
        await enrol(tab, runs)
        await tab.fill(cutoff_on=CUTOFF.isoformat())
        await tab.press("Prepara")
        assert await tab.said() == "Liquidazione preparata: ora deve approvarla un'altra persona."
        run = tab.path().partition("?")[0]
        assert tab.complaints == []
    async with ring.tab(fresh_scene.operator.headers["finance"]) as tab:
        square = await enrol(tab, run)
        await world.execute("UPDATE session_token SET proved_at = NULL")
        approve = "Approva 150,00\N{NO-BREAK SPACE}€"
        await tab.press(approve)
        assert await tab.page.get_by_role("heading", level=1).inner_text() == "Conferma chi sei"
        assert await tab.faults() == []
        await tab.fill(otp=square.at(clock.real(), counter_offset=1))
        await tab.press("Conferma")
        assert await world.scalar("SELECT status FROM settlement_run") == "closed"
        await tab.press(approve)
        assert await tab.said() == "Liquidazione approvata: scarica il file per la banca."
    assert await world.scalar("SELECT status FROM settlement_run") == "approved"


# What docs/portal shows


SHOTS = (
    ("search", WIDE, "employee2@orobia-stampi", "/offerings?q=assistenza", ".mapped summary"),
    ("quote", WIDE, "employee2@orobia-stampi", "/offerings?q=assistenza", "main .card a", ".slot", "main form button"),
    ("visits", WIDE, "manager@cooperativa-serio", "/home", "a[href$='/visits']"),
    ("account", WIDE, "hr@orobia-stampi", "/home", "a[href$='/account']"),
    ("run", WIDE, "finance@beatrice", "/operator/settlement_runs", "main h3 a"),
    ("offering", NARROW, "employee2@orobia-stampi", "/offerings?q=assistenza", "main .card a", ".slot"),
)
SMALL = 150 * 1024


@pytest.mark.skipif("BEATRICE_SHOTS" not in os.environ, reason="writes docs/portal: make shots")
async def test_shots(demo_ring: Ring) -> None:
    """Write the pictures of docs/portal; each stays small."""
    folder = Path(os.environ["BEATRICE_SHOTS"])
    for name, width, who, path, *clicks in SHOTS:
        async with demo_ring.tab(await Walk(demo_ring).log_in(f"{who}.example")) as tab:
            await tab.open(path)
            for chosen in clicks:
                await tab.page.locator(chosen).first.click()
            await tab.page.set_viewport_size({"width": width, "height": 840})
            if width == NARROW:
                await tab.page.locator(clicks[-1]).first.scroll_into_view_if_needed()
            await tab.page.mouse.move(0, 0)
            assert len(await tab.page.screenshot(path=folder / f"{name}.png")) < SMALL, name
