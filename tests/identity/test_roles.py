"""Roles in their scopes: what the one function answers over all cases, and what the table refuses."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import product
from typing import Any, get_args
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert
from sqlalchemy.exc import DBAPIError, IntegrityError

from app import clock, ids
from app.edge.permissions import REGISTRAR, ROLES_OF_SCOPE, OrganisationRole, ScopeKind
from app.identity.models import RoleGrant
from tests.people import snapshot
from tests.world import START, Party, World

ROLES = sorted(ROLES_OF_SCOPE["organisation"])
SCOPES: list[ScopeKind] = sorted(ROLES_OF_SCOPE)
HOUR = timedelta(hours=1)
LATER = clock.real() + timedelta(days=365)


async def grant(
    world: World,
    user_id: UUID,
    role: str,
    scope_kind: str,
    scope_id: UUID | None,
    from_at: datetime = START,
    until_at: datetime | None = None,
) -> UUID:
    grant_id = ids.new_id()
    given = insert(RoleGrant).values(
        id=grant_id, user_id=user_id, role=role, scope_kind=scope_kind, scope_id=scope_id, from_at=from_at,
        until_at=until_at, granted_at=START,
    )  # fmt: skip
    await world.execute(given)
    return grant_id


async def roles_in(
    world: World, user_id: UUID, scope_kind: str, scope_id: UUID | None, at: datetime | None = None
) -> list[tuple[str, UUID | None]]:
    found = await world.execute(
        "SELECT role, organisation_id FROM roles_in(:user, :kind, :scope, :at) ORDER BY role",
        user=user_id, kind=scope_kind, scope=scope_id, at=at or clock.real(),
    )  # fmt: skip
    return [tuple(row) for row in found]


class Land:
    """An alliance with its lead, a member and a former member, and who stands outside it."""

    lead: Party
    member: Party
    former: Party
    stranger: Party
    operator: Party
    network_id: UUID
    alliance_id: UUID

    def scope(self, kind: ScopeKind) -> UUID | None:
        return {
            "organisation": self.member.id,
            "alliance": self.alliance_id,
            "network": self.network_id,
            "platform": None,
        }[kind]

    def acts_for(self, kind: ScopeKind) -> UUID | None:
        return {
            "organisation": self.member.id,
            "alliance": self.lead.id,
            "network": None,
            "platform": self.operator.id,
        }[kind]


@pytest.fixture
async def land(world: World) -> Land:
    made = Land()
    made.operator = await world.operator()
    made.lead, made.member, made.former, made.stranger = [await world.organisation(["association"]) for _ in range(4)]
    made.alliance_id = await world.found_alliance("Valle", made.lead, partner=made.member)
    made.network_id = await world.scalar("SELECT network_id FROM alliance")
    former_id = await world.admit(made.alliance_id, made.former, "partner")
    ended = "UPDATE alliance_membership SET ended_on = :day WHERE id = :id"
    await world.execute(ended, id=former_id, day=LATER.date())
    return made


async def person(world: World, name: str = "anna") -> UUID:
    return (await world.login(f"{name}@example.test"))[0]


def test_the_words_are_all_used() -> None:
    assert set(ROLES_OF_SCOPE) == set(get_args(ScopeKind))
    assert ROLES_OF_SCOPE["organisation"] == set(get_args(OrganisationRole))


async def test_a_role_is_given_where_there_is_one_and_counts_there(world: World, land: Land) -> None:
    """Over every role and scope, the CHECK and `roles_in` say what permissions.py says."""
    for number, (kind, role) in enumerate(product(SCOPES, ROLES)):
        user_id = await person(world, f"p{number}")
        if role in ROLES_OF_SCOPE[kind]:
            await grant(world, user_id, role, kind, land.scope(kind))
            assert await roles_in(world, user_id, kind, land.scope(kind)) == [(role, land.acts_for(kind))], (kind, role)
        else:
            with pytest.raises(IntegrityError, match="role_grant_role_fits_scope"):
                await grant(world, user_id, role, kind, land.scope(kind))
            assert await roles_in(world, user_id, kind, land.scope(kind)) == []


REACHING: dict[str, Callable[[Land], Party]] = {
    "lead": lambda land: land.lead,
    "member": lambda land: land.member,
    "former": lambda land: land.former,
    "stranger": lambda land: land.stranger,
    "operator": lambda land: land.operator,
}
REACHED: dict[tuple[str, ScopeKind], set[str]] = {
    ("lead", "alliance"): {"coordinator", "care_manager", "observer"},
    ("member", "alliance"): {"observer"},
    ("operator", "platform"): {"operator", "finance"},
}


@pytest.mark.parametrize("where", REACHING)
async def test_a_role_in_an_organisation_reaches_these_scopes_and_no_others(
    world: World, land: Land, where: str
) -> None:
    party = REACHING[where](land)
    for role in ROLES:
        user_id = await person(world, role)
        await grant(world, user_id, role, "organisation", party.id)
        assert await roles_in(world, user_id, "organisation", party.id) == [(role, party.id)]
        for kind in ("alliance", "network", "platform"):
            expected = [(role, party.id)] if role in REACHED.get((where, kind), set()) else []
            assert await roles_in(world, user_id, kind, land.scope(kind)) == expected, (role, kind)
            assert {one for one, _ in expected} <= ROLES_OF_SCOPE[kind]
        registrar = [(REGISTRAR, land.stranger.id)] if (where, role) == ("operator", "operator") else []
        if where != "stranger":
            assert await roles_in(world, user_id, "organisation", land.stranger.id) == registrar, role


async def test_a_role_of_a_scope_reaches_no_other(world: World, land: Land) -> None:
    for kind, role in product(SCOPES, ROLES):
        if kind == "organisation" or role not in ROLES_OF_SCOPE[kind]:
            continue
        user_id = await person(world, f"{kind}{role}")
        await grant(world, user_id, role, kind, land.scope(kind))
        for other in SCOPES:
            registrar = [(REGISTRAR, land.member.id)] if role == "operator" and other == "organisation" else []
            if other != kind:
                assert await roles_in(world, user_id, other, land.scope(other)) == registrar, (kind, role, other)


async def test_nobody_has_roles_in_what_is_not_there(world: World, land: Land) -> None:
    """Not even the operator is registrar of an organisation that does not exist."""
    for kind in ("organisation", "alliance", "network"):
        assert await roles_in(world, land.operator.users["operator"], kind, ids.new_id()) == []
        assert await roles_in(world, land.operator.users["operator"], kind, None) == []
        with pytest.raises(IntegrityError, match=f"role_grant_{kind}_id_fkey"):
            await grant(world, await person(world, kind), "observer", kind, ids.new_id())
    assert await roles_in(world, ids.new_id(), "platform", None) == []


@pytest.mark.parametrize("kind", SCOPES)
async def test_a_role_is_in_force_from_its_first_instant_until_before_its_last(
    world: World, land: Land, kind: ScopeKind
) -> None:
    user_id, role, now = await person(world), min(ROLES_OF_SCOPE[kind] - {"admin"}), clock.real()
    await grant(world, user_id, role, kind, land.scope(kind), now, now + HOUR)
    microsecond = timedelta(microseconds=1)
    for at, counts in ((now - microsecond, False), (now, True), (now + HOUR - microsecond, True), (now + HOUR, False)):
        found = await roles_in(world, user_id, kind, land.scope(kind), at)
        assert [one for one, _ in found] == [role] * counts, at


async def test_a_role_in_a_scope_is_had_once_at_a_time(world: World, land: Land) -> None:
    user_id, now = await person(world), clock.real()
    for kind, role in (("platform", "finance"), ("alliance", "observer"), ("organisation", "staff")):
        scope_id = land.scope(kind)  # type: ignore[arg-type]
        await grant(world, user_id, role, kind, scope_id, now, now + HOUR)
        before = await snapshot(world, "role_grant")
        with pytest.raises(IntegrityError, match="role_grant_once"):
            await grant(world, user_id, role, kind, scope_id, now + HOUR / 2)
        assert await snapshot(world, "role_grant") == before
        await grant(world, user_id, role, kind, scope_id, now + HOUR)


async def test_employer_and_care_are_apart_while_both_would_count(world: World, land: Land) -> None:
    user_id, now = await person(world), clock.real()
    await grant(world, user_id, "hr", "organisation", land.member.id, now, now + HOUR)
    before = await snapshot(world, "role_grant")
    with pytest.raises(IntegrityError, match="role_grant_hr_apart_from_care"):
        await grant(world, user_id, "staff", "organisation", land.member.id, now + HOUR / 2)
    assert await snapshot(world, "role_grant") == before
    await grant(world, user_id, "staff", "organisation", land.member.id, now + HOUR)


@pytest.mark.parametrize("column", ["role", "side", "user_id", "scope_kind", "scope_id", "granted_by", "granted_at"])
async def test_who_has_which_role_where_is_never_changed(world: World, land: Land, column: str) -> None:
    await grant(world, await person(world), "staff", "organisation", land.member.id)
    before = await snapshot(world, "role_grant")
    with pytest.raises(DBAPIError, match="permission denied"):
        await world.execute(f"UPDATE role_grant SET {column} = {column}")
    assert await snapshot(world, "role_grant") == before


async def test_a_period_does_not_end_before_it_begins(world: World, land: Land) -> None:
    with pytest.raises(IntegrityError, match="role_grant_period"):
        await grant(world, await person(world), "staff", "organisation", land.member.id, START, START - HOUR)
    for kind, scope_id in (("organisation", None), ("platform", land.member.id)):
        with pytest.raises(IntegrityError, match="role_grant_scope_named"):
            await grant(world, await person(world, kind), "operator", kind, scope_id)


# Over HTTP


async def listed(client: httpx.AsyncClient, party: Party) -> list[dict[str, Any]]:
    answer = await client.get(f"/v1/organisations/{party.public_id}/members", headers=party.headers["manager"])
    members: list[dict[str, Any]] = answer.json()["data"]
    return members


async def test_a_role_that_has_not_begun_opens_nothing_and_may_be_ended(
    client: httpx.AsyncClient, world: World
) -> None:
    provider = await world.provider()
    user_id, headers = await world.login("domani@example.test")
    grant_id = await grant(world, user_id, "staff", "organisation", provider.id, clock.real() + HOUR)
    bookings = f"/v1/providers/{provider.public_id}/bookings"
    assert (await client.get(bookings, headers=headers)).status_code == 404
    assert (await client.get("/v1/me", headers=headers)).json()["memberships"] == []
    shown = next(one for one in await listed(client, provider) if one["id"] == ids.encode("mem", grant_id))
    assert (shown["email"], shown["role"]) == ("domani@example.test", "staff")
    url = f"/v1/organisations/{provider.public_id}/members/{shown['id']}/end"
    ended = await client.post(url, headers=provider.headers["manager"])
    assert (ended.status_code, ended.json()) == (200, shown)
    assert shown not in await listed(client, provider)
    assert await roles_in(world, user_id, "organisation", provider.id, clock.real() + 2 * HOUR) == []
    early = "UPDATE role_grant SET from_at = :at, until_at = NULL, confirmed_by = :by WHERE id = :id"
    await world.execute(early, at=START, by=provider.users["manager"], id=grant_id)
    assert (await client.get(bookings, headers=headers)).status_code == 200


async def test_a_role_ends_by_itself(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider()
    user_id, headers = await world.login("ieri@example.test")
    grant_id = await grant(world, user_id, "staff", "organisation", provider.id, START, clock.real() + HOUR)
    bookings = f"/v1/providers/{provider.public_id}/bookings"
    assert (await client.get(bookings, headers=headers)).status_code == 200
    await world.execute("UPDATE role_grant SET until_at = :at WHERE id = :id", at=clock.real(), id=grant_id)
    assert (await client.get(bookings, headers=headers)).status_code == 404
    assert (await client.get("/v1/me", headers=headers)).json()["memberships"] == []
    assert ids.encode("mem", grant_id) not in [one["id"] for one in await listed(client, provider)]


async def test_roles_of_alliance_and_platform_open_their_routes(
    client: httpx.AsyncClient, world: World, land: Land
) -> None:
    user_id, headers = await world.login("anna@example.test")
    alliance = f"/v1/alliances/{ids.encode('all', land.alliance_id)}/memberships"
    balance = "/v1/operator/ledger/trial_balance"
    assert (await client.get(alliance, headers=headers)).status_code == 404
    assert (await client.get(balance, headers=headers)).status_code == 403
    await grant(world, user_id, "observer", "alliance", land.alliance_id)
    await grant(world, user_id, "finance", "platform", None)
    assert (await client.get(alliance, headers=headers)).status_code == 200
    assert (await client.get(balance, headers=headers)).status_code == 200


async def test_the_registrar_is_none_to_companies_and_providers(client: httpx.AsyncClient, world: World) -> None:
    """Whoever operates meets the same 404 as a stranger where she may not even bring somebody in."""
    operator, provider, company = await world.operator(), await world.provider(), await world.company()
    headers = operator.headers["operator"]
    members = await client.get(f"/v1/organisations/{provider.public_id}/members", headers=headers)
    assert members.status_code == 200
    for path in (f"/v1/providers/{provider.public_id}/bookings", f"/v1/companies/{company.public_id}/account"):
        assert (await client.get(path, headers=headers)).status_code == 404
