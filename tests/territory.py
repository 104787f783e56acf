"""Two neighbours with the same things and different secrets: whoever belongs to one must not see the other.

Every text that is nobody else's business carries the side's canary; public texts (an offering, a provider) do not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
from fastapi.routing import APIRoute

from app import api, ids
from app.beneficiaries.details import open_details, seal_details
from app.events.actions import NewEvent, record
from app.events.jobs import NUMBER
from app.http.route import BeatriceRoute
from app.webhooks.planning import plan
from tests.settlements.books import Books
from tests.world import Party, Person, World

EARLY = datetime(2026, 9, 1, 8, tzinfo=UTC)
NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
CUTOFF = "2026-11-30"
COMPANY_ROLES = ("hr", "hr_approver", "payroll")
PROVIDER_ROLES = ("manager", "staff")
ALLIANCE_ROLES = ("coordinator", "observer")
OPERATOR_ROLES = ("operator", "finance")
ROLES = ("anonymous", "employee", *COMPANY_ROLES, *PROVIDER_ROLES, *ALLIANCE_ROLES, *OPERATOR_ROLES)
PREFIXES = {
    "offering_id": "off",
    "provider_id": "org",
    "company_id": "org",
    "organisation_id": "org",
    "alliance_id": "all",
    "beneficiary_id": "ben",
    "employee_id": "emp",
    "top_up_id": "top",
    "programme_id": "prg",
    "grant_id": "grt",
    "booking_id": "bkg",
    "dispute_id": "dsp",
    "site_id": "ste",
    "slot_id": "slt",
    "settlement_id": "stl",
    "api_key_id": "key",
    "session_id": "ses",
    "invitation_id": "inv",
    "membership_id": "mem",
    "run_id": "run",
    "accreditation_id": "acr",
    "account_id": "bac",
    "rule_id": "fee",
    "endpoint_id": "whe",
    "delivery_id": "dlv",
}
"""What a path parameter names; a new one must be added here, with an object on both sides."""


@dataclass
class Side:
    """One neighbour: public ids of its objects by path parameter, and headers by role."""

    canary: str
    company: Party
    provider: Party
    lead: Party
    person: Person
    ids: dict[str, str] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def path(self, template: str) -> str:
        """Fill a route's path with this side's objects."""
        return fill(template, self.ids, self.organisation_of(template))

    def organisation_of(self, template: str) -> str:
        return self.ids["alliance_membership_id" if template.startswith("/v1/alliances") else "membership_id"]


@dataclass
class Territory:
    a: Side
    b: Side
    operator: Party

    async def ask(
        self, client: httpx.AsyncClient, route: BeatriceRoute, path: str, headers: dict[str, str]
    ) -> httpx.Response:
        """Call a route with an empty body and everything else that it demands."""
        self.asked += 1
        extra = {"Idempotency-Key": f"asked-{self.asked}", "If-Match": '"1"'}
        method = method_of(route)
        if method == "GET":
            return await client.get(path, headers=headers)
        if route.access.body == "csv":
            return await client.request(
                method, path, content=b"external_id\n", headers={**headers, **extra, "Content-Type": "text/csv"}
            )
        if route.access.body == "form":
            return await client.request(method, path, data={"username": "x"}, headers={**headers, **extra})
        return await client.request(method, path, json={}, headers={**headers, **extra})

    asked: int = 0


def fill(template: str, values: dict[str, str], membership_id: str) -> str:
    known = {**values, "membership_id": membership_id, "token": "x" * 43}
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
    run = await client.post(
        "/v1/operator/settlement_runs",
        json={"cutoff_on": CUTOFF},
        headers=operator.headers["finance"] | {"Idempotency-Key": "run"},
    )
    assert run.status_code == 201, run.text
    for side in sides:
        side.ids["run_id"] = run.json()["id"]
        settlement = await world.scalar(
            "SELECT id FROM settlement WHERE provider_id = :provider", provider=side.provider.id
        )
        side.ids["settlement_id"] = ids.encode("stl", settlement)
        await _dispute(world, client, side)
        await _book(world, client, side)
        await _hide_canaries(world, side)
    return Territory(*sides, operator)


async def _side(world: World, client: httpx.AsyncClient, operator: Party, letter: str) -> Side:
    canary = f"Kanari{letter}"
    company = await world.company(name=f"{canary} S.p.A.")
    provider = await world.provider(name=f"Provider {letter}")
    lead = await world.organisation(["municipality"], ("coordinator",), name=f"Ambito {letter}")
    union = await world.organisation(["association"], ("observer",), name=f"Union {letter}")
    person = await world.employee(company)
    side = Side(canary, company, provider, lead, person)
    side.headers = {
        "anonymous": {},
        "employee": person.headers,
        **company.headers,
        **provider.headers,
        **lead.headers,
        **union.headers,
        **operator.headers,
    }
    await world.fund(company, 20_000_00)
    lot_id = await world.lot(company, person, 5_000_00, date(2027, 5, 31))
    grant_id, programme_id = (await world.execute("SELECT grant_id, source_id FROM lot WHERE id = :id", id=lot_id))[0]
    books = Books(world, operator, company, person, lot_id)
    await books.units(provider, [100_00, 50_00])
    await books.units(provider, [30_00], outcome="delivered")
    side.ids = {
        "company_id": company.public_id,
        "provider_id": provider.public_id,
        "organisation_id": provider.public_id,
        "employee_id": ids.encode("emp", person.employee_id),
        "grant_id": ids.encode("grt", grant_id),
        "programme_id": ids.encode("prg", programme_id),
        "lot_id": ids.encode("lot", lot_id),
    }
    await _by_http(world, client, side)
    await _alliance(client, operator, side, union)
    return side


async def _post(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], body: dict[str, Any], key: str
) -> dict[str, Any]:
    answer = await client.post(path, json=body, headers=headers | {"Idempotency-Key": key})
    assert answer.status_code in {200, 201}, (path, answer.text)
    made: dict[str, Any] = answer.json()
    return made


async def _by_http(world: World, client: httpx.AsyncClient, side: Side) -> None:
    company, provider = f"/v1/companies/{side.company.public_id}", f"/v1/providers/{side.provider.public_id}"
    top_up = await _post(client, f"{company}/top_ups", side.headers["hr"], {"amount_cents": 77_00}, "top")
    site = await _post(
        client,
        f"{provider}/sites",
        side.headers["manager"],
        {"name": "Sede", "street": "Via Serio 1", "postcode": "24021", "istat_code": "016004"},
        "site",
    )
    key = await _post(
        client,
        f"/v1/organisations/{side.provider.public_id}/api_keys",
        side.headers["manager"],
        {"name": f"{side.canary} key", "scopes": ["catalogue:read"]},
        "key",
    )
    endpoint = await _post(
        client,
        f"/v1/organisations/{side.provider.public_id}/webhook_endpoints",
        side.headers["manager"],
        {"url": "https://hooks.example.org/", "description": side.canary, "event_types": ["slot.cancelled"]},
        "hook",
    )
    invited = await client.post(
        f"/v1/organisations/{side.provider.public_id}/members",
        json={"email": f"invited{side.canary[-1]}@example.test".lower(), "roles": ["staff"]},
        headers=side.headers["manager"],
    )
    assert invited.status_code == 201, invited.text
    invitation = await world.scalar("SELECT id FROM invitation WHERE organisation_id = :id", id=side.provider.id)
    member = await world.scalar(
        "SELECT id FROM role_grant WHERE organisation_id = :id AND role = 'staff'", id=side.provider.id
    )
    login = await world.scalar("SELECT id FROM session_token WHERE user_id = :id", id=side.person.user_id)
    side.ids |= {
        "session_id": ids.encode("ses", login),
        "top_up_id": top_up["id"],
        "site_id": site["id"],
        "api_key_id": key["id"],
        "endpoint_id": endpoint["id"],
        "delivery_id": ids.encode("dlv", await _delivery(world, side.provider)),
        "invitation_id": ids.encode("inv", invitation),
        "membership_id": ids.encode("mem", member),
    }


async def _delivery(world: World, provider: Party) -> UUID:
    """Plan the delivery of one event."""
    async with world.work() as session:
        await record(session, NewEvent("slot.cancelled", "slot", ids.new_id(), (provider.id,)))
        while await NUMBER.one(session, at_most=1_000):
            pass
        await plan(session)
    delivery_id: UUID = await world.scalar(
        "SELECT id FROM webhook_delivery WHERE organisation_id = :id", id=provider.id
    )
    return delivery_id


async def _alliance(client: httpx.AsyncClient, operator: Party, side: Side, union: Party) -> None:
    headers = operator.headers["operator"]
    letter = side.canary[-1]
    network = await _post(client, "/v1/operator/networks", headers, {"name": f"ATS {letter}"}, "network")
    body = {
        "network_id": network["id"],
        "name": f"Alliance {letter}",
        "lead_organisation_id": side.lead.public_id,
        "municipalities": ["016004"],
    }
    alliance = await _post(client, "/v1/operator/alliances", headers, body, "alliance")
    joined = await _post(
        client,
        f"/v1/alliances/{alliance['id']}/memberships",
        side.headers["coordinator"],
        {"organisation_id": union.public_id, "role": "partner"},
        "member",
    )
    accreditation = await _post(
        client,
        f"/v1/providers/{side.provider.public_id}/accreditations",
        side.headers["manager"],
        {"alliance_id": alliance["id"]},
        "accreditation",
    )
    rule = {"percent_bps": 1, "payer": "provider", "valid_from": "2030-01-01", "provider_id": side.provider.public_id}
    drafted = await _post(client, "/v1/operator/fee_rules", headers, rule, "rule")
    listed = f"/v1/operator/bank_accounts?organisation_id={side.provider.public_id}"
    (account,) = (await client.get(listed, headers=headers)).json()["data"]
    side.ids |= {
        "alliance_id": alliance["id"],
        "alliance_membership_id": joined["id"],
        "accreditation_id": accreditation["id"],
        "rule_id": drafted["id"],
        "account_id": account["id"],
    }


async def _dispute(world: World, client: httpx.AsyncClient, side: Side) -> None:
    """Contest the unit that was delivered and nobody acknowledged."""
    ((unit_id, booking_id),) = await world.execute(
        "SELECT id, booking_id FROM care.unit WHERE provider_id = :id AND status = 'delivered'", id=side.provider.id
    )
    dispute = await _post(
        client,
        f"/v1/me/bookings/{ids.encode('bkg', booking_id)}/disputes",
        side.person.headers,
        {"unit_ids": [ids.encode("unt", unit_id)], "reason": f"{side.canary} reason"},
        "dispute",
    )
    side.ids["dispute_id"] = dispute["id"]


async def _book(world: World, client: httpx.AsyncClient, side: Side) -> None:
    mother = await world.beneficiary(
        side.person.user_id, "parent", date(1946, 3, 1), cohabitation='[{"from": "2020-01-01", "to": null}]'
    )
    offering = await world.offering(side.provider)
    side.ids |= {"beneficiary_id": ids.encode("ben", mother), "offering_id": ids.encode("off", offering)}
    bookings: list[str] = []
    slots: list[UUID] = []
    for day in (10, 11, 12):
        slots.append(await world.slot(side.provider, offering, datetime(2026, 12, day, 9, tzinfo=UTC), capacity=2))
        quote = await _post(
            client,
            "/v1/me/quotes",
            side.person.headers,
            {
                "offering_id": side.ids["offering_id"],
                "beneficiary_id": side.ids["beneficiary_id"],
                "slot_ids": [ids.encode("slt", slots[-1])],
            },
            "quote",
        )
        side.ids["quote_id"] = quote["id"]
        booking = await _post(
            client,
            "/v1/me/bookings",
            side.person.headers,
            {"quote_id": quote["id"], "note": f"{side.canary} note"},
            f"book-{day}",
        )
        bookings.append(booking["id"])
    side.ids |= {"booking_id": bookings[0], "slot_id": ids.encode("slt", slots[0])}
    path = f"/v1/providers/{side.provider.public_id}/bookings/{bookings[1]}/confirm"
    await _post(client, path, side.headers["manager"], {}, "confirm")


async def _hide_canaries(world: World, side: Side) -> None:
    """Write the side's canary into every text about its people."""
    canary = side.canary
    await world.execute(
        "UPDATE employee SET given_name = :text, family_name = :text, external_id = :text WHERE company_id = :id",
        text=f"{canary} employee",
        id=side.company.id,
    )
    await world.execute(
        "UPDATE care.beneficiary SET given_name = :text, family_name = :text WHERE user_id = :id",
        text=f"{canary} relative",
        id=side.person.user_id,
    )
    for row in await world.execute(
        "SELECT id, sealed_details FROM care.beneficiary WHERE user_id = :id", id=side.person.user_id
    ):
        details = replace(open_details(row.sealed_details, row.id), street=f"{canary} relative")
        await world.execute(
            "UPDATE care.beneficiary SET sealed_details = :sealed WHERE id = :id",
            sealed=seal_details(details, row.id),
            id=row.id,
        )
    await world.execute(
        "UPDATE credit_source SET name = :text WHERE id IN (SELECT id FROM programme WHERE company_id = :id)",
        text=f"{canary} programme",
        id=side.company.id,
    )
    for users in (side.company.users, side.provider.users, side.lead.users, {"employee": side.person.user_id}):
        for role, user_id in users.items():
            await world.execute(
                "UPDATE user_account SET email = :mail WHERE id = :id",
                mail=f"{role}.{canary.lower()}@example.test",
                id=user_id,
            )
