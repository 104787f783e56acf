"""Finding A3, the approvers: nobody makes an approver at will, for the role waits or another holder confirms it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

import migrations
from app import clock, config, ids
from tests.conftest import Cluster
from tests.people import join, snapshot
from tests.world import Party, World

DAY = timedelta(hours=24)
NEW = "nuova@example.test"


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BEATRICE_APPROVING_ROLE_HOURS", "24")
    config.settings.cache_clear()
    yield
    monkeypatch.undo()
    config.settings.cache_clear()


def members_url(party: Party, rest: str = "") -> str:
    return f"/v1/organisations/{party.public_id}/members{rest}"


async def appoint(
    client: httpx.AsyncClient, world: World, party: Party, inviter: dict[str, str], *roles: str
) -> tuple[dict[str, str], dict[str, Any]]:
    """Invite somebody, let her accept; return her session and the member shown for the first role."""
    body = {"email": NEW, "roles": list(roles)}
    invited = await client.post(members_url(party), json=body, headers=inviter)
    assert invited.status_code == 201, invited.text
    headers = await join(client, world, NEW)
    listed = (await client.get(members_url(party), headers=inviter)).json()["data"]
    return headers, next(one for one in listed if (one["email"], one["role"]) == (NEW, roles[0]))


@pytest.fixture
async def company(world: World) -> Party:
    await world.operator()
    made = await world.company("Orobia Stampi")
    user_id, headers = await world.login("capo@example.test")
    await world.membership(user_id, made.id, "admin")
    made.users["admin"], made.headers["admin"] = user_id, headers
    return made


@pytest.mark.usefixtures("waiting")
async def test_an_approver_waits_for_a_day(client: httpx.AsyncClient, world: World, company: Party) -> None:
    started = clock.real()
    headers, member = await appoint(client, world, company, company.headers["admin"], "hr_approver", "payroll")
    account = f"/v1/companies/{company.public_id}/account"
    assert (await client.get(account, headers=headers)).status_code == 200
    grants = f"/v1/companies/{company.public_id}/grants/{ids.encode('grt', ids.new_id())}/approve"
    assert (await client.post(grants, headers=headers | {"Idempotency-Key": "k"})).status_code == 403
    given = await world.execute(
        "SELECT role, from_at - granted_at AS waits, granted_at >= :started AS now FROM role_grant"
        " JOIN user_account u ON u.id = user_id WHERE u.email = :email ORDER BY role",
        started=started, email=NEW,
    )  # fmt: skip
    assert [tuple(row) for row in given] == [("hr_approver", DAY, True), ("payroll", timedelta(), True)]
    assert member["from_at"] > member["created_at"]
    mail = await world.scalar("SELECT text FROM outgoing_mail WHERE recipient = 'capo@example.test'")
    assert "Un ruolo di approvazione vale dopo 24 ore" in mail


@pytest.mark.usefixtures("waiting")
async def test_another_who_has_the_role_confirms_it(client: httpx.AsyncClient, world: World, company: Party) -> None:
    other = await world.company()
    headers, member = await appoint(client, world, company, company.headers["admin"], "hr_approver")
    url = members_url(company, f"/{member['id']}/confirm")
    before = await snapshot(world, "role_grant")
    for caller in ("admin", "hr", "payroll"):
        assert (await client.post(url, headers=company.headers[caller])).status_code == 403
    assert (await client.post(url, headers=headers)).status_code == 404
    assert (await client.post(url, headers=other.headers["hr_approver"])).status_code == 404
    assert await snapshot(world, "role_grant") == before
    confirmed = await client.post(url, headers=company.headers["hr_approver"])
    assert confirmed.status_code == 200, confirmed.text
    assert confirmed.json()["from_at"] < member["from_at"]
    assert (await client.get(f"/v1/companies/{company.public_id}/grants", headers=headers)).status_code == 200
    again = await client.post(url, headers=company.headers["hr_approver"])
    assert (again.status_code, again.json()["state"]) == (409, "in_force")
    acts = await world.execute("SELECT actor_id, object_id FROM audit_entry WHERE action = 'member.confirm'")
    assert [tuple(row) for row in acts] == [(company.users["hr_approver"], ids.decode("mem", member["id"]))]


@pytest.mark.usefixtures("waiting")
async def test_who_gave_the_role_does_not_confirm_it(client: httpx.AsyncClient, world: World, company: Party) -> None:
    """An administrator who approves herself is still one person."""
    await world.membership(company.users["admin"], company.id, "hr_approver")
    _, member = await appoint(client, world, company, company.headers["admin"], "hr_approver")
    before = await snapshot(world, "role_grant")
    url = members_url(company, f"/{member['id']}/confirm")
    assert (await client.post(url, headers=company.headers["admin"])).status_code == 403
    early = "UPDATE role_grant SET from_at = granted_at, confirmed_by = :by WHERE id = :id"
    for by, guard in (
        (company.users["admin"], "role_grant_confirmed_by_another"),
        (ids.decode("usr", member["user_id"]), "begins before its time only when confirmed"),
        (company.users["hr"], "begins before its time only when confirmed"),
        (None, "begins before its time only when confirmed"),
    ):
        with pytest.raises(IntegrityError, match=guard):
            await world.execute(early, by=by, id=ids.decode("mem", member["id"]))
    assert await snapshot(world, "role_grant") == before


async def test_in_the_sandbox_an_approver_begins_at_once(
    client: httpx.AsyncClient, world: World, company: Party
) -> None:
    headers, member = await appoint(client, world, company, company.headers["admin"], "hr_approver")
    assert member["from_at"] == member["created_at"]
    assert (await client.get(f"/v1/companies/{company.public_id}/grants", headers=headers)).status_code == 200


@pytest.mark.usefixtures("waiting")
async def test_hr_and_who_operates_wait_too_but_for_the_first(client: httpx.AsyncClient, world: World) -> None:
    """They approve what another of them has drafted: an administrator makes no second one at will."""
    operator = await world.operator()
    made = await world.organisation(["company"], (), name="Scalve Plast")
    body = {"email": "prima@example.test", "roles": ["admin", "hr", "hr_approver"], "reason": "Siamo in due"}
    url = f"/v1/operator/organisations/{made.public_id}/members"
    assert (await client.post(url, json=body, headers=operator.headers["operator"])).status_code == 201
    first = await join(client, world, "prima@example.test")
    programmes = f"/v1/companies/{made.public_id}/programmes"
    assert (await client.get(programmes, headers=first)).status_code == 200
    second, member = await appoint(client, world, made, first, "hr")
    assert (await client.get(programmes, headers=second)).status_code == 404
    given = await world.execute(
        "SELECT u.email, role, from_at - granted_at AS waits FROM role_grant JOIN user_account u ON u.id = user_id"
        " WHERE organisation_id = :id ORDER BY email DESC, role",
        id=made.id,
    )
    assert [tuple(row) for row in given] == [
        ("prima@example.test", "admin", timedelta()),
        ("prima@example.test", "hr", timedelta()),
        ("prima@example.test", "hr_approver", DAY),
        (NEW, "hr", DAY),
    ]
    # Who gave it does not confirm it either.
    assert (await client.post(members_url(made, f"/{member['id']}/confirm"), headers=first)).status_code == 403


async def test_productions_database_lets_no_approver_begin_at_once(
    cluster: Cluster, fresh_database_name: str, fresh_world: World
) -> None:
    company = await fresh_world.organisation(["company"], ("payroll",))
    alone = await fresh_world.organisation(["company"], ())
    user_id, _ = await fresh_world.login("nuova@example.test")
    migrations.mark(cluster.owner_url(fresh_database_name), "production")
    before = await snapshot(fresh_world, "role_grant")
    give = (
        # Attack
        "INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_at, confirmed_by)"
        " VALUES (gen_random_uuid(), :user, :role, 'organisation', :id, :from_at, :at, :by)"
    )
    now = clock.real()
    values = {"user": user_id, "id": company.id, "at": now}
    for role, from_at, by in (
        ("hr", now, None),
        ("hr_approver", now + DAY - timedelta(seconds=1), None),
        ("finance", now + DAY, company.users["payroll"]),
        ("operator", now, None),
    ):
        with pytest.raises(IntegrityError, match="an approving role waits for a day"):
            await fresh_world.execute(give, **values, role=role, from_at=from_at, by=by)
    assert await snapshot(fresh_world, "role_grant") == before
    await fresh_world.execute(give, **values, role="hr_approver", from_at=now + DAY, by=None)
    await fresh_world.execute(give, **values | {"id": alone.id}, role="hr", from_at=now, by=None)
