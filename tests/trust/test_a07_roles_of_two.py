"""A7: who drafts and who approves are two people; on one login only with a reason that every administrator is told."""

from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from app import clock
from tests.people import accept, join, mailed_token, snapshot
from tests.world import Party, World

NEW = "nuova@example.test"
REASON = "Siamo in due: chi approva torna a marzo"


@pytest.fixture
async def company(world: World) -> Party:
    await world.operator()
    made = await world.company("Orobia Stampi")
    user_id, headers = await world.login("capo@example.test")
    await world.membership(user_id, made.id, "admin", None)
    made.users["admin"], made.headers["admin"] = user_id, headers
    return made


async def invite(
    client: httpx.AsyncClient, company: Party, *roles: str, reason: str | None = None, email: str = NEW
) -> httpx.Response:
    url = f"/v1/organisations/{company.public_id}/members"
    body = {"email": email, "roles": list(roles)} | ({} if reason is None else {"reason": reason})
    return await client.post(url, json=body, headers=company.headers["admin"])


async def state(world: World) -> list[list[Any]]:
    return [await snapshot(world, table) for table in ("role_grant", "user_account", "invitation", "outgoing_mail")]


async def test_roles_of_two_people_need_a_reason(client: httpx.AsyncClient, world: World, company: Party) -> None:
    before = await state(world)
    for roles in (("hr", "hr_approver"), ("payroll", "hr")):
        refused = await invite(client, company, *roles)
        assert (refused.status_code, refused.json()["code"]) == (409, "reason_needed")
    assert (await invite(client, company, "hr", "hr_approver", reason="   perché   ")).status_code == 422
    assert await state(world) == before
    assert (await invite(client, company, "hr_approver", "payroll")).status_code == 201


async def test_every_administrator_is_told_the_reason(client: httpx.AsyncClient, world: World, company: Party) -> None:
    assert (await invite(client, company, "hr", "hr_approver", reason=REASON)).status_code == 201
    await join(client, world, NEW)
    mail = await world.scalar("SELECT text FROM outgoing_mail WHERE recipient = 'capo@example.test'")
    assert f"Il motivo per cui una sola persona ha ruoli pensati per due: {REASON}" in mail
    url = f"/v1/organisations/{company.public_id}/members"
    listed = (await client.get(url, headers=company.headers["admin"])).json()["data"]
    shown = {(one["role"], one["reason"]) for one in listed if one["email"] == NEW}
    assert shown == {("hr", REASON), ("hr_approver", REASON)}
    assert {one["reason"] for one in listed if one["email"] != NEW} == {None}
    acts = "SELECT count(*) FROM audit_entry WHERE action = 'member.roles_with_reason' AND object_id = :id"
    assert await world.scalar(acts, id=company.id) == 1


async def test_a_role_that_she_has_already_counts(client: httpx.AsyncClient, world: World, company: Party) -> None:
    """Also one that she was given after the invitation was sent."""
    assert (await invite(client, company, "payroll")).status_code == 201
    early = await mailed_token(world, NEW)
    user_id, _ = await world.login("altra@example.test")
    await world.membership(user_id, company.id, "hr")
    refused = await invite(client, company, "payroll", email="Altra@example.test")
    assert (refused.status_code, refused.json()["code"]) == (409, "reason_needed")
    assert (await accept(client, early)).status_code == 200
    new_id = await world.scalar("SELECT id FROM user_account WHERE email = :email", email=NEW)
    before = await state(world)
    with pytest.raises(IntegrityError, match="need a reason"):
        await world.membership(new_id, company.id, "hr", None)
    assert await state(world) == before


async def test_the_database_joins_no_roles_of_two(world: World, company: Party) -> None:
    operator = await world.operator()
    give = (
        "INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_at, reason)"
        " VALUES (gen_random_uuid(), :user, :role, :kind, :scope, :at, :at, :reason)"
    )
    before = await snapshot(world, "role_grant")
    for party, holds, role, kind in (
        (company, "hr", "hr_approver", "organisation"),
        (company, "hr_approver", "hr", "organisation"),
        (company, "payroll", "hr", "organisation"),
        (operator, "operator", "finance", "organisation"),
        (operator, "finance", "operator", "platform"),
    ):
        scope = party.id if kind == "organisation" else None
        values = {"user": party.users[holds], "role": role, "kind": kind, "scope": scope, "at": clock.real()}
        with pytest.raises(IntegrityError, match="need a reason"):
            await world.execute(give, **values, reason=None)
        with pytest.raises(IntegrityError, match="role_grant_reason_said"):
            await world.execute(give, **values, reason="         ")
    assert await snapshot(world, "role_grant") == before
    # One role ends, the other may begin; what has ended does not come back beside it.
    gone = "UPDATE role_grant SET until_at = :at WHERE user_id = :user AND role = 'hr'"
    await world.execute(gone, at=clock.real(), user=company.users["hr"])
    values = {"user": company.users["hr"], "kind": "organisation", "scope": company.id, "at": clock.real()}
    await world.execute(give, **values, role="payroll", reason=None)
    with pytest.raises(IntegrityError, match="need a reason"):
        await world.execute("UPDATE role_grant SET until_at = NULL WHERE user_id = :id", id=company.users["hr"])
