"""A provider with home help, an employee with two lots and a cohabiting mother of 80: E1's setting."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx

from app import ids
from tests.world import Caller, Party, Person, World

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@dataclass
class Scene:
    """Everything a booking needs, and the calls that make one."""

    world: World
    client: httpx.AsyncClient
    operator: Party
    company: Party
    provider: Party
    person: Person
    mother_id: UUID
    offering_id: UUID
    lot_a: UUID
    lot_b: UUID

    def key(self) -> dict[str, str]:
        return {"Idempotency-Key": uuid4().hex}

    def by(self, role: str) -> Caller:
        parties = self.operator.headers | self.company.headers | self.provider.headers
        return Caller(self.client, (parties | {"employee": self.person.headers})[role])

    async def slot(self, starts_at: datetime, capacity: int = 1) -> str:
        return ids.encode("slt", await self.world.slot(self.provider, self.offering_id, starts_at, capacity=capacity))

    async def price(self, cents: int) -> None:
        """Let the offering cost something else from now on."""
        await self.world.price(self.provider, self.offering_id, cents, NOW.date())

    async def quote(self, slot_ids: list[str], **more: Any) -> httpx.Response:
        body = {
            "offering_id": ids.encode("off", self.offering_id),
            "beneficiary_id": ids.encode("ben", self.mother_id),
            "slot_ids": slot_ids,
            **more,
        }
        return await self.by("employee").ask("POST", "/me/quotes", body)

    async def book(self, slot_ids: list[str], **more: Any) -> dict[str, Any]:
        quote = (await self.quote(slot_ids, **more)).json()
        return dict(await self.by("employee").post("/me/bookings", {"quote_id": quote["id"]}))

    async def mine(self, booking_id: str, verb: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.by("employee").ask("POST", f"/me/bookings/{booking_id}/{verb}", body or {})

    async def theirs(
        self, booking_id: str, verb: str, body: dict[str, Any] | None = None, role: str = "manager"
    ) -> httpx.Response:
        path = f"/providers/{self.provider.public_id}/bookings/{booking_id}/{verb}"
        return await self.by(role).ask("POST", path, body or {})

    async def confirmed(self, slot_ids: list[str]) -> dict[str, Any]:
        booking = await self.book(slot_ids)
        assert (await self.theirs(booking["id"], "confirm")).status_code == 200
        return booking

    async def decide(self, dispute_id: str, **decision: Any) -> httpx.Response:
        body = {"reason": "sentite le parti", **decision}
        return await self.by("operator").ask("POST", f"/operator/disputes/{dispute_id}/resolve", body)

    async def lots(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((available, held) of A, of B)."""
        return await self.world.balances(self.lot_a), await self.world.balances(self.lot_b)


async def make_scene(world: World, client: httpx.AsyncClient, **lot: Any) -> Scene:
    operator = await world.operator()
    await world.set_now(NOW)
    company = await world.company()
    provider = await world.provider()
    person = await world.employee(company)
    mother = await world.mother(person)
    offering = await world.offering(provider)
    lot_a = await world.lot(company, person, 120_00, date(2026, 12, 31), **lot)
    lot_b = await world.lot(company, person, 300_00, date(2027, 5, 31), **lot)
    return Scene(world, client, operator, company, provider, person, mother, offering, lot_a, lot_b)
