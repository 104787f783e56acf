"""Finding A5: a key does what its maker may still do, has an end, and every administrator knows of it."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app import clock, ids
from app.clock import rfc3339
from tests.people import snapshot
from tests.world import Party, World

SCOPES = ["account:read", "employees:read", "employees:write", "grants:write"]


@pytest.fixture
async def company(world: World) -> Party:
    await world.operator()
    made = await world.company("Orobia Stampi")
    await world.membership(made.users["hr"], made.id, "admin")
    return made


def keys_url(party: Party, rest: str = "") -> str:
    return f"/v1/organisations/{party.public_id}/api_keys{rest}"


async def make(client: httpx.AsyncClient, party: Party, **body: Any) -> dict[str, Any]:
    values = {"name": "gestionale", "scopes": SCOPES, **body}
    answer = await client.post(keys_url(party), json=values, headers=party.headers["hr"])
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def bearer(key: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {key['key']}"}


async def statuses(client: httpx.AsyncClient, party: Party, headers: dict[str, str]) -> list[int]:
    company = f"/v1/companies/{party.public_id}"
    grant = {"programme_id": ids.encode("prg", ids.new_id()), "each_cents": 10_00}
    return [
        (await client.get(f"{company}/account", headers=headers)).status_code,
        (await client.get(f"{company}/employees", headers=headers)).status_code,
        (await client.post(f"{company}/grants", json=grant, headers=headers | {"Idempotency-Key": "k"})).status_code,
    ]


async def end(world: World, user_id: object, *roles: str) -> None:
    await world.execute(
        "UPDATE role_grant SET until_at = :now WHERE user_id = :id AND role = ANY (:roles)",
        now=clock.real(), id=user_id, roles=list(roles),
    )  # fmt: skip


async def test_a_key_ends_with_the_roles_of_its_maker(client: httpx.AsyncClient, world: World, company: Party) -> None:
    key = await make(client, company)
    assert await statuses(client, company, bearer(key)) == [200, 200, 404]
    await world.membership(company.users["hr"], company.id, "payroll")
    await end(world, company.users["hr"], "hr", "admin")
    assert await statuses(client, company, bearer(key)) == [200, 200, 403]
    await end(world, company.users["hr"], "payroll")
    before = await snapshot(world, "credit_grant")
    assert await statuses(client, company, bearer(key)) == [404, 404, 404]
    assert await statuses(client, company, company.headers["hr"]) == [404, 404, 404]
    assert await snapshot(world, "credit_grant") == before


async def test_an_administrator_adopts_a_key_by_rotating_it(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    key = await make(client, company)
    admin, headers = await world.login("nuova@example.test")
    await world.membership(admin, company.id, "admin")
    await end(world, company.users["hr"], "hr", "admin")
    answer = await client.post(keys_url(company, f"/{key['id']}/rotate"), headers=headers)
    assert answer.status_code == 201, answer.text
    assert answer.json()["created_by"] == ids.encode("usr", admin)
    assert await statuses(client, company, bearer(answer.json())) == [200, 200, 404]
    assert await statuses(client, company, bearer(key)) == [404, 404, 404]


async def test_a_makers_rights_elsewhere_do_not_help_her_key(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    key, other = await make(client, company), await world.company()
    operator = await world.operator()
    await world.membership(company.users["hr"], other.id, "hr")
    await world.membership(company.users["hr"], operator.id, "admin")
    await end(world, company.users["hr"], "admin")
    await world.execute(
        "UPDATE role_grant SET until_at = :now WHERE organisation_id = :id", now=clock.real(), id=company.id
    )
    assert await statuses(client, company, bearer(key)) == [404, 404, 404]
    assert await statuses(client, other, bearer(key)) == [404, 404, 404]


async def test_every_key_has_an_end(client: httpx.AsyncClient, world: World, company: Party) -> None:
    key = await make(client, company)
    created, ends = (datetime.fromisoformat(key[name]) for name in ("created_at", "expires_at"))
    assert ends - created == timedelta(days=365)
    longest = await make(client, company, name="lunga", expires_at=rfc3339(clock.real() + timedelta(days=731)))
    before = await snapshot(world, "api_key")
    late = {"name": "eterna", "scopes": SCOPES, "expires_at": rfc3339(clock.real() + timedelta(days=732))}
    refused = await client.post(keys_url(company), json=late, headers=company.headers["hr"])
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/expires_at")
    for change, guard in (("expires_at + interval '1 day'", "api_key_life"), ("NULL", "expires_at")):
        with pytest.raises(IntegrityError, match=guard):
            await world.execute(f"UPDATE api_key SET expires_at = {change} WHERE name = 'lunga'")
    assert await snapshot(world, "api_key") == before
    assert await statuses(client, company, bearer(longest)) == [200, 200, 404]


async def test_when_a_key_was_used_is_shown_to_the_hour(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    key = await make(client, company)
    assert key["last_used_at"] is None

    async def last_used() -> datetime:
        answer = await client.get(keys_url(company, f"/{key['id']}"), headers=company.headers["hr"])
        return datetime.fromisoformat(answer.json()["last_used_at"])

    started = clock.real()
    await statuses(client, company, bearer(key))
    first = await last_used()
    assert started <= first <= clock.real()
    await statuses(client, company, bearer(key))
    assert await last_used() == first
    await world.execute("UPDATE api_key SET last_used_at = last_used_at - interval '1 hour'")
    await statuses(client, company, bearer(key))
    assert await last_used() > first


async def test_every_administrator_is_told_of_a_new_key(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    english, _ = await world.login("boss@example.test")
    await world.execute("UPDATE user_account SET locale = 'en' WHERE id = :id", id=english)
    await world.membership(english, company.id, "admin")
    key = await make(client, company)
    email = await world.scalar("SELECT email FROM user_account WHERE id = :id", id=company.users["hr"])
    mails = await world.execute("SELECT recipient, subject, text FROM outgoing_mail ORDER BY subject")
    assert [(row.recipient, row.subject) for row in mails] == [
        ("boss@example.test", "A new API key of Orobia Stampi"),
        (email, "Una nuova chiave API di Orobia Stampi"),
    ]
    assert f"{email} has made an API key ({key['hint']}...) for Orobia Stampi" in mails[0].text
    assert "account:read, employees:read, employees:write, grants:write" in mails[1].text
    assert all(key["key"] not in row.text for row in mails)
    await client.post(keys_url(company, f"/{key['id']}/rotate"), headers=company.headers["hr"])
    assert await world.scalar("SELECT count(*) FROM outgoing_mail") == 4
