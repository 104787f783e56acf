"""What tests of companies, their people and invitations share."""

import re
from typing import Any

import httpx

from tests.world import Caller, Party, World
from tests.world.given import EMPLOYEE, PASSWORD


def employees_url(company: Party, rest: str = "") -> str:
    return f"/v1/companies/{company.public_id}/employees{rest}"


async def hire(client: httpx.AsyncClient, company: Party, **fields: Any) -> dict[str, Any]:
    return dict(await Caller(client, company.headers["hr"], "").post(employees_url(company), EMPLOYEE | fields))


async def mailed_token(world: World, recipient: str) -> str:
    """The token of the newest link mailed to somebody."""
    sql = "SELECT text FROM outgoing_mail WHERE recipient = :to ORDER BY id DESC LIMIT 1"
    link = re.search(r"://\S+/(\S+)", await world.scalar(sql, to=recipient))
    assert link is not None
    return link[1]


async def accept(client: httpx.AsyncClient, token: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post(f"/v1/auth/invitations/{token}/accept", json={"password": password})


async def join(client: httpx.AsyncClient, world: World, recipient: str) -> dict[str, str]:
    """Accept the invitation and return the headers of the new session."""
    accepted = await accept(client, await mailed_token(world, recipient))
    assert accepted.status_code == 200, accepted.text
    return {"Authorization": f"Bearer {accepted.json()['access_token']}"}


async def snapshot(world: World, table: str = "employee") -> list[Any]:
    """Every row, to see that a refusal changed nothing; that it was asked may be told in the audit trail."""
    done = " WHERE refusal IS NULL AND action NOT LIKE '%.download'" if table == "audit_entry" else ""
    return await world.execute(f"SELECT to_jsonb(t) FROM {table} t{done} ORDER BY to_jsonb(t)::text")
