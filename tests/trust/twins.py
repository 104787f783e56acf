"""A world and its twin: the same parties, the same employer's game, another use of care.

What the employer obtains is written down as it comes, ids and instants mapped to the order in which they are first seen
and to their day. What may differ between twins is `without_returns`, nothing else: the sum of a period over the credit
of at least ten people, and whether there were as many.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from sqlalchemy import text

from app import clock, ids
from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from tests.credit.stage import NOON
from tests.grants.desk import Desk, employee
from tests.world import Party, Person, World

PEOPLE = 13
BASE_CENTS = 200_00
UNSEEN = {"procrastinate_jobs", "clock_offset", "attempt_count"}
"""Tables that HR's role reads and that are no employer's: the queue's ids, time itself, hashes of callers."""
RANDOM = {"sealed_fiscal_code"}
TABLES = """
    SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) AS columns
    FROM information_schema.columns WHERE table_schema = 'public'
    AND has_column_privilege('beatrice_hr', table_name::regclass, column_name, 'SELECT') GROUP BY 1 ORDER BY 1
"""
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[a-z]{3}_[0-7][0-9a-z]{25}\b")
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+\d\d(?::\d\d)?)")
DIGEST = re.compile(r"sha256-[0-9a-f]+")
CURSOR = re.compile(r'"(next|prev)_cursor": "[^"]+"')
SERVICES = (("home_help", 22_50), ("physiotherapy", 48_00), ("psychology", 65_00))


@dataclass
class Twin:
    """One world with what its employer has obtained so far."""

    world: World
    client: httpx.AsyncClient
    worker: Database
    use: random.Random
    company: Party = field(init=False)
    provider: Party = field(init=False)
    persons: list[Person] = field(init=False)
    offerings: list[UUID] = field(init=False)
    desk: Desk = field(init=False)
    notes: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)
    days: int = 0
    used_cents: int = 0

    async def begin(self) -> None:
        world = self.world
        await world.set_now(NOON)
        await world.operator()
        self.company, self.provider = await world.company(), await world.provider()
        self.company.headers["key"] = await world.api_key(
            self.company, ["account:read", "grants:read", "employees:read"]
        )
        self.desk = Desk(self.client, self.company)
        await world.fund(self.company, 20_000_00)
        self.persons = [await world.employee(self.company) for _ in range(PEOPLE)]
        self.offerings = [
            await world.offering(self.provider, category=category, price_cents=cents, confirmation="instant")
            for category, cents in SERVICES
        ]
        terms = {"expired_credit_to": "company", "leavers_rule": "zero_at_leaving", "rule_codes": ["C2_F"]}
        await self.grant("base", BASE_CENTS, lot_expires_on="2027-05-31", **terms)

    # What the employer does

    async def ask(self, verb: str, path: str, body: Any = None, role: str = "hr", **headers: str) -> httpx.Response:
        """Call as somebody of the company and write down all of the answer."""
        given = {**self.company.headers[role], "Idempotency-Key": uuid4().hex, **headers}
        answer = await self.client.request(verb, path, headers=given, json=body)
        tag = DIGEST.sub("sha256", answer.headers.get("etag", ""))
        self.note(f"{verb} {path} {role} {answer.status_code} {tag} {_seen(answer)}")
        return answer

    async def of_company(self, verb: str, path: str, body: Any = None, role: str = "hr", **headers: str) -> Any:
        return await self.ask(verb, self.desk.base + path, body, role, **headers)

    async def grant(self, name: str, amounts: int | list[int], **terms: Any) -> None:
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
        await self.of_company("POST", "/grants?dry_run=true", body)
        draft = await self.of_company("POST", "/grants", body)
        if draft.status_code == 201:
            self.grants[name] = draft.json()["id"]
            await self.of_company("POST", f"/grants/{self.grants[name]}/approve", role="hr_approver")

    async def revoke(self, name: str, *persons: Person) -> None:
        if name in self.grants:
            path = f"/grants/{self.grants[name]}"
            named = {"employee_ids": [employee(person) for person in persons]} if persons else {}
            await self.of_company("POST", f"{path}/revoke", {"reason": "Prova", **named})
            await self.of_company("POST", f"{path}/approve_revocation", role="hr_approver")

    async def change(self, person: Person, **fields: Any) -> None:
        path = f"/employees/{employee(person)}"
        etag = (await self.of_company("GET", path)).headers["etag"]
        await self.of_company("PATCH", path, fields, **{"If-Match": etag})
        await self.of_company("PATCH", path, fields, **{"If-Match": etag})

    async def look(self, *roles: str) -> None:
        """Read every list and object of the company, and every table in SQL."""
        for role in ("hr", *roles):
            for path in ("/employees?limit=100", "/account", "/account/entries", "/top_ups", "/programmes", "/grants"):
                await self.of_company("GET", path, role=role)
        await self.of_company("GET", "/employees?updated_since=2026-12-02T00:00:00Z&count=true")
        for grant_id in self.grants.values() if roles else ():
            for path in ("", "/lines?limit=3", "/lines?limit=100", "/revocations"):
                await self.of_company("GET", f"/grants/{grant_id}{path}")
        await self.ask("GET", "/v1/me")
        await self.ask("GET", "/v1/me/wallet")
        await self._read_tables()

    async def _read_tables(self) -> None:
        async with self.world.database.begin("beatrice_hr") as session:
            for table, columns in (await session.execute(text(TABLES))).all():
                if table in UNSEEN or table == "company_return":
                    continue
                shown = ", ".join(column for column in columns if column not in RANDOM)
                rows = (await session.execute(text(f"SELECT {shown} FROM {table} ORDER BY {shown}"))).all()
                own = [row for row in rows if table != "municipality"]
                self.note(f"SQL {table} {[tuple(map(str, row)) for row in own]}")
            balance = "SELECT posted_cents, held_cents FROM ledger.company_balance(:id, false)"
            posted = "SELECT coalesce(sum(amount_cents), 0) FROM company_return WHERE company_id = :id"
            (row,) = (await session.execute(text(balance), {"id": self.company.id})).all()
            back = (await session.execute(text(posted), {"id": self.company.id})).scalar_one()
            self.note(f"SQL balance {row.posted_cents - back} {row.held_cents}")

    def note(self, words: str) -> None:
        """Write down what was obtained, ids and instants mapped."""

        def name(match: re.Match[str]) -> str:
            if match[0].startswith("ret_"):
                return "return"
            return self.names.setdefault(match[0], f"id{len(self.names)}")

        self.notes.append(INSTANT.sub(r"\1", CURSOR.sub(r'"\1_cursor": "..."', ID.sub(name, words))))

    # What the employer must not learn

    async def care(self) -> None:
        """Let people book, cancel, be visited; what and how much is this twin's own."""
        for person in self.use.sample(self.persons, self.use.randint(0, PEOPLE // 2)):
            offering_id = self.use.choice(self.offerings)
            self.days += 1
            starts_at = (clock.now() + timedelta(days=1 + self.days % 20)).replace(minute=0, second=0, microsecond=0)
            slot_id = await self.world.slot(self.provider, offering_id, starts_at + timedelta(minutes=self.days))
            await self._book(person, offering_id, slot_id)

    async def _book(self, person: Person, offering_id: UUID, slot_id: UUID) -> None:
        headers = {**person.headers, "Idempotency-Key": uuid4().hex}
        wanted = {
            "offering_id": ids.encode("off", offering_id),
            "beneficiary_id": ids.encode("ben", person.beneficiary_id),
            "slot_ids": [ids.encode("slt", slot_id)],
        }
        quote = (await self.client.post("/v1/me/quotes", json=wanted, headers=headers)).json()
        booked = await self.client.post("/v1/me/bookings", json={"quote_id": quote.get("id")}, headers=headers)
        if booked.status_code == 201 and self.use.random() < 0.3:
            await self.client.post(
                f"/v1/me/bookings/{booked.json()['id']}/cancel",
                json={},
                headers={**person.headers, "Idempotency-Key": uuid4().hex},
            )

    async def deliver(self) -> None:
        """Let the provider report what has happened by now."""
        confirmed = await self.client.get(
            f"/v1/providers/{self.provider.public_id}/bookings?status=confirmed&limit=100",
            headers=self.provider.headers["manager"],
        )
        for booking in confirmed.json()["data"]:
            await self.client.post(
                f"/v1/providers/{self.provider.public_id}/bookings/{booking['id']}/deliver",
                json={},
                headers={**self.provider.headers["manager"], "Idempotency-Key": uuid4().hex},
            )

    async def move_to(self, day: date) -> None:
        await self.world.set_now(datetime(day.year, day.month, day.day, 10, tzinfo=UTC))
        await self.deliver()
        await run_sweeps(self.worker, SWEEPS)


def _seen(answer: httpx.Response) -> str:
    if not answer.headers.get("content-type", "").startswith(("application/json", "application/problem+json")):
        return answer.text
    return json.dumps(answer.json())


SUMS = re.compile(r'"(?:balance_cents|granted_cents|shortfall_cents)": -?\d+')
RETURNS = re.compile(r'\{"id": "return", "kind": "returns"[^}]*\}(?:, )?')


def without_returns(notes: list[str]) -> list[str]:
    """Leave out what a posted sum over many people changes: three figures, and the sum's own entry."""
    return [RETURNS.sub("", SUMS.sub("sum", note)) for note in notes]


Probe = Callable[[Twin, random.Random], Any]


async def one_cent(twin: Twin, game: random.Random) -> None:
    await twin.grant("one cent", [game.randint(1, 99)], lot_expires_on="2026-12-20", categories=["physiotherapy"])


async def powers_of_two(twin: Twin, game: random.Random) -> None:
    amounts = [20_00 * 2**place for place in range(game.randint(2, 8))]
    await twin.grant("powers", amounts, lot_expires_on="2026-12-20", expired_credit_to="company")


async def narrow_for_all(twin: Twin, game: random.Random) -> None:
    category = game.choice(["physiotherapy", "psychology"])
    terms = {"lot_expires_on": "2026-12-28", "categories": [category], "expired_credit_to": "company"}
    await twin.grant("narrow", 20_00, **terms)


async def chosen_amounts_to_the_fund(twin: Twin, game: random.Random) -> None:
    amounts = [game.randint(1, 100_00) for _ in range(4)]
    await twin.grant("fund", amounts, lot_expires_on="2027-02-05", expired_credit_to="solidarity_fund")


async def chosen_amounts_carried_over(twin: Twin, game: random.Random) -> None:
    amounts = [game.randint(1, 100_00) for _ in range(3)]
    await twin.grant("carried", amounts, lot_expires_on="2026-12-15", expired_credit_to="carry_over")


async def revoke_small_grants(twin: Twin, game: random.Random) -> None:
    for name in game.sample(["fund", "carried", "narrow"], 2):
        await twin.revoke(name)


async def revoke_one_person(twin: Twin, game: random.Random) -> None:
    await twin.revoke("base", twin.persons[game.randrange(PEOPLE)])


async def leave_and_come_back(twin: Twin, game: random.Random) -> None:
    person = twin.persons[game.randrange(PEOPLE)]
    await twin.change(person, ended_on="2026-11-20")
    await run_sweeps(twin.worker, SWEEPS)
    await twin.look()
    await twin.change(person, ended_on=None)


async def backdated_leaving(twin: Twin, game: random.Random) -> None:
    await twin.change(twin.persons[game.randrange(PEOPLE)], ended_on="2026-10-01")


async def waiting_for_the_money(twin: Twin, game: random.Random) -> None:
    await twin.grant(
        "waiting", game.randint(80_000_00, 90_000_00), lot_expires_on="2028-01-31", expired_credit_to="solidarity_fund"
    )


async def foreign_paths(twin: Twin, game: random.Random) -> None:
    person = twin.persons[game.randrange(PEOPLE)]
    lots = await twin.world.execute("SELECT id FROM lot WHERE employee_id = :id", id=person.employee_id)
    await twin.of_company("POST", f"/employees/{employee(person)}/invite")
    await twin.ask("GET", f"/v1/providers/{twin.provider.public_id}/bookings")
    await twin.ask("GET", f"/v1/me/bookings/{ids.encode('bkg', lots[0].id)}")
    await twin.ask("GET", "/v1/me/wallet", role="key")
    await twin.of_company("GET", f"/grants/{ids.encode('grt', lots[0].id)}")


async def errors(twin: Twin, game: random.Random) -> None:
    await twin.of_company("GET", "/grants?cursor=AAAA")
    await twin.of_company("POST", "/grants", {"programme_id": "prg_x", "PHYSIO": game.randint(1, 9)})
    await twin.of_company("PATCH", f"/employees/{employee(twin.persons[0])}", {"category": "x"}, **{"If-Match": '"99"'})


PROBES: tuple[Probe, ...] = (
    one_cent, powers_of_two, narrow_for_all, chosen_amounts_to_the_fund, chosen_amounts_carried_over,
    revoke_small_grants, revoke_one_person, leave_and_come_back, backdated_leaving, waiting_for_the_money,
    foreign_paths, errors,
)  # fmt: skip
USED = "SELECT coalesce(sum(amount_cents), 0)::bigint FROM ledger.transfer WHERE hold_id IS NOT NULL"
STOPS = (date(2026, 12, 10), date(2026, 12, 29), date(2027, 1, 2), date(2027, 2, 8), date(2027, 4, 1), date(2027, 6, 1))


async def play(twin: Twin, seed: int) -> None:
    """Play the same half-year in every twin of a seed; only the use of care is the twin's own."""
    game = random.Random(seed)  # noqa: S311 - a game
    await twin.begin()
    await twin.care()
    order = game.sample(PROBES, len(PROBES))
    for stop in STOPS:
        for probe in order[:2]:
            await probe(twin, game)
        order = order[2:]
        await twin.care()
        await twin.move_to(stop)
        await twin.look()
    await twin.look("hr_approver", "payroll", "key")
    twin.used_cents = await twin.world.scalar(USED)
