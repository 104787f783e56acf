"""Finding A2: who acts for an employer, any employer, holds no role of care, anywhere."""

from itertools import permutations, product

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app import clock, ids
from app.identity import passwords
from tests.people import accept, mailed_token, snapshot
from tests.world import START, Party, World
from tests.world.given import PASSWORD

EMPLOYER = [("company", "hr"), ("company", "hr_approver"), ("company", "payroll"), ("company", "admin")]
CARE = [("provider", "manager"), ("provider", "staff"), ("provider", "admin"), ("lead", "coordinator"),
        ("lead", "care_manager"), ("operator", "operator"), ("operator", "finance")]  # fmt: skip
"""A provider's administrator makes keys that read its bookings; the operator's people read disputes and the audit."""
NEITHER = [("operator", "admin"), ("lead", "admin"), ("lead", "observer")]


async def parties(world: World) -> dict[str, Party]:
    return {
        "company": await world.organisation(["company"]),
        "provider": await world.organisation(["provider"]),
        "lead": await world.organisation(["municipality"]),
        "operator": await world.organisation(["operator"]),
    }


async def test_of_all_pairs_of_roles_these_are_refused(world: World) -> None:
    where = await parties(world)
    refused = set(product(EMPLOYER, CARE)) | set(product(CARE, EMPLOYER))
    for number, (first, second) in enumerate(permutations(EMPLOYER + CARE + NEITHER, 2)):
        user_id, _ = await world.login(f"p{number}@example.test")
        await world.membership(user_id, where[first[0]].id, first[1])
        if (first, second) in refused:
            with pytest.raises(IntegrityError, match="role_grant_hr_apart_from_care"):
                await world.membership(user_id, where[second[0]].id, second[1])
        else:
            await world.membership(user_id, where[second[0]].id, second[1])
    assert len(refused) == 56


async def test_a_side_is_not_for_the_statement_to_choose(world: World) -> None:
    """Whoever may write a role cannot write its side: the trigger has the last word."""
    company, (user_id, _) = await world.company(), await world.login("anna@example.test")
    await world.execute(
        # Attack: a statement that chooses its side
        "INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_at, side)"
        " VALUES (:id, :user, 'admin', 'organisation', :scope, :at, :at, 'care')",
        id=ids.new_id(), user=user_id, scope=company.id, at=START,
    )  # fmt: skip
    given = await world.execute("SELECT role, side FROM role_grant WHERE organisation_id = :id", id=company.id)
    assert {row.side for row in given} == {"employer"}


async def test_hr_does_not_administer_a_provider(client: httpx.AsyncClient, world: World) -> None:
    """An administrator reads no booking herself, but may make a key that does."""
    company, provider, email = await world.company(), await world.provider(), "doppia@example.test"
    user_id, headers = await world.login(email, passwords.hash_now(PASSWORD))
    await world.membership(user_id, company.id, "hr")
    await world.membership(provider.users["manager"], provider.id, "admin")
    of_provider = f"/v1/organisations/{provider.public_id}"
    body = {"email": email, "roles": ["admin"]}
    invited = await client.post(f"{of_provider}/members", json=body, headers=provider.headers["manager"])
    assert invited.status_code == 201, invited.text
    before = await snapshot(world, "role_grant")
    answer = await accept(client, await mailed_token(world, email))
    assert (answer.status_code, answer.json()["code"]) == (409, "two_sides")
    assert await snapshot(world, "role_grant") == before
    key = {"name": "spia", "scopes": ["bookings:read"]}
    assert (await client.post(f"{of_provider}/api_keys", json=key, headers=headers)).status_code == 404
    assert await snapshot(world, "api_key") == []


@pytest.mark.parametrize("hr_first", [True, False])
async def test_hr_does_not_join_a_provider(client: httpx.AsyncClient, world: World, hr_first: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Two ordinary invitations: the second is refused when it is accepted, whichever it is."""
    company, provider = await world.company(), await world.provider()
    await world.membership(company.users["hr"], company.id, "admin")
    email = "doppia@example.test"
    user_id, headers = await world.login(email, passwords.hash_now(PASSWORD))
    first, second = (company, provider) if hr_first else (provider, company)
    role = "staff" if hr_first else "payroll"
    await world.membership(user_id, first.id, "hr" if hr_first else "staff")
    inviter = provider.headers["manager"] if hr_first else company.headers["hr"]
    url = f"/v1/organisations/{second.public_id}/members"
    invited = await client.post(url, json={"email": email, "roles": [role]}, headers=inviter)
    assert invited.status_code == 201, invited.text
    token, before = await mailed_token(world, email), await snapshot(world, "role_grant")
    answer = await accept(client, token)
    assert (answer.status_code, answer.json()["code"]) == (409, "two_sides")
    assert await snapshot(world, "role_grant") == before
    path = f"/v1/providers/{provider.public_id}/bookings" if hr_first else f"/v1/companies/{company.public_id}/account"
    assert (await client.get(path, headers=headers)).status_code == 404
    await world.execute("UPDATE role_grant SET until_at = :now WHERE user_id = :id", now=clock.real(), id=user_id)
    changed = await accept(client, token)
    assert changed.status_code == 200, changed.text
    assert (await client.get(path, headers=headers)).status_code == 200
