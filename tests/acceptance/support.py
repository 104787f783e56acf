"""A town where a company, a provider and a family are registered; all that they then do goes over HTTP."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import httpx

from app import ids
from tests.world import Caller, Party, World
from tests.world.given import PROGRAMME

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Nine in the morning in Rome."""
COMPANY, PROVIDER, OFFERING = "Officine Prova", "Cooperativa Canarino", "Assistenza Cardellino"
CANARIES = ("canarino", "cardellino", "maria", "mazzini")
"""Words that only care knows: the company must never read one."""
YEARS_END = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
"""The midnight in Rome at which 2027 begins."""


@dataclass
class Town:
    """A company with an employee and her mother, a provider, and the calls that they make."""

    client: httpx.AsyncClient
    world: World
    company: Party
    provider: Party
    mother_id: str
    people: dict[str, Caller]

    @property
    def operator(self) -> Caller:
        return self.people["operator"]

    @property
    def finance(self) -> Caller:
        return self.people["finance"]

    def of_company(self, path: str) -> str:
        return f"/companies/{self.company.public_id}{path}"

    def of_provider(self, path: str) -> str:
        return f"/providers/{self.provider.public_id}{path}"

    async def move_to(self, instant: datetime) -> None:
        await self.operator.post("/sandbox/clock", {"now": instant.isoformat()})

    async def run_jobs(self) -> Any:
        return (await self.operator.post("/sandbox/jobs/run"))["ran"]

    async def fund(self, amount_cents: int) -> None:
        """HR announces a bank transfer, the operator sees it arrive."""
        announced = await self.people["hr"].post(self.of_company("/top_ups"), {"amount_cents": amount_cents})
        assert announced["status"] == "pending"
        confirmed = await self.operator.post(f"/operator/top_ups/{announced['id']}/confirm")
        if confirmed["status"] == "confirming":
            confirmed = await self.finance.post(f"/operator/top_ups/{announced['id']}/confirm")
        assert confirmed["status"] == "confirmed"

    async def programme(self, name: str, category: str, expires_on: date, **terms: str) -> str:
        wanted = {"name": name, "employee_category": category, "lot_expires_on": expires_on.isoformat(), **terms}
        return str((await self.people["hr"].post(self.of_company("/programmes"), PROGRAMME | wanted))["id"])

    async def grant(self, programme_id: str, each_cents: int) -> Any:
        """One person drafts, another approves."""
        body = {"programme_id": programme_id, "each_cents": each_cents, "generality_reason": "part_of_category"}
        drafted = await self.people["hr"].post(self.of_company("/grants"), body)
        return await self.people["hr_approver"].post(self.of_company(f"/grants/{drafted['id']}/approve"))

    async def offering(self, price_cents: int = 22_50) -> str:
        return ids.encode("off", await self.world.offering(self.provider, name=OFFERING, price_cents=price_cents))

    async def slots(self, offering_id: str, days: Iterable[date]) -> list[str]:
        """One hour at nine (UTC) on each day, one seat each."""
        offering = ids.decode("off", offering_id)
        return [ids.encode("slt", await self.world.slot(self.provider, offering, visit_at(day))) for day in days]

    async def quote(self, offering_id: str, slot_ids: list[str]) -> Any:
        body = {"offering_id": offering_id, "beneficiary_id": self.mother_id, "slot_ids": slot_ids}
        return await self.people["employee"].post("/me/quotes", body)

    async def book(self, offering_id: str, slot_ids: list[str]) -> Any:
        quoted = await self.quote(offering_id, slot_ids)
        return await self.people["employee"].post("/me/bookings", {"quote_id": quoted["id"]})

    async def answer(self, booking: Any, verb: str) -> httpx.Response:
        """What the provider's own software does, by API key."""
        return await self.people["key"].ask("POST", self.of_provider(f"/bookings/{booking['id']}/{verb}"), {})

    async def lots(self) -> dict[str, tuple[int, int, int]]:
        """Return available, held, captured by lot: A expires in 2026, B in 2027. A lot always adds up."""
        lots = (await self.people["employee"].get("/me/wallet"))["lots"]
        parts = ("available", "held", "captured", "expired", "returned")
        assert [sum(lot[f"{part}_cents"] for part in parts) for lot in lots] == [lot["amount_cents"] for lot in lots]
        names = {lot["id"]: "A" if lot["expires_on"] == "2026-12-31" else "B" for lot in lots}
        return {names[lot["id"]]: (lot["available_cents"], lot["held_cents"], lot["captured_cents"]) for lot in lots}

    async def assert_nothing_leaks(self) -> None:
        """Call every reading route of the company, as each of its people: no word of care may appear.

        The words do appear where they belong, and the provider reads nothing about who pays.
        """
        mine = (await self.people["employee"].ask("GET", "/me/bookings")).text.lower()
        assert all(word in mine for word in CANARIES[:2])
        theirs = (await self.people["key"].ask("GET", self.of_provider("/bookings"))).text
        assert all(word in theirs.lower() for word in CANARIES[1:])
        assert not [word for word in (COMPANY, "Piano", "C2_F", '"lot_') if word in theirs]
        known = {"employee_id": "employees", "top_up_id": "top_ups", "programme_id": "programmes", "grant_id": "grants"}
        found = {
            name: [item["id"] for item in (await self.people["hr"].get(self.of_company(f"/{noun}")))["data"]]
            for name, noun in known.items()
        }
        document = (await self.client.get("/openapi.json")).json()
        paths = [path for path, verbs in document["paths"].items() if "/companies/{" in path and "get" in verbs]
        assert len(paths) >= 10
        for path in paths:
            opened = path.removeprefix("/v1").replace("{company_id}", self.company.public_id)
            parameter = re.search(r"{(\w+)}", opened)
            for value in found[parameter[1]] if parameter else [""]:
                concrete = re.sub(r"{\w+}", value, opened)
                for role in ("hr", "hr_approver", "payroll"):
                    answer = await self.people[role].ask("GET", concrete)
                    assert answer.status_code in {200, 403}, answer.text
                    seen = (answer.text + str(answer.headers)).lower()
                    assert not [word for word in CANARIES if word in seen], concrete


async def build(client: httpx.AsyncClient, world: World) -> Town:
    """Register all parties and people of the examples; nobody has credit yet."""
    operator = await world.operator()
    await world.set_now(START)
    company, provider = await world.company(COMPANY), await world.provider(PROVIDER)
    person = await world.employee(company)
    key = await world.api_key(provider, ["bookings:read", "bookings:write"])
    headers = operator.headers | company.headers | provider.headers | {"employee": person.headers, "key": key}
    people = {name: Caller(client, theirs) for name, theirs in headers.items()}
    return Town(client, world, company, provider, ids.encode("ben", await world.mother(person)), people)


async def give_credit(town: Town, fee_funding: str = "out_of_pocket") -> None:
    """Fund lot A, 120.00 to the end of 2026, and lot B, 300.00 to the end of May 2027."""
    await town.fund(420_00)
    for name, expires_on, cents in (("Piano A", date(2026, 12, 31), 120_00), ("Piano B", date(2027, 5, 31), 300_00)):
        programme = await town.programme(name, "operai", expires_on, fee_funding=fee_funding)
        granted = await town.grant(programme, cents)
        assert (granted["status"], granted["shortfall_cents"]) == ("active", 0)
    assert await town.lots() == {"A": (120_00, 0, 0), "B": (300_00, 0, 0)}


def visit_at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC)
