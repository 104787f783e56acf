"""Somebody of a company at the API, for tests of its side."""

from typing import Any

import httpx

from app import ids
from tests.world import Caller, Party, Person, World
from tests.world.given import PROGRAMME


class Desk:
    """Somebody of a company at the API."""

    def __init__(self, client: httpx.AsyncClient, company: Party) -> None:
        self.client = client
        self.company = company
        self.base = f"/v1/companies/{company.public_id}"

    def of(self, role: str = "hr") -> Caller:
        return Caller(self.client, self.company.headers[role], self.base)

    async def get(self, path: str, role: str = "hr", **query: Any) -> httpx.Response:
        return await self.of(role).ask("GET", path, params=query)

    async def post(
        self, path: str, body: Any = None, role: str = "hr", key: str | None = None, **query: Any
    ) -> httpx.Response:
        return await self.of(role).ask("POST", path, body, key=key, params=query)

    async def programme(self, **fields: Any) -> str:
        return str((await self.of().post("/programmes", PROGRAMME | fields))["id"])

    async def grant(self, programme_id: str, **fields: Any) -> dict[str, Any]:
        return dict(await self.of().post("/grants", {"programme_id": programme_id, **fields}))

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
    return int(await world.scalar(f"SELECT count(*) FROM {table}"))
