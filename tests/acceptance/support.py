"""A town built over HTTP alone: only the operator's two logins are there before the first request."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from stdnum import luhn

from tests.world import World
from tests.world.people import fiscal_code

START = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Nine in the morning in Rome."""
PASSWORD = "sette gatti sul tetto rosso"
ALBINO = "016004"
COMPANY, PROVIDER = "Officine Prova", "Cooperativa Canarino"
OFFERING, MOTHER, STREET = "Assistenza Cardellino", "Fringuella", "Via Capinera 7"
CANARIES = ("canarino", "cardellino", "fringuella", "capinera")
"""Words that only care knows: the company must never read one."""
YEARS_END = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
"""The midnight in Rome at which 2027 begins."""


@dataclass(frozen=True)
class Caller:
    """Somebody with a token: every call is expected to succeed unless it says otherwise."""

    client: httpx.AsyncClient
    headers: dict[str, str]

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Send a request, with a fresh idempotency key unless one is given."""
        headers = {**self.headers, "Idempotency-Key": uuid4().hex, **more.pop("headers", {})}
        return await self.client.request(method, f"/v1{path}", headers=headers, **more)

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.ask("GET", path, params=query)
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.ask("POST", path, json=body)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    async def patch(self, path: str, body: Any) -> Any:
        """Read for the version, then change it."""
        before = await self.ask("GET", path)
        answer = await self.ask("PATCH", path, json=body, headers={"If-Match": before.headers["etag"]})
        assert answer.status_code == 200, f"{path}: {answer.text}"
        return answer.json()


@dataclass
class Town:
    """A company with an employee and her mother, a provider, and the calls that they make."""

    client: httpx.AsyncClient
    operator: Caller
    finance: Caller
    company_id: str = ""
    provider_id: str = ""
    mother_id: str = ""
    people: dict[str, Caller] = field(default_factory=dict)

    def of_company(self, path: str) -> str:
        return f"/companies/{self.company_id}{path}"

    def of_provider(self, path: str) -> str:
        return f"/providers/{self.provider_id}{path}"

    async def move_to(self, instant: datetime) -> None:
        await self.operator.post("/sandbox/clock", {"now": instant.isoformat()})

    async def run_jobs(self) -> Any:
        return (await self.operator.post("/sandbox/jobs/run"))["ran"]

    async def enter(self, name: str, kind: str, number: int) -> str:
        """Create an organisation with all that a bank needs to pay it; finance approves its account."""
        stem = f"0999{number:03d}016"
        organisation = await self.operator.post(
            "/operator/organisations",
            {
                "name": name,
                "kinds": [kind],
                "tax_code": stem + luhn.calc_check_digit(stem),
                "iban": "IT60X0542811101000000123456",
                "address": {"street": "Via Roma", "street_number": "1", "postcode": "24021", "town": "Albino"},
            },
        )
        assert organisation["iban_status"] == "on_hold"
        waiting = await self.operator.get(
            "/operator/bank_accounts", status="pending", organisation_id=organisation["id"]
        )
        (account,) = waiting["data"]
        approved = await self.finance.post(f"/operator/bank_accounts/{account['id']}/approve")
        assert approved["status"] == "approved"
        return str(organisation["id"])

    async def found_alliance(self) -> None:
        """Make an alliance led by a municipality, admit the provider, accredit it by two people."""
        lead = await self.enter("Ambito Prova", "municipality", 3)
        network = await self.operator.post("/operator/networks", {"name": "ATS Prova"})
        alliance = await self.operator.post(
            "/operator/alliances",
            {
                "network_id": network["id"],
                "name": "Alleanza Prova",
                "lead_organisation_id": lead,
                "municipalities": [ALBINO],
            },
        )
        await self.operator.post(
            f"/operator/organisations/{lead}/members",
            {"email": "coordinator@ambito.example", "roles": ["admin", "coordinator"]},
        )
        coordinator = self.people["coordinator"] = await self.join("coordinator@ambito.example")
        for brought_in in (await self.finance.get("/operator/first_people"))["data"]:
            vouched = await self.finance.post(f"/operator/first_people/{brought_in['id']}/vouch")
            assert vouched["stands"] is True
        base = f"/alliances/{alliance['id']}"
        await coordinator.post(f"{base}/memberships", {"organisation_id": self.provider_id, "role": "provider"})
        asked = await self.people["manager"].post(self.of_provider("/accreditations"), {"alliance_id": alliance["id"]})
        accredited = await coordinator.post(f"{base}/accreditations/{asked['id']}/approve")
        assert accredited["status"] == "approved"

    async def join(self, email: str) -> Caller:
        """Accept the newest invitation in a mailbox, then log in with the password chosen."""
        mails = (await self.operator.get("/sandbox/mail", to=email))["data"]
        found = re.search(r"/invitations/(\S+)", mails[0]["text"])
        assert found is not None, mails[0]["text"]
        accepted = await self.client.post(f"/v1/auth/invitations/{found[1]}/accept", json={"password": PASSWORD})
        assert accepted.status_code == 200, accepted.text
        return await self.log_in(email)

    async def log_in(self, email: str) -> Caller:
        answer = await self.client.post("/v1/auth/token", data={"username": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return Caller(self.client, {"Authorization": f"Bearer {answer.json()['access_token']}"})

    async def hire(self, family_name: str, category: str, number: int, email: str | None = None) -> str:
        """Let HR write an employment; with an address the person is invited."""
        employee = await self.people["hr"].post(
            self.of_company("/employees"),
            {
                "email": email,
                "given_name": "Anna",
                "family_name": family_name,
                "fiscal_code": fiscal_code(number),
                "category": category,
                "hired_on": "2020-01-01",
            },
        )
        return str(employee["id"])

    async def fund(self, amount_cents: int) -> None:
        """HR announces a bank transfer, the operator sees it arrive."""
        announced = await self.people["hr"].post(self.of_company("/top_ups"), {"amount_cents": amount_cents})
        assert announced["status"] == "pending"
        confirmed = await self.operator.post(f"/operator/top_ups/{announced['id']}/confirm")
        if confirmed["status"] == "confirming":
            confirmed = await self.finance.post(f"/operator/top_ups/{announced['id']}/confirm")
        assert confirmed["status"] == "confirmed"

    async def programme(
        self, name: str, category: str, expires_on: date, fee_funding: str = "out_of_pocket", **terms: str
    ) -> str:
        made = await self.people["hr"].post(
            self.of_company("/programmes"),
            {
                "name": name,
                "source": "on_top",
                "employee_category": category,
                "rule_codes": ["C2_F_TER", "C2_F_BIS", "C2_F"],
                "lot_expires_on": expires_on.isoformat(),
                "expired_credit_to": "solidarity_fund",
                "fee_funding": fee_funding,
                **terms,
            },
        )
        return str(made["id"])

    async def grant(self, programme_id: str, each_cents: int) -> Any:
        """One person drafts, another approves."""
        body = {"programme_id": programme_id, "each_cents": each_cents, "generality_reason": "part_of_category"}
        drafted = await self.people["hr"].post(self.of_company("/grants"), body)
        return await self.people["approver"].post(self.of_company(f"/grants/{drafted['id']}/approve"))

    async def offering(self, price_cents: int = 22_50) -> str:
        made = await self.people["manager"].post(
            self.of_provider("/offerings"),
            {
                "name": OFFERING,
                "description": "Aiuto a casa",
                "category": "home_help",
                "mode": "home_visit",
                "unit": "visit",
                "price_cents": price_cents,
                "vat_code": "vat_5",
                "service_area": [ALBINO],
                "confirmation": "provider",
                "response_hours": 48,
                "cancellation": {"free_until_hours": 24, "late_fee_bps": 5000, "no_show_fee_bps": 10000},
            },
        )
        return str(made["id"])

    async def slots(self, offering_id: str, days: Iterable[date]) -> list[str]:
        """Publish one hour at nine (UTC) on each day, one seat each."""
        made = []
        for day in days:
            starts_at = visit_at(day)
            slot = await self.people["manager"].post(
                self.of_provider(f"/offerings/{offering_id}/slots"),
                {
                    "starts_at": starts_at.isoformat(),
                    "ends_at": (starts_at + timedelta(hours=1)).isoformat(),
                    "capacity": 1,
                },
            )
            made.append(str(slot["id"]))
        return made

    async def quote(self, offering_id: str, slot_ids: list[str]) -> Any:
        body = {"offering_id": offering_id, "beneficiary_id": self.mother_id, "slot_ids": slot_ids}
        return await self.people["employee"].post("/me/quotes", body)

    async def book(self, offering_id: str, slot_ids: list[str]) -> Any:
        quoted = await self.quote(offering_id, slot_ids)
        return await self.people["employee"].post("/me/bookings", {"quote_id": quoted["id"]})

    async def answer(self, booking: Any, verb: str, body: Any = None) -> httpx.Response:
        """What the provider's own software does, by API key."""
        return await self.people["key"].ask(
            "POST", self.of_provider(f"/bookings/{booking['id']}/{verb}"), json=body or {}
        )

    async def lots(self) -> dict[str, tuple[int, int, int]]:
        """Return available, held, captured by lot: A expires in 2026, B in 2027. A lot always adds up."""
        lots = (await self.people["employee"].get("/me/wallet"))["lots"]
        for lot in lots:
            parts = ("available", "held", "captured", "expired", "returned")
            assert sum(lot[f"{part}_cents"] for part in parts) == lot["amount_cents"]
        return {
            "A" if lot["expires_on"] == "2026-12-31" else "B": (
                lot["available_cents"],
                lot["held_cents"],
                lot["captured_cents"],
            )
            for lot in lots
        }

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
        ids = {
            name: [item["id"] for item in (await self.people["hr"].get(self.of_company(f"/{noun}")))["data"]]
            for name, noun in known.items()
        }
        document = (await self.client.get("/openapi.json")).json()
        paths = [path for path, verbs in document["paths"].items() if "/companies/{" in path and "get" in verbs]
        assert len(paths) >= 10
        for path in paths:
            opened = path.removeprefix("/v1").replace("{company_id}", self.company_id)
            parameter = re.search(r"{(\w+)}", opened)
            for value in ids[parameter[1]] if parameter else [""]:
                concrete = re.sub(r"{\w+}", value, opened)
                for role in ("hr", "approver", "payroll"):
                    answer = await self.people[role].ask("GET", concrete)
                    assert answer.status_code in {200, 403}, answer.text
                    seen = (answer.text + str(answer.headers)).lower()
                    assert not [word for word in CANARIES if word in seen], concrete


async def build(client: httpx.AsyncClient, world: World) -> Town:
    """Create all parties and people of the examples; nobody has credit yet."""
    seeded = await world.operator()
    await world.set_now(START)
    town = Town(
        client,
        Caller(client, seeded.headers["operator"]),
        Caller(client, seeded.headers["finance"]),
    )
    town.company_id = await town.enter(COMPANY, "company", 1)
    town.provider_id = await town.enter(PROVIDER, "provider", 2)
    await town.operator.post(
        f"/operator/organisations/{town.company_id}/members", {"email": "hr@prova.example", "roles": ["admin", "hr"]}
    )
    town.people["hr"] = await town.join("hr@prova.example")
    for name, role in (("approver", "hr_approver"), ("payroll", "payroll")):
        email = f"{name}@prova.example"
        await town.people["hr"].post(f"/organisations/{town.company_id}/members", {"email": email, "roles": [role]})
        town.people[name] = await town.join(email)
    await town.operator.post(
        f"/operator/organisations/{town.provider_id}/members",
        {"email": "manager@canarino.example", "roles": ["admin", "manager"]},
    )
    town.people["manager"] = await town.join("manager@canarino.example")
    await town.found_alliance()
    key = await town.people["manager"].post(
        f"/organisations/{town.provider_id}/api_keys",
        {"name": "agenda", "scopes": ["bookings:read", "bookings:write"]},
    )
    town.people["key"] = Caller(client, {"Authorization": f"Bearer {key['key']}"})
    await _add_employee(town)
    return town


async def _add_employee(town: Town) -> None:
    await town.hire("Merli", "operai", 1, "employee@prova.example")
    town.people["employee"] = await town.join("employee@prova.example")
    mother = await town.people["employee"].post(
        "/me/beneficiaries",
        {
            "given_name": MOTHER,
            "family_name": "Esempio",
            "relation": "parent",
            "birth_date": "1946-03-01",
            "phone": "+39 035 000000",
            "address": {"street": STREET, "postcode": "24021", "istat_code": ALBINO},
            "cohabitation": [{"from": "2020-01-01", "to": None}],
        },
    )
    town.mother_id = mother["id"]


async def give_credit(town: Town, fee_funding: str = "out_of_pocket") -> None:
    """Fund lot A, 120.00 to the end of 2026, and lot B, 300.00 to the end of May 2027."""
    await town.fund(420_00)
    for name, expires_on, cents in (("Piano A", date(2026, 12, 31), 120_00), ("Piano B", date(2027, 5, 31), 300_00)):
        granted = await town.grant(await town.programme(name, "operai", expires_on, fee_funding), cents)
        assert (granted["status"], granted["shortfall_cents"]) == ("active", 0)
    assert await town.lots() == {"A": (120_00, 0, 0), "B": (300_00, 0, 0)}


def visit_at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC)
