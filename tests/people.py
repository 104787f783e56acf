"""Invented people with valid fiscal codes, and what tests of this area share."""

import re
from typing import Any

import httpx

from tests.world import Party, World
from tests.world.people import fiscal_code

__all__ = ["fiscal_code"]
PASSWORD = "quattro gatti sul tetto rosso"
ANNA = {
    "given_name": "Anna",
    "family_name": "Esempio",
    "fiscal_code": "RCCMNL83S18D969H",
    "category": "operai",
    "hired_on": "2020-01-15",
}


def employees_url(company: Party, rest: str = "") -> str:
    return f"/v1/companies/{company.public_id}/employees{rest}"


async def hire(client: httpx.AsyncClient, company: Party, **fields: Any) -> dict[str, Any]:
    made = await client.post(employees_url(company), json={**ANNA, **fields}, headers=company.headers["hr"])
    assert made.status_code == 201, made.text
    result: dict[str, Any] = made.json()
    return result


async def invitation_token(world: World, recipient: str) -> str:
    """The token of the newest link mailed to somebody."""
    text = await world.scalar(
        "SELECT text FROM outgoing_mail WHERE recipient = :to ORDER BY id DESC LIMIT 1", to=recipient
    )
    found = re.search(r"/invitations/([A-Za-z0-9_-]+)", text)
    assert found is not None
    return found[1]


async def accept(client: httpx.AsyncClient, token: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post(f"/v1/auth/invitations/{token}/accept", json={"password": password})


async def join(client: httpx.AsyncClient, world: World, recipient: str) -> dict[str, str]:
    """Accept the invitation and return the headers of the new session."""
    accepted = await accept(client, await invitation_token(world, recipient))
    assert accepted.status_code == 200, accepted.text
    return {"Authorization": f"Bearer {accepted.json()['access_token']}"}


async def snapshot(world: World, table: str = "employee") -> list[Any]:
    """Every row, to see that a refusal changed nothing; that it was refused may be told in the audit trail."""
    done = " WHERE refusal IS NULL" if table == "audit_entry" else ""
    return await world.execute(f"SELECT * FROM {table}{done} ORDER BY 1")


def without_request_id(answer: httpx.Response) -> dict[str, Any]:
    return {name: value for name, value in answer.json().items() if name != "request_id"}
