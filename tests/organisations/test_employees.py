"""HR's routes over employments."""

from datetime import date
from typing import Any

import httpx
import pytest

from app import ids
from tests.world import Party, World

ANNA = {
    "given_name": "Anna",
    "family_name": "Esempio",
    "fiscal_code": "RCCMNL83S18D969H",
    "category": "operai",
    "hired_on": "2020-01-15",
}
OTHER_CODE = "RSSMRA85T10A562S"
IMPORTED = ("given_name,family_name,fiscal_code,category,hired_on\r\n").encode()


@pytest.fixture
async def company(world: World) -> Party:
    await world.operator()
    return await world.company("Orobia")


def url(company: Party, rest: str = "") -> str:
    return f"/v1/companies/{company.public_id}/employees{rest}"


async def snapshot(world: World) -> list[Any]:
    return await world.execute("SELECT * FROM employee ORDER BY id")


async def test_create_read_list(client: httpx.AsyncClient, world: World, company: Party) -> None:
    headers = company.headers["hr"]
    made = await client.post(url(company), json={**ANNA, "external_id": "=1+1"}, headers=headers)
    assert made.status_code == 201, made.text
    assert made.json() == {
        "id": made.json()["id"],
        "status": "not_invited",
        "email": None,
        **ANNA,
        "external_id": "=1+1",
        "ended_on": None,
        "contract": "permanent",
        "contract_ends_on": None,
        "probation_ends_on": None,
        "unpaid_leave": [],
        "agreement_code": None,
    }
    assert made.headers["etag"] == '"1"'
    employee_id = made.json()["id"]
    for role in ("hr", "hr_approver", "payroll"):
        got = await client.get(url(company, f"/{employee_id}"), headers=company.headers[role])
        assert (got.status_code, got.json(), got.headers["etag"]) == (200, made.json(), '"1"')
    sealed = await world.scalar("SELECT sealed_fiscal_code FROM employee WHERE external_id = '=1+1'")
    assert ANNA["fiscal_code"].encode() not in bytes(sealed)
    listed = await client.get(url(company), headers=headers)
    assert listed.json() == {"data": [made.json()], "next_cursor": None}
