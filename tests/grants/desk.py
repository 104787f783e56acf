"""Somebody of a company at the API, for tests of its side."""

from typing import Any
from uuid import uuid4

import httpx

from app import ids
from tests.world import Party, Person, World

PROGRAMME: dict[str, Any] = {
    "name": "Welfare 2026",
    "source": "on_top",
    "employee_category": "operai",
    "rule_codes": ["C2_F_TER"],
    "lot_expires_on": "2026-12-31",
    "validity_basis": "service_date",
    "expired_credit_to": "solidarity_fund",
    "leavers_rule": "keep_until_expiry",
    "fee_funding": "out_of_pocket",
    "relatives_reading": None,
}


class Desk:
    """Somebody of a company at the API."""

    def __init__(self, client: httpx.AsyncClient, company: Party) -> None:
        self.client = client
        self.company = company
        self.base = f"/v1/companies/{company.public_id}"

    async def get(self, path: str, role: str = "hr", **query: Any) -> httpx.Response:
        return await self.client.get(self.base + path, headers=self.company.headers[role], params=query)

    async def post(
        self, path: str, body: Any = None, role: str = "hr", key: str | None = None, **query: Any
    ) -> httpx.Response:
        headers = {**self.company.headers[role], "Idempotency-Key": key or uuid4().hex}
        return await self.client.post(self.base + path, headers=headers, json=body, params=query)

    async def programme(self, **fields: Any) -> str:
        made = await self.post("/programmes", {**PROGRAMME, **fields})
        assert made.status_code == 201, made.text
        return str(made.json()["id"])

    async def grant(self, programme_id: str, **fields: Any) -> dict[str, Any]:
        made = await self.post("/grants", {"programme_id": programme_id, **fields})
        assert made.status_code == 201, made.text
        return dict(made.json())

    async def approve(self, grant_id: str) -> httpx.Response:
        return await self.post(f"/grants/{grant_id}/approve", role="hr_approver")

    async def account(self) -> tuple[int, int, int]:
        shown = (await self.get("/account")).json()
        return shown["balance_cents"], shown["granted_cents"], shown["awaiting_cents"]


def employee(person: Person) -> str:
    return ids.encode("emp", person.employee_id)


def pointers(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


async def count(world: World, table: str) -> int:
    found: int = await world.scalar(f"SELECT count(*) FROM {table}")
    return found
