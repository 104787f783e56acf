"""A world and its twin: the same parties, the same employer's game, another use of care.

All twins begin in one committed world and are rolled back, on one connection that stays warm. What the employer obtains
is written down as it comes: bytes, headers, how many statements it took (which stand for its time), what its role reads
in SQL and what its people get by mail; ids are mapped to the order in which they are first seen, instants to their day.
What may differ between twins is in `without_what_may_differ`, nothing else.
"""

import copy
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app import clock, ids
from app.api import SWEEPS
from app.db import WORKER_TIMEOUTS, Database
from app.edge.refused import Sample
from app.jobs import run_sweeps
from tests.conftest import Cluster
from tests.credit.stage import NOON
from tests.grants.desk import employee
from tests.trust.use_of_care import Care, UseOfCare
from tests.world import Party, Person, World

PEOPLE = 13
BASE_CENTS = 200_00
ROLES = ("hr", "hr_approver", "payroll", "admin", "key")
LISTS = ("/employees?limit=100", "/employees?updated_since=2026-12-02T00:00:00Z&count=true", "/account",
         "/account/entries", "/account/statement", "/reports/programmes", "/top_ups", "/programmes", "/deadlines",
         "/grants")  # fmt: skip
OF_PAYROLL = ("/payroll_exports", "/payroll_exports/2026-12", "/payroll_exports/2026-12.csv", "/payroll_cause_codes")
"""What nobody else of the company obtains; payroll does, person by person, because the payslip needs it."""
SCOPES = ["account:read", "employees:read", "employees:write", "grants:read", "grants:write", "programmes:read",
          "top_ups:read", "top_ups:write"]  # fmt: skip
SERVICES = (
    ("home_help", 22_50, "instant"),
    ("physiotherapy", 48_00, "instant"),
    ("psychology", 65_00, "instant"),
    ("physiotherapy", 30_00, "provider"),
)
SLOTS_UNTIL, DAYS_BETWEEN, SEATS = date(2027, 6, 20), 4, 40
UNSEEN = ["attempt_count", "clock_offset", "company_return", "municipality", "procrastinate_jobs"]
"""Tables that HR's role reads and that are no employer's: keyed hashes of callers, time, towns, ids of all jobs.

What was returned is the difference that may be; `_read_tables` reads the balance without it.
"""
RANDOM = ["sealed_fiscal_code"]
TABLES = """
    SELECT table_name, string_agg(column_name, ', ' ORDER BY ordinal_position) AS columns
    FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> ALL (:unseen) AND column_name <> ALL (:random)
    AND has_column_privilege('beatrice_hr', table_name::regclass, column_name, 'SELECT')
    GROUP BY 1 ORDER BY 1
"""
BALANCE = """
    SELECT 'balance', posted_cents - (SELECT coalesce(sum(amount_cents), 0) FROM company_return WHERE company_id = :id)
        || ' ' || held_cents FROM ledger.company_balance(:id, false)
"""
USED_NOW = "UPDATE session_token SET last_used_at = :now, proved_at = :now, expires_at = :now + interval '1 hour'"
"""However long ago the stage was built, in real time: a long run must not end its people's sessions."""
MAILS = """
    SELECT recipient, subject, text FROM outgoing_mail
    WHERE recipient IN (SELECT email FROM user_account WHERE id = ANY (:users)) ORDER BY id
"""
CARE_READ = "SELECT sum(seq_scan + coalesce(idx_scan, 0)) FROM pg_stat_xact_user_tables WHERE schemaname = 'care'"
HIDDEN_IDS = """
    SELECT id FROM lot UNION ALL SELECT id FROM ledger.hold
    UNION ALL SELECT id FROM ledger.transfer WHERE reason <> 'returns'
    UNION ALL SELECT id FROM care.booking UNION ALL SELECT id FROM care.unit UNION ALL SELECT id FROM care.quote
    UNION ALL SELECT id FROM care.beneficiary UNION ALL SELECT id FROM care.dispute
    UNION ALL SELECT id FROM care.claim UNION ALL SELECT id FROM care.claim_file
"""
DAILY = tuple(sweep for sweep in SWEEPS if sweep.name.partition(".")[0] in {"bookings", "credit", "grants"})
"""What moves care and credit; the others, of which each round of sweeps asks too, run at the end of a half-year."""
UNHEARD = frozenset({"x-request-id", "content-length"})
"""Headers that are random, or that follow from sums that may differ."""
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[a-z]{3}_[0-7][0-9a-z]{25}\b")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+\d\d(?::\d\d)?)")
MASKS = (
    (re.compile(r"(?<=[a-z], )\d\d:\d\d(?=<)"), "hour"),
    (re.compile(r"sha256-[0-9a-f]+"), "sha256"),
    (re.compile(r"\bRF\d\d\w+"), "reference"),
    (re.compile(r'(?<=name="key" value=")\w+|<svg[^>]*class="code".*?</svg>', re.DOTALL), "random"),
    (re.compile(r"bea_test_[\w-]+|(?<=/)[\w-]{40,}|(?<=cursor=)[\w-]+"), "secret"),
)
FREE_SEATS = re.compile(r'"seats_left":\d+')
"""What is free, anybody sees."""
RETURNS = re.compile(
    r'\{"id":"return","kind":"returns","amount_cents":\d+,"happened_at":"(?:2026-12-31|2027-03-31)"(?:,"reference":null)?\},?'
    r'|"(?:shortfall|opening|closing)_cents":-?\d+'
)
"""A sum posted on the first day of a quarter (the evening before, UTC), and what a waiting grant lacks after it."""
MONEY = re.compile(r'"balance_cents":(-?\d+),"granted_cents":(-?\d+)')
SHOWN = re.compile(
    r"<tr><td>[^<]*</td><td>Credito non usato, tornato</td>.*?</tr>\s*"
    r"|<svg.*?</svg>|-?[\d.]+,\d\d[\s\N{NO-BREAK SPACE}]€|[\d-]+,returns,.*?\n|-?\d+\.\d\d(?=[,\r])", re.DOTALL
)  # fmt: skip
"""Rows of what was returned, sums, and the bars drawn of them."""
BALANCED = re.compile(r"^(GET|POST) /companies/\w+/(account|grants|programmes/\w+/grants)\b")
"""Pages that tell the balance, or what a grant lacks of it: the API's answers, as numbers, are compared in sum."""
FIRST_RETURNS = date(2027, 1, 1)


class Statements:
    """Counts what is sent to the database."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.sent = 0
        event.listen(engine.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *_about: object) -> None:
        self.sent += 1


@dataclass
class Stage:
    """The company and its people before anything happens; every twin plays on the one connection, and is undone."""

    app: FastAPI
    engine: AsyncEngine
    client: httpx.AsyncClient
    world: World
    statements: Statements
    company: Party = field(init=False)
    care: Care = field(init=False)
    persons: list[Person] = field(init=False)

    async def build(self) -> None:
        world = self.world
        await world.set_now(NOON)
        operator = await world.operator()
        self.company, provider = await world.company(), await world.provider()
        self.company.headers["key"] = await world.api_key(self.company, SCOPES)
        self.company.users["admin"], self.company.headers["admin"] = await world.login("admin@example.test")
        await world.membership(self.company.users["admin"], self.company.id, "admin")
        await world.fund(self.company, 20_000_00)
        self.persons = [await world.employee(self.company) for _ in range(PEOPLE)]
        slots: dict[UUID, list[tuple[datetime, UUID]]] = {}
        for category, cents, confirmation in SERVICES:
            offering_id = await world.offering(
                provider, category=category, price_cents=cents, confirmation=confirmation
            )
            first = NOON.replace(hour=8 + len(slots))
            starts = (first + timedelta(days=day) for day in range(1, (SLOTS_UNTIL - NOON.date()).days, DAYS_BETWEEN))
            slots[offering_id] = [
                (start, await world.slot(provider, offering_id, start, capacity=SEATS)) for start in starts
            ]
        self.care = Care(provider, operator, slots)

    @asynccontextmanager
    async def twin(self, use: int, appetite: float) -> AsyncIterator["Twin"]:
        """Begin a twin; undo it at the end."""
        async with self.engine.connect() as connection:
            transaction = await connection.begin()
            self.app.state.database = Database(connection)
            world = copy.copy(self.world)
            world.database = self.app.state.database
            await world.execute(USED_NOW, now=clock.real())
            chance = random.Random(use)  # noqa: S311 - a game
            yield Twin(self, world, UseOfCare(self.care, self.persons, self.client, chance, appetite))
            await transaction.rollback()


@asynccontextmanager
async def stage(cluster: Cluster, app: FastAPI) -> AsyncIterator[Stage]:
    """Make the world where all twins begin, in a database of its own."""
    name = cluster.clone()
    # One connection for the API and the worker: as a login that may be either, the role set in every transaction.
    engine = create_async_engine(
        cluster.owner_url(name), pool_size=1, max_overflow=0, hide_parameters=True,
        connect_args={"options": f"{WORKER_TIMEOUTS} -c timezone=UTC", "prepare_threshold": 1},
    )  # fmt: skip
    event.listen(engine.sync_engine, "connect", _keep_prepared)
    app.state.database = Database(engine)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as client:
        made = Stage(app, engine, client, World(app.state.database), Statements(engine))
        await made.build()
        yield made
    await engine.dispose()
    cluster.drop(name)


def _keep_prepared(connection: Any, _record: object) -> None:
    """Let plans outlive savepoints that are rolled back; psycopg forgets them, lest a table was dropped."""
    driver = connection.driver_connection
    driver.prepared_max = 1_000
    driver._prepared._should_discard = lambda *_about: False


@dataclass
class Twin:
    """One world with what its employer has obtained so far."""

    stage: Stage
    world: World
    care: UseOfCare
    notes: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    learned: set[str] = field(default_factory=set)
    grants: dict[str, str] = field(default_factory=dict)
    kept: tuple[str, Any, str] | None = None
    posted_from: int = 0
    care_read: int = 0
    tables: str = ""

    def __post_init__(self) -> None:
        self.company, self.persons = self.stage.company, self.stage.persons
        self.base = f"/v1/companies/{self.company.public_id}"

    # What the employer does

    async def ask(self, verb: str, path: str, body: Any = None, role: str = "hr", **headers: str) -> httpx.Response:
        """Call as somebody of the company and write down all of the answer."""
        given = {**self.company.headers[role], "Idempotency-Key": uuid4().hex, **headers}
        sent = {"content": body} if isinstance(body, str) else {"json": body}
        # The audit trail tells of a sample of refusals, so many a minute of real time: here of each.
        self.stage.app.state.refusals = Sample()
        before = self.stage.statements.sent
        answer = await self.stage.client.request(verb, path, headers=given, **sent)
        told = sorted((name, value) for name, value in answer.headers.items() if name not in UNHEARD)
        cost = self.stage.statements.sent - before
        self.note(f"{verb} {path} {role}", f"{answer.status_code} {told} {cost} statements {answer.text}")
        return answer

    async def of_company(self, verb: str, path: str, body: Any = None, role: str = "hr", **headers: str) -> Any:
        return await self.ask(verb, self.base + path, body, role, **headers)

    async def grant(self, name: str, amounts: int | list[int], role: str = "hr", **terms: Any) -> None:
        """Draft and approve a grant of one amount for all, or of several for as many people."""
        programme = await self.of_company("POST", "/programmes", {
            "name": name, "source": "on_top", "employee_category": "operai", "rule_codes": ["C2_F"], **terms,
        })  # fmt: skip
        body: dict[str, Any] = {"programme_id": programme.json().get("id"), "generality_reason": "other"}
        if isinstance(amounts, int):
            body["each_cents"] = amounts
        else:
            body["lines"] = [
                {"employee_id": employee(person), "amount_cents": cents}
                for person, cents in zip(self.persons, amounts, strict=False)
            ]
        await self.of_company("POST", "/grants?dry_run=true", body, role)
        draft = await self.of_company("POST", "/grants", body, role)
        if draft.status_code == 201:
            self.grants[name] = draft.json()["id"]
            await self.of_company("POST", f"/grants/{self.grants[name]}/approve", role="hr_approver")

    async def revoke(self, name: str, *persons: Person, role: str = "hr") -> None:
        if name in self.grants:
            path = f"/grants/{self.grants[name]}"
            named = {"employee_ids": [employee(person) for person in persons]} if persons else {}
            await self.of_company("POST", f"{path}/revoke", {"reason": "Prova", **named}, role)
            await self.of_company("POST", f"{path}/approve_revocation", role="hr_approver")

    async def change(self, person: Person, **fields: Any) -> None:
        """Change an employment, and once more with the tag that has passed."""
        path = f"/employees/{employee(person)}"
        etag = (await self.of_company("GET", path)).headers["etag"]
        await self.of_company("PATCH", path, fields, **{"If-Match": etag})
        await self.of_company("PATCH", path, fields, **{"If-Match": etag})

    # What the employer sees

    async def look(self, game: random.Random) -> None:
        """Read the company's money, some lists as some of its people, every table in SQL, and the mail."""
        for path in {"/account", "/account/entries", *game.sample(LISTS, 2)}:
            await self.of_company("GET", path, role=game.choice(ROLES))
        others = [role for role in ROLES if role != "payroll"]
        await self.of_company("GET", game.choice(OF_PAYROLL), role=game.choice(others))
        await self._read_tables()
        await self._read_mail()

    async def look_at_all(self, game: random.Random) -> None:
        """Read everything, some of it as others than HR."""
        for path in LISTS:
            await self.of_company("GET", path)
        for role in ROLES:
            await self.of_company("GET", game.choice(LISTS), role=role)
            await self.ask("GET", game.choice(["/v1/me", "/v1/me/wallet"]), role=role)
        for grant_id in self.grants.values():
            for path in ("", "/lines?limit=100", "/revocations"):
                await self.of_company("GET", f"/grants/{grant_id}{path}")
        for path in ("/members", "/invitations", "/api_keys", "/events?limit=100", "/webhook_endpoints"):
            await self.ask("GET", f"/v1/organisations/{self.company.public_id}{path}", role="admin")
        for path in (*LISTS[:2], f"/employees/{employee(game.choice(self.persons))}", "/programmes?count=true"):
            tag = (await self.of_company("GET", path)).headers.get("etag", '"none"')
            await self.of_company("GET", path, **{"If-None-Match": tag})
        if self.kept is not None:
            path, body, key = self.kept
            await self.of_company("POST", path, body, **{"Idempotency-Key": key})
        await self._read_tables()
        await self._read_mail()

    async def _read_tables(self) -> None:
        """Read what the role of companies reads, in one statement."""
        async with self.world.database.begin("beatrice_hr") as session:
            if not self.tables:
                found = await session.execute(text(TABLES), {"unseen": UNSEEN, "random": RANDOM})
                self.tables = " UNION ALL ".join([
                    f"SELECT '{table}', string_agg(r::text, ' ' ORDER BY r::text)"
                    f" FROM (SELECT {columns} FROM {table}) r" for table, columns in found.all()
                ] + [BALANCE])  # fmt: skip
            for table, rows in (await session.execute(text(self.tables), {"id": self.company.id})).all():
                self.note(f"SQL {table}", str(rows))

    async def _read_mail(self) -> None:
        for mail in await self.world.execute(MAILS, users=list(self.company.users.values())):
            self.note(f"mail to {mail.recipient}", f"{mail.subject} {mail.text}")

    def note(self, what: str, obtained: str) -> None:
        """Write down what was obtained, ids and instants mapped."""
        self.learned.update(ID.findall(obtained))
        words = ID.sub(self._name, f"{what}: {obtained}")
        for pattern, mask in MASKS:
            words = pattern.sub(mask, words)
        words = re.sub(r'(?<=_cursor":")[^"]+', lambda found: f"{len(found[0])} characters", words)
        self.notes.append(INSTANT.sub(_day, words))

    def _name(self, found: re.Match[str]) -> str:
        if found[0].startswith("ret_"):
            return "return"
        return self.names.setdefault(found[0], f"id{len(self.names)}")

    async def learned_ids(self) -> set[UUID]:
        """The ids of care and of single credit among all that the employer was told."""
        uuids = {ids.split(one)[1] if "_" in one else UUID(one) for one in self.learned}
        return uuids & {row.id for row in await self.world.execute(HIDDEN_IDS)}

    # What happens

    @asynccontextmanager
    async def as_employer(self) -> AsyncIterator[None]:
        """Write down how often tables of care are read meanwhile: time, too, may not depend on what is in them."""
        self.care_read = -await self.world.scalar(CARE_READ)
        yield
        self.note("reads of care", str(self.care_read + await self.world.scalar(CARE_READ)))

    @asynccontextmanager
    async def uncounted(self) -> AsyncIterator[None]:
        """Leave out how often tables of care are read meanwhile."""
        before = await self.world.scalar(CARE_READ)
        yield
        self.care_read -= await self.world.scalar(CARE_READ) - before

    async def night(self) -> None:
        """Let the worker do what is due, while the employer's part is played."""
        async with self.uncounted():
            await run_sweeps(self.world.database, DAILY)

    async def move_to(self, day: date) -> None:
        """Let people use care until a day's morning, the worker do what is due; check what only a commit would."""
        stop = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
        if day >= FIRST_RETURNS:
            self.posted_from = self.posted_from or len(self.notes)
        await self.care.book()
        for coming in self.care.due(stop):
            await self.world.set_now(coming.at)
            await self.care.happen(coming)
        await self.world.set_now(stop)
        await run_sweeps(self.world.database, DAILY)
        await self.world.execute("SET CONSTRAINTS ALL IMMEDIATE")
        await self.world.execute("SET CONSTRAINTS ALL DEFERRED")


def _day(found: re.Match[str]) -> str:
    """An instant's day; one of real time, as sessions and keys have it, is only now."""
    instant = datetime.fromisoformat(found[0])
    return "now" if abs(instant - clock.real()) < timedelta(hours=2) else str(instant.date())


def without_what_may_differ(twin: Twin) -> list[str]:
    """Leave out what the public sees and, from the first day of a quarter on, what a sum over many people changes.

    It moves from what was granted to the balance: both together are the same.
    """
    notes = [FREE_SEATS.sub("", note) for note in twin.notes]
    later = [RETURNS.sub("", note) for note in notes[twin.posted_from :]]
    later = [SHOWN.sub("", note) if BALANCED.match(note) else note for note in later]
    return notes[: twin.posted_from] + [MONEY.sub(lambda found: str(int(found[1]) + int(found[2])), n) for n in later]
