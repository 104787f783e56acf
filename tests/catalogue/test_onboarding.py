from typing import Any

import httpx
import pytest

from app import ids
from tests.world import Party, World

PROVIDER: dict[str, Any] = {
    "name": "Cooperativa Esempio",
    "kinds": ["provider", "company"],
    "tax_code": "01654010345",
    "iban": "IT60X0542811101000000123456",
    "address": {"street": "Via Roma", "street_number": "1", "postcode": "24021", "town": "Albino"},
    "phone": "+39 035 123456",
    "email": "info@coop.example.com",
    "external_id": "crm-7",
    "metadata": {"zone": "valle"},
}
ROUTE = "/v1/operator/organisations"


@pytest.fixture
async def operator(world: World) -> Party:
    return await world.operator()


async def test_a_provider_gets_its_row_and_four_accounts(
    client: httpx.AsyncClient, world: World, operator: Party
) -> None:
    answer = await client.post(ROUTE, json=PROVIDER, headers=operator.headers["operator"])
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["name"], made["kinds"], made["external_id"]) == (PROVIDER["name"], ["provider", "company"], "crm-7")
    assert "phone" not in made
    organisation_id = ids.decode("org", made["id"])
    accounts = dict(await world.execute("SELECT kind, id FROM ledger.account WHERE owner_id = :id", id=organisation_id))
    assert sorted(accounts) == [
        "company_account",
        "company_returns",
        "provider_earned",
        "provider_in_transit",
        "provider_payable",
        "provider_recoverable",
    ]
    assert await world.execute(
        "SELECT organisation_id, phone, email, earned_account_id, payable_account_id, in_transit_account_id,"
        " recoverable_account_id FROM provider"
    ) == [
        (
            organisation_id, "+39 035 123456", "info@coop.example.com", accounts["provider_earned"],
            accounts["provider_payable"], accounts["provider_in_transit"], accounts["provider_recoverable"],
        )
    ]  # fmt: skip
    public = await client.get(f"/v1/providers/{made['id']}")
    assert (public.json()["name"], public.json()["phone"]) == ("Cooperativa Esempio", "+39 035 123456")
    assert (await client.get(f"{ROUTE}/{made['id']}", headers=operator.headers["finance"])).json() == made


async def test_other_kinds_are_no_providers(client: httpx.AsyncClient, world: World, operator: Party) -> None:
    body = {"name": "Comune", "kinds": ["municipality"], "tax_code": "01654010345"}
    answer = await client.post(ROUTE, json=body, headers=operator.headers["operator"])
    assert answer.status_code == 201
    assert await world.scalar("SELECT count(*) FROM provider") == 0
    assert (await client.get(f"/v1/providers/{answer.json()['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"tax_code": "01654010346"}, 422, "invalid"),
        ({"iban": "IT60X0542811101000000123457"}, 422, "invalid"),
        ({"kinds": []}, 422, "invalid"),
        ({"kinds": ["provider", "provider"]}, 422, "invalid"),
        ({"kinds": ["bank"]}, 422, "invalid"),
        ({"kinds": ["provider", "operator"]}, 422, "invalid"),
        ({"kinds": ["company"]}, 422, "invalid"),
        ({"phone": "call me"}, 422, "invalid"),
        ({"email": "nobody"}, 422, "invalid"),
        ({"colour": "red"}, 422, "invalid"),
    ],
)
async def test_a_refused_organisation_leaves_nothing(
    client: httpx.AsyncClient, world: World, operator: Party, changes: dict[str, Any], status: int, code: str
) -> None:
    before = await world.scalar("SELECT count(*) FROM ledger.account")
    answer = await client.post(ROUTE, json={**PROVIDER, **changes}, headers=operator.headers["operator"])
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await world.execute("SELECT name FROM organisation") == [("Beatrice operator",)]
    assert await world.scalar("SELECT count(*) FROM ledger.account") == before


async def test_a_tax_code_joins_once(client: httpx.AsyncClient, world: World, operator: Party) -> None:
    await client.post(ROUTE, json=PROVIDER, headers=operator.headers["operator"])
    again = await client.post(ROUTE, json={**PROVIDER, "name": "Altra"}, headers=operator.headers["operator"])
    assert (again.status_code, again.json()["code"]) == (409, "tax_code_taken")
    assert await world.scalar("SELECT count(*) FROM provider") == 1
    assert await world.scalar("SELECT count(*) FROM ledger.account WHERE owner_id IS NOT NULL") == 6


async def test_only_the_operator_admits(client: httpx.AsyncClient, world: World, operator: Party) -> None:
    provider = await world.provider()
    for headers in (operator.headers["finance"], provider.headers["manager"]):
        assert (await client.post(ROUTE, json=PROVIDER, headers=headers)).status_code == 403
    assert (await client.post(ROUTE, json=PROVIDER)).status_code == 401
    assert await world.scalar("SELECT count(*) FROM provider") == 1
