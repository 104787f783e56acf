"""Figure 14: how much longer a page takes than the API calls that show the same, in the demo world, in turn."""

import http.client
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from app.db import WORKER_TIMEOUTS, create_database
from app.identity.password_rules import DEMO_PASSWORD
from app.sandbox import demo, embedded_postgres
from tests.bench.stage import make_database, running_api

DATABASE = "pages"
ROUNDS = 60
WARM_UP = 8
GOAL = 1.5


@dataclass(frozen=True)
class Page:
    """What a page and its calls took, p50; the first call is the one that the page stands for."""

    name: str
    page_ms: float
    call_ms: Sequence[float]

    @property
    def over_own(self) -> float:
        return self.page_ms / self.call_ms[0]

    @property
    def over_all(self) -> float:
        return self.page_ms / sum(self.call_ms)


@dataclass
class Visitor:
    """Somebody with one kept connection, at the pages by cookie and at the API by token."""

    connection: http.client.HTTPConnection
    token: str = ""

    def log_in(self, email: str) -> None:
        form = urlencode({"username": email, "password": DEMO_PASSWORD})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self.token = self._ask("POST", "/v1/auth/token", kind, form)["access_token"]

    def call(self, path: str) -> Any:
        return self._ask("GET", path, self._headers(path))

    def timed(self, path: str) -> float:
        headers, began = self._headers(path), time.perf_counter()
        self._read("GET", path, headers)
        return 1000 * (time.perf_counter() - began)

    def _headers(self, path: str) -> dict[str, str]:
        if path.startswith("/v1"):
            return {"Authorization": f"Bearer {self.token}"}
        return {"Cookie": f"beatrice={self.token}"}

    def _ask(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> Any:
        return json.loads(self._read(method, path, headers, body))

    def _read(self, method: str, path: str, headers: Mapping[str, str], body: str | None = None) -> bytes:
        self.connection.request(method, path, body, dict(headers))
        answer = self.connection.getresponse()
        read = answer.read()
        assert answer.status == http.client.OK, (path, answer.status, read[:300])
        return read


async def measure_pages(server: embedded_postgres.Server) -> list[Page]:
    """Load the demo world and measure the five pages that people see most."""
    make_database(server, DATABASE)
    database = create_database(server.url(DATABASE, "beatrice_app"), timeouts=WORKER_TIMEOUTS)
    await demo.load(database, lambda _line: None)
    await database.dispose()
    with running_api(server, DATABASE) as api:
        visitor = Visitor(http.client.HTTPConnection("127.0.0.1", api.port, timeout=60))
        return [_measured(visitor, *case) for case in _cases(visitor)]


def _cases(visitor: Visitor) -> list[tuple[str, str, str, list[str]]]:
    """Return name, login, page and calls: the page's own first, then those whose answers it shows beside."""
    visitor.log_in("employee2@orobia-stampi.example")
    offering = visitor.call("/v1/offerings?q=assistenza&limit=24")["data"][0]
    days = "date_from=2026-11-23&date_to=2026-11-29"
    offering_path = f"/offerings/{offering['id']}"
    alliance = visitor.call("/v1/alliances?limit=100")["data"][0]["id"]
    search = [
        "/v1/offerings?limit=24", "/v1/categories?limit=100", "/v1/offerings/municipalities?limit=100",
        "/v1/alliances?limit=100", f"/v1/offerings/municipalities?alliance_id={alliance}&limit=100",
    ]  # fmt: skip
    week = [
        f"/v1{offering_path}", f"/v1/providers/{offering['provider_id']}", f"/v1{offering_path}/slots?{days}&limit=100",
        "/v1/me/beneficiaries?limit=100", "/v1/me/wallet", "/v1/categories?limit=100",
    ]  # fmt: skip
    mine = [
        ("search", "employee2@orobia-stampi.example", "/offerings", [*search, "/v1/me/wallet"]),
        ("offering", "employee2@orobia-stampi.example", offering_path, week),
        (
            "wallet",
            "employee2@orobia-stampi.example",
            "/me/wallet",
            ["/v1/me/wallet", "/v1/me/wallet/entries?limit=25"],
        ),
    ]
    visitor.log_in("manager@cooperativa-serio.example")
    provider = f"/providers/{visitor.call('/v1/me')['memberships'][0]['organisation_id']}"
    visits = [
        f"/v1{provider}/visits?{days}&limit=50",
        f"/v1{provider}/visits?date_from=2026-11-23&date_to=2026-11-23&limit=100",
        f"/v1{provider}/visits?date_from=2026-10-24&date_to=2026-11-22&status=confirmed&limit=100",
        f"/v1{provider}/bookings?status=requested&limit=100", "/v1/offerings/municipalities?limit=100",
    ]  # fmt: skip
    visitor.log_in("hr@orobia-stampi.example")
    company = f"/companies/{visitor.call('/v1/me')['memberships'][0]['organisation_id']}"
    staff = [f"/v1{company}/employees?limit=25", f"/v1{company}/employee_categories?limit=100"]
    return [
        *mine,
        ("visits", "manager@cooperativa-serio.example", f"{provider}/visits", visits),
        ("staff", "hr@orobia-stampi.example", f"{company}/employees", staff),
    ]


def _measured(visitor: Visitor, name: str, email: str, page: str, calls: list[str]) -> Page:
    """Measure page and calls in turn, so that whatever else the machine does meets both."""
    visitor.log_in(email)
    took: dict[str, list[float]] = {path: [] for path in (page, *calls)}
    for turn in range(WARM_UP + ROUNDS):
        for path in took if turn % 2 == 0 else reversed(took):
            took[path].append(visitor.timed(path))
    page_ms, *call_ms = (statistics.median(each[WARM_UP:]) for each in took.values())
    return Page(name, page_ms, call_ms)
