"""Two neighbours with the same things and different secrets: whoever belongs to one must not see the other.

Every text that is nobody else's business carries the side's canary; public texts (an offering, a provider) do not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import httpx
from fastapi.routing import APIRoute

from app import api, ids
from app.events.actions import NewEvent, record
from app.events.jobs import NUMBER
from app.http.route import BeatriceRoute
from app.webhooks.planning import plan
from tests.settlements.books import Books
from tests.world import Caller, Party, Person, World
from tests.world.given import ALBINO, PDF, RECEIPT, RELATIVE

EARLY = datetime(2026, 9, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
CUTOFF = "2026-11-30"
COMPANY_ROLES = ("hr", "hr_approver", "payroll")
PROVIDER_ROLES = ("manager", "staff")
ALLIANCE_ROLES = ("coordinator", "observer")
OPERATOR_ROLES = ("operator", "finance")
ROLES = ("anonymous", "employee", *COMPANY_ROLES, *PROVIDER_ROLES, *ALLIANCE_ROLES, *OPERATOR_ROLES)
NEWEST = """
    SELECT (SELECT id FROM invitation WHERE organisation_id = :provider) AS inv,
        (SELECT id FROM role_grant WHERE organisation_id = :provider AND role = 'staff') AS mem,
        (SELECT id FROM session_token WHERE user_id = :person) AS ses,
        (SELECT grant_id FROM lot WHERE id = :lot) AS grt, (SELECT source_id FROM lot WHERE id = :lot) AS prg,
        (SELECT booking_id FROM care.unit WHERE id = :unit) AS bkg,
        (SELECT id FROM webhook_delivery WHERE organisation_id = :provider) AS dlv
"""


@dataclass
class Side:
    """One neighbour: public ids of its objects by path parameter, and headers by role."""

    canary: str
    client: httpx.AsyncClient
    company: Party
    provider: Party
    lead: Party
    union: Party
    person: Person
    headers: dict[str, dict[str, str]]
    ids: dict[str, str] = field(default_factory=dict)

    def path(self, template: str) -> str:
        """Fill a route's path with this side's objects."""
        return fill(template, self.ids, self.organisation_of(template))

    def organisation_of(self, template: str) -> str:
        return self.ids["alliance_membership_id" if template.startswith("/v1/alliances") else "membership_id"]

    async def make(self, role: str, template: str, body: Any, name: str = "") -> dict[str, Any]:
        """Let somebody of this side make an object that paths may name from now on."""
        path = fill(template, self.ids, "")
        made: dict[str, Any] = await Caller(self.client, self.headers[role]).post(path, body)
        if name:
            self.ids[name] = made["id"]
        return made


@dataclass
class Territory:
    a: Side
    b: Side
    operator: Party
    asked: int = 0

    async def ask(
        self, client: httpx.AsyncClient, route: BeatriceRoute, path: str, headers: dict[str, str]
    ) -> httpx.Response:
        """Call a route with an empty body and everything else that it demands."""
        self.asked += 1
        if method_of(route) == "GET":
            return await client.get(path, headers=headers)
        given = headers | {"Idempotency-Key": f"asked-{self.asked}", "If-Match": '"1"'}
        if route.access.body == "csv":
            return await client.post(path, content=b"external_id\n", headers=given | {"Content-Type": "text/csv"})
        if route.access.body == "form":
            return await client.post(path, data={"username": "x"}, headers=given)
        return await client.request(method_of(route), path, json={}, headers=given)


def fill(template: str, values: dict[str, str], membership_id: str) -> str:
    known = {**values, "membership_id": membership_id, "token": "x" * 43, "period": "2026-11"}
    return re.sub(r"\{(\w+)\}", lambda match: known[match[1]], template)


def routes() -> Iterator[BeatriceRoute]:
    """Every route the application serves."""
    for router in api.ROUTERS + api.SANDBOX_ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            assert isinstance(route, BeatriceRoute)
            yield route


def method_of(route: BeatriceRoute) -> str:
    (method,) = route.methods
    return method


async def build(world: World, client: httpx.AsyncClient) -> Territory:
    """Make both sides with bookings, credit, settlements; business time ends at NOW."""
    operator = await world.operator()
    await world.set_now(EARLY)
    sides = [await _side(world, client, operator, letter) for letter in ("A", "B")]
    await world.set_now(NOW)
    run = await sides[0].make("finance", "/operator/settlement_runs", {"cutoff_on": CUTOFF})
    for side in sides:
        await _claim(side)
    paid = await sides[0].make("finance", "/operator/claim_runs", {})
    for side in sides:
        side.ids["claim_run_id"] = paid["id"]
        settlement = await world.scalar("SELECT id FROM settlement WHERE provider_id = :id", id=side.provider.id)
        side.ids |= {"run_id": run["id"], "settlement_id": ids.encode("stl", settlement)}
        await _book(world, side)
    return Territory(*sides, operator)


async def _side(world: World, client: httpx.AsyncClient, operator: Party, letter: str) -> Side:
    canary = f"Kanari{letter}"
    company = await world.company(name=f"{canary} S.p.A.")
    provider = await world.provider(name=f"Provider {letter}")
    lead = await world.organisation(["municipality"], ("coordinator",), name=f"Ambito {letter}")
    union = await world.organisation(["association"], ("observer",), name=f"Union {letter}")
    names = dict.fromkeys(("given_name", "family_name", "external_id"), f"{canary} employee")
    person = await world.employee(company, **names)
    headers = {"anonymous": {}, "employee": person.headers}
    for party in (company, provider, lead, union, operator):
        headers |= party.headers
    administrator, headers["admin"] = await world.login(f"admin-{letter.lower()}@example.test")
    await world.membership(administrator, provider.id, "admin")
    side = Side(canary, client, company, provider, lead, union, person, headers)
    everybody = [person.user_id, *company.users.values(), *provider.users.values(), *lead.users.values()]
    renamed = "UPDATE user_account SET email = lower(:canary) || '.' || email WHERE id = ANY (:users)"
    await world.execute(renamed, canary=canary, users=everybody)
    await world.fund(company, 20_000_00)
    lot_id = await world.lot(company, person, 5_000_00, date(2027, 5, 31), name=f"{canary} programme")
    books = Books(world, operator, company, person, lot_id)
    await books.units(provider, [100_00, 50_00])
    (unit_id,) = await books.units(provider, [30_00], outcome="delivered")
    side.ids = {
        "company_id": company.public_id,
        "provider_id": provider.public_id,
        "organisation_id": provider.public_id,
        "employee_id": ids.encode("emp", person.employee_id),
        "lot_id": ids.encode("lot", lot_id),
        "unit_id": ids.encode("unt", unit_id),
        "mandate_id": ids.encode("man", ids.new_id()),
    }
    await _by_http(side)
    await _tell(world, provider)
    given = {"provider": provider.id, "person": person.user_id, "lot": lot_id, "unit": unit_id}
    (found,) = await world.execute(NEWEST, **given)
    names_of = {"inv": "invitation", "mem": "membership", "ses": "session", "grt": "grant", "prg": "programme"}
    side.ids |= {
        f"{name}_id": ids.encode(prefix, getattr(found, prefix))
        for prefix, name in (names_of | {"bkg": "booking", "dlv": "delivery"}).items()
    }
    return side


async def _tell(world: World, provider: Party) -> None:
    """Plan the delivery of one event."""
    async with world.work() as session:
        await record(session, NewEvent("slot.cancelled", "slot", ids.new_id(), (provider.id,)))
        while await NUMBER.one(session, at_most=1_000):
            pass
        await plan(session)


async def _by_http(side: Side) -> None:
    """Everything that people make and nothing else needs: a top-up, a site, a key, an alliance, a fee rule."""
    letter = side.canary[-1]
    await side.make("hr", "/companies/{company_id}/top_ups", {"amount_cents": 77_00}, "top_up_id")
    site = {"name": "Sede", "street": "Via Serio 1", "postcode": "24021", "istat_code": ALBINO}
    await side.make("manager", "/providers/{provider_id}/sites", site, "site_id")
    key = {"name": f"{side.canary} key", "scopes": ["catalogue:read"]}
    await side.make("manager", "/organisations/{organisation_id}/api_keys", key, "api_key_id")
    hook = {"url": "https://hooks.example.org/", "description": side.canary, "event_types": ["slot.cancelled"]}
    await side.make("manager", "/organisations/{organisation_id}/webhook_endpoints", hook, "endpoint_id")
    invited = {"email": f"invited{letter.lower()}@example.test", "roles": ["staff"]}
    await side.make("manager", "/organisations/{organisation_id}/members", invited)
    network = await side.make("operator", "/operator/networks", {"name": f"ATS {letter}"})
    alliance = {
        "network_id": network["id"],
        "name": f"Alliance {letter}",
        "lead_organisation_id": side.lead.public_id,
        "municipalities": [ALBINO],
    }
    await side.make("operator", "/operator/alliances", alliance, "alliance_id")
    joined = {"organisation_id": side.union.public_id, "role": "partner"}
    await side.make("coordinator", "/alliances/{alliance_id}/memberships", joined, "alliance_membership_id")
    wanted = {"alliance_id": side.ids["alliance_id"]}
    await side.make("manager", "/providers/{provider_id}/accreditations", wanted, "accreditation_id")
    rule = {"percent_bps": 1, "payer": "provider", "valid_from": "2030-01-01", "provider_id": side.provider.public_id}
    await side.make("operator", "/operator/fee_rules", rule, "rule_id")
    weaker = {"name": "least_people", "value": 9, "reason": "Trial", "valid_from": "2030-01-01"}
    await side.make("operator", "/operator/setting_values", weaker, "value_id")
    operator = Caller(side.client, side.headers["operator"])
    (account,) = (await operator.get("/operator/bank_accounts", organisation_id=side.provider.public_id))["data"]
    side.ids["account_id"] = account["id"]


async def _claim(side: Side) -> None:
    """Ask back what was paid for a relative, and be granted it."""
    employee = Caller(side.client, side.person.headers)
    relative = await employee.post("/me/beneficiaries", RELATIVE | {"given_name": f"{side.canary} claimed"})
    headers = side.person.headers | {"Content-Type": "application/pdf"}
    file = (await side.client.post("/v1/me/claim_files", content=PDF, headers=headers)).json()
    asked = RECEIPT | {"beneficiary_id": relative["id"], "file_ids": [file["id"]], "number": side.canary}
    side.ids["file_id"] = file["id"]
    await side.make("employee", "/me/claims", asked, "claim_id")
    await side.make("operator", "/operator/claims/{claim_id}/approve", {"reason": f"{side.canary} reason"})


async def _book(world: World, side: Side) -> None:
    """Contest the unit that was delivered and nobody acknowledged; book three visits, one of them confirmed."""
    canary, employee = side.canary, Caller(side.client, side.person.headers)
    named = dict.fromkeys(("given_name", "family_name"), f"{canary} relative")
    named["address"] = RELATIVE["address"] | {"street": f"{canary} relative"}
    await employee.patch(f"/me/beneficiaries/{ids.encode('ben', side.person.beneficiary_id)}", named)
    await side.make("employee", "/me/beneficiaries", RELATIVE | named, "beneficiary_id")
    contested = {"unit_ids": [side.ids["unit_id"]], "reason": f"{canary} reason"}
    await side.make("employee", "/me/bookings/{booking_id}/disputes", contested, "dispute_id")
    offering = await world.offering(side.provider)
    side.ids["offering_id"] = ids.encode("off", offering)
    for day in (12, 11, 10):
        slot = await world.slot(side.provider, offering, datetime(2026, 12, day, 9, tzinfo=UTC), capacity=2)
        side.ids["slot_id"] = ids.encode("slt", slot)
        asked = {name: side.ids[name] for name in ("offering_id", "beneficiary_id")}
        asked["slot_ids"] = [side.ids["slot_id"]]
        await side.make("employee", "/me/quotes", asked, "quote_id")
        booked = {"quote_id": side.ids["quote_id"], "note": f"{canary} note"}
        await side.make("employee", "/me/bookings", booked, "booking_id")
        if day == 11:
            await side.make("manager", "/providers/{provider_id}/bookings/{booking_id}/confirm", {})
