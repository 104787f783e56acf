"""A provider with home help, an employee with two lots and a cohabiting mother of 80: E1's setting."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from app import ids
from tests.world import Party, Person, World

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
    slots: list[UUID] = field(default_factory=list)
    keys: int = 0

    def key(self) -> dict[str, str]:
        self.keys += 1
        return {"Idempotency-Key": f"scene-{self.keys}"}

    async def slot(self, starts_at: datetime, capacity: int = 1) -> str:
        return ids.encode("slt", await self.world.slot(self.provider, self.offering_id, starts_at, capacity=capacity))

    async def price(self, cents: int) -> None:
        """Let the offering cost something else from now on."""
        await self.world.execute("UPDATE price SET valid_to = '2026-11-01'")
        await self.world.execute(
            "INSERT INTO price (id, offering_id, price_cents, valid_from, created_at)"
            " VALUES (:id, :offering, :cents, '2026-11-01', :at)",
            id=ids.new_id(),
            offering=self.offering_id,
            cents=cents,
            at=NOW,
        )

    async def quote(self, slot_ids: list[str], **more: Any) -> httpx.Response:
        body = {
            "offering_id": ids.encode("off", self.offering_id),
            "beneficiary_id": ids.encode("ben", self.mother_id),
            "slot_ids": slot_ids,
            **more,
        }
        return await self.client.post("/v1/me/quotes", json=body, headers=self.person.headers)

    async def book(self, slot_ids: list[str], **more: Any) -> dict[str, Any]:
        quote = (await self.quote(slot_ids, **more)).json()
        answer = await self.client.post(
            "/v1/me/bookings", json={"quote_id": quote["id"]}, headers=self.person.headers | self.key()
        )
        assert answer.status_code == 201, answer.text
        booking: dict[str, Any] = answer.json()
        return booking

    async def mine(self, booking_id: str, verb: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.client.post(
            f"/v1/me/bookings/{booking_id}/{verb}", json=body or {}, headers=self.person.headers | self.key()
        )

    async def theirs(self, booking_id: str, verb: str, body: dict[str, Any] | None = None) -> httpx.Response:
        return await self.client.post(
            f"/v1/providers/{self.provider.public_id}/bookings/{booking_id}/{verb}",
            json=body or {},
            headers=self.provider.headers["manager"] | self.key(),
        )

    async def confirmed(self, slot_ids: list[str]) -> dict[str, Any]:
        booking = await self.book(slot_ids)
        answer = await self.theirs(booking["id"], "confirm")
        assert answer.status_code == 200, answer.text
        return booking

    async def decide(self, dispute_id: str, **decision: Any) -> httpx.Response:
        body = {"reason": "sentite le parti", **decision}
        headers = self.operator.headers["operator"] | self.key()
        return await self.client.post(f"/v1/operator/disputes/{dispute_id}/resolve", json=body, headers=headers)

    async def lots(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """((available, held) of A, of B)."""
        return await self.world.balances(self.lot_a), await self.world.balances(self.lot_b)


async def make_scene(world: World, client: httpx.AsyncClient, **lot: Any) -> Scene:
    operator = await world.operator()
    await world.set_now(NOW)
    company = await world.company()
    provider = await world.provider()
    person = await world.employee(company)
    mother = await world.beneficiary(
        person.user_id, "parent", date(1946, 3, 1), cohabitation='[{"from": "2020-01-01", "to": null}]'
    )
    offering = await world.offering(provider)
    lot_a = await world.lot(company, person, 120_00, date(2026, 12, 31), **lot)
    lot_b = await world.lot(company, person, 300_00, date(2027, 5, 31), **lot)
    return Scene(world, client, operator, company, provider, person, mother, offering, lot_a, lot_b)


@pytest.fixture
async def scene(world: World, client: httpx.AsyncClient) -> Scene:
    return await make_scene(world, client)


@pytest.fixture
async def fresh_scene(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    """The same on a database of its own."""
    return await make_scene(fresh_world, fresh_client)


@pytest.fixture
def december() -> Callable[[int], datetime]:
    """Nine o'clock (UTC) of a day in December 2026."""
    return lambda day: datetime(2026, 12, 1, 9, tzinfo=UTC) + timedelta(days=day - 1)
