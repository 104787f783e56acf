import asyncio
import hashlib
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app import clock, ids
from app.clock import rfc3339
from app.edge.roles import roles_of_kinds, scopes_of_kinds, scopes_to_give
from tests.world import Party, World

COMPANY_SCOPES = {
    "account:read",
    "employees:read",
    "employees:write",
    "events:read",
    "grants:read",
    "grants:write",
    "programmes:read",
    "top_ups:read",
    "top_ups:write",
}
PROVIDER_SCOPES = {
    "bookings:read",
    "bookings:write",
    "catalogue:read",
    "catalogue:write",
    "events:read",
    "provider:read",
    "settlements:read",
}


@pytest.fixture
async def provider(world: World) -> Party:
    return await world.provider()


def url(party: Party, *rest: str) -> str:
    return "/".join((f"/v1/organisations/{party.public_id}/api_keys", *rest))


async def create(client: httpx.AsyncClient, party: Party, role: str = "manager", **body: Any) -> httpx.Response:
    values = {"name": "gestionale", "scopes": ["bookings:read"], **body}
    return await client.post(url(party), json=values, headers=party.headers[role])


async def stored(world: World) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await world.execute("SELECT * FROM api_key ORDER BY id")]


async def works(client: httpx.AsyncClient, key: str) -> bool:
    """A live key is known (and refused for being no person); a dead one is unknown."""
    answer = await client.get("/v1/me/contact", headers={"Authorization": f"Bearer {key}"})
    found = answer.status_code, answer.json()["code"]
    assert found in {(403, "forbidden"), (401, "unauthorised")}
    return found == (403, "forbidden")


async def test_a_key_is_shown_once_and_stored_as_its_hash(
    client: httpx.AsyncClient, world: World, provider: Party
) -> None:
    made = await create(client, provider, scopes=["bookings:write", "bookings:read", "bookings:read"])
    assert made.status_code == 201
    body = made.json()
    key = body.pop("key")
    assert key.startswith("bea_test_")
    assert len(key) == len("bea_test_") + 43
    assert body["scopes"] == ["bookings:read", "bookings:write"]
    assert body["hint"] == key[:13]
    assert body["created_by"] == ids.encode("usr", provider.users["manager"])
    assert (body["last_used_at"], body["revoked_at"]) == (None, None)
    assert await world.scalar("SELECT token_hash FROM api_key") == hashlib.sha256(key.encode()).digest()
    assert await works(client, key)
    listed = await client.get(url(provider), headers=provider.headers["manager"])
    assert listed.json() == {"data": [body], "next_cursor": None, "prev_cursor": None, "total": None}
    one = await client.get(url(provider, body["id"]), headers=provider.headers["manager"])
    assert one.json() == body
    for answer in (listed, one):
        assert key not in answer.text
    written = (
        "SELECT actor_id, organisation_id, action, object_id FROM audit_entry"
        " WHERE refusal IS NULL AND actor_kind = 'user'"
    )
    audit = await world.execute(written)
    assert [tuple(row) for row in audit] == [
        (provider.users["manager"], provider.id, "api_key.create", ids.decode("key", body["id"]))
    ]


@pytest.mark.usefixtures("production")
async def test_keys_of_production_say_so(client: httpx.AsyncClient, world: World, provider: Party) -> None:
    await world.execute(
        "INSERT INTO second_factor (user_id, sealed_secret, created_at, confirmed_at, last_step)"
        " SELECT id, '', created_at, created_at, 1 FROM user_account"
    )
    await world.execute("UPDATE session_token SET proved_at = :now, second_factor = true", now=clock.real())
    assert (await create(client, provider)).json()["key"].startswith("bea_live_")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["bookings:read", "employees:read"]}, "/scopes/1"),
        ({"scopes": ["members:write"]}, "/scopes/0"),
        ({"scopes": ["api_keys:write"]}, "/scopes/0"),
        ({"scopes": ["person"]}, "/scopes/0"),
        ({"name": " "}, "/name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "/expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "/expires_at"),
        ({"key": "bea_test_mine"}, "/?"),
    ],
)
async def test_refused_keys_are_not_made(
    client: httpx.AsyncClient, world: World, provider: Party, body: dict[str, Any], pointer: str
) -> None:
    refused = await create(client, provider, **body)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert await stored(world) == []


def test_scopes_follow_kinds_and_the_makers_role() -> None:
    assert scopes_of_kinds(["company"]) == COMPANY_SCOPES
    assert scopes_of_kinds(["provider"]) == PROVIDER_SCOPES
    assert scopes_of_kinds(["operator"]) == scopes_of_kinds(["association"]) == {"events:read"}
    both = ["company", "provider"]
    assert scopes_to_give(both, frozenset({"admin", "manager"})) == COMPANY_SCOPES | PROVIDER_SCOPES
    without_care = (COMPANY_SCOPES | PROVIDER_SCOPES) - {"bookings:read", "bookings:write"}
    assert scopes_to_give(both, frozenset({"admin"})) == without_care
    assert scopes_to_give(both, frozenset({"admin", "hr"})) == without_care
    assert scopes_to_give(["provider"], frozenset({"admin"})) == PROVIDER_SCOPES
    assert scopes_to_give(both, frozenset({"manager"})) == PROVIDER_SCOPES
    assert scopes_to_give(both, frozenset({"hr"})) == COMPANY_SCOPES
    assert scopes_to_give(["company"], frozenset({"admin", "manager"})) == COMPANY_SCOPES


def test_roles_follow_kinds() -> None:
    assert roles_of_kinds(["company"]) == {"hr", "hr_approver", "payroll", "admin"}
    assert roles_of_kinds(["provider"]) == {"manager", "staff", "admin"}
    assert roles_of_kinds(["operator"]) == {"operator", "finance", "admin"}
    for kind in ("municipality", "association"):
        assert roles_of_kinds([kind]) == {"coordinator", "care_manager", "observer", "admin"}
    assert roles_of_kinds(["provider"], in_alliance=True) == {
        "manager",
        "staff",
        "admin",
        "coordinator",
        "care_manager",
        "observer",
    }


async def test_keys_of_a_company_and_provider_at_once_stay_in_the_makers_part(
    client: httpx.AsyncClient, world: World
) -> None:
    party = await world.organisation(["company", "provider"], ("hr", "hr_approver", "payroll"))
    for role in ("manager", "admin"):
        user_id, headers = await world.login(f"{role}@example.com")
        await world.membership(user_id, party.id, role)
        party.headers[role] = headers
    assert (await create(client, party, scopes=["employees:read"])).status_code == 422
    made = await create(client, party, "admin", scopes=["employees:read"])
    assert made.status_code == 201
    care = await create(client, party, "admin", name="care", scopes=["bookings:read"])
    assert (care.status_code, care.json()["errors"][0]["code"]) == (422, "scope_not_allowed")
    before = await stored(world)
    rotated = await client.post(url(party, made.json()["id"], "rotate"), headers=party.headers["manager"])
    assert (rotated.status_code, rotated.json()["code"]) == (403, "forbidden")
    assert await stored(world) == before


async def test_keys_belong_to_one_organisation_and_its_administrators(
    client: httpx.AsyncClient, world: World, provider: Party
) -> None:
    made = (await create(client, provider)).json()
    other = await world.provider()
    before = await stored(world)
    paths = [("GET", ()), ("GET", (made["id"],)), ("POST", (made["id"], "rotate")), ("POST", (made["id"], "revoke"))]
    for method, rest in paths:
        foreign = await client.request(method, url(provider, *rest), headers=other.headers["manager"])
        assert (foreign.status_code, foreign.json()["code"]) == (404, "not_found")
        staff = await client.request(method, url(provider, *rest), headers=provider.headers["staff"])
        assert staff.status_code == 403
        itself = await client.request(method, url(provider, *rest), headers={"Authorization": f"Bearer {made['key']}"})
        assert itself.status_code == 403
        assert (await client.request(method, url(provider, *rest))).status_code == 401
        if rest:
            elsewhere = await client.request(method, url(other, *rest), headers=other.headers["manager"])
            assert elsewhere.status_code == 404
    assert (await client.get(url(other), headers=other.headers["manager"])).json()["data"] == []
    assert (await create(client, provider, "staff")).status_code == 403
    assert await stored(world) == before


async def test_a_revoked_key_fails_on_the_next_request(
    client: httpx.AsyncClient, world: World, provider: Party
) -> None:
    made = (await create(client, provider)).json()
    revoke = url(provider, made["id"], "revoke")
    shown = {name: value for name, value in made.items() if name != "key"}
    earlier = clock.real()
    done = await client.post(revoke, headers=provider.headers["manager"])
    assert done.status_code == 200
    revoked_at = datetime.fromisoformat(done.json()["revoked_at"])
    assert earlier <= revoked_at <= clock.real()
    assert done.json() == {**shown, "revoked_at": rfc3339(revoked_at)}
    assert not await works(client, made["key"])
    before = await stored(world)
    again = await client.post(revoke, headers=provider.headers["manager"])
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "state_conflict", "revoked")
    rotated = await client.post(url(provider, made["id"], "rotate"), headers=provider.headers["manager"])
    assert (rotated.status_code, rotated.json()["state"]) == (409, "revoked")
    assert await stored(world) == before
    actions = await world.execute(
        "SELECT action FROM audit_entry WHERE refusal IS NULL AND actor_kind = 'user' ORDER BY id"
    )
    assert [row.action for row in actions] == ["api_key.create", "api_key.revoke"]


async def test_rotation_lets_two_keys_live_for_the_overlap(
    client: httpx.AsyncClient, world: World, provider: Party
) -> None:
    first = (await create(client, provider)).json()
    headers = provider.headers["manager"]
    started = clock.real()
    answer = await client.post(url(provider, first["id"], "rotate"), headers=headers)
    assert answer.status_code == 201
    second = answer.json()
    assert (second["name"], second["scopes"]) == ("gestionale", ["bookings:read"])
    assert second["key"] != first["key"]
    assert await works(client, first["key"])
    assert await works(client, second["key"])
    old = (await client.get(url(provider, first["id"]), headers=headers)).json()
    ends = datetime.fromisoformat(old["expires_at"])
    assert started + timedelta(hours=24) <= ends <= clock.real() + timedelta(hours=24)
    before = await stored(world)
    third = await client.post(url(provider, second["id"], "rotate"), headers=headers)
    assert (third.status_code, third.json()["code"]) == (409, "too_many_live_keys")
    assert (await create(client, provider)).status_code == 409
    assert await stored(world) == before
    assert (await create(client, provider, name="another")).status_code == 201
    await world.execute(
        "UPDATE api_key SET expires_at = :now WHERE id = :id", now=started, id=ids.decode("key", first["id"])
    )
    assert not await works(client, first["key"])
    expired = await client.post(url(provider, first["id"], "rotate"), headers=headers)
    assert (expired.status_code, expired.json()["state"]) == (409, "expired")
    assert (await client.post(url(provider, second["id"], "rotate"), headers=headers)).status_code == 201


async def test_rotation_without_overlap_ends_the_old_key_at_once(client: httpx.AsyncClient, provider: Party) -> None:
    first = (await create(client, provider)).json()
    answer = await client.post(
        url(provider, first["id"], "rotate"), json={"overlap_hours": 0}, headers=provider.headers["manager"]
    )
    assert answer.status_code == 201
    assert not await works(client, first["key"])
    assert await works(client, answer.json()["key"])


@pytest.mark.parametrize("hours", [-1, 169, "24", 1.5, None])
async def test_overlap_is_bounded(client: httpx.AsyncClient, world: World, provider: Party, hours: Any) -> None:
    first = (await create(client, provider)).json()
    before = await stored(world)
    refused = await client.post(
        url(provider, first["id"], "rotate"), json={"overlap_hours": hours}, headers=provider.headers["manager"]
    )
    assert refused.status_code == 422
    assert await stored(world) == before


async def test_a_limited_life_begins_anew_at_rotation_and_overlap_never_prolongs(
    client: httpx.AsyncClient, world: World, provider: Party
) -> None:
    ends = clock.real() + timedelta(hours=2)
    first = (await create(client, provider, expires_at=rfc3339(ends))).json()
    second = (await client.post(url(provider, first["id"], "rotate"), headers=provider.headers["manager"])).json()
    life = "SELECT expires_at - created_at FROM api_key WHERE id = :id"
    assert await world.scalar(life, id=ids.decode("key", second["id"])) == await world.scalar(
        life, id=ids.decode("key", first["id"])
    )
    old = await world.scalar("SELECT expires_at FROM api_key WHERE id = :id", id=ids.decode("key", first["id"]))
    assert old == ends


async def test_lists_are_paged_newest_first(client: httpx.AsyncClient, provider: Party) -> None:
    made = [(await create(client, provider, name=f"key {n}")).json()["id"] for n in range(3)]
    headers = provider.headers["manager"]
    first = (await client.get(url(provider), params={"limit": 2}, headers=headers)).json()
    assert [item["id"] for item in first["data"]] == made[:0:-1]
    rest = (
        await client.get(url(provider), params={"limit": 2, "cursor": first["next_cursor"]}, headers=headers)
    ).json()
    assert ([item["id"] for item in rest["data"]], rest["next_cursor"]) == ([made[0]], None)


async def test_many_at_once_make_two_live_keys(fresh_client: httpx.AsyncClient, fresh_world: World) -> None:
    party = await fresh_world.provider()
    answers = await asyncio.gather(*(create(fresh_client, party) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, 201] + [409] * 6
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"too_many_live_keys"}
    assert await fresh_world.scalar("SELECT count(*) FROM api_key") == 2
