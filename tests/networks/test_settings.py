"""Settings by level: which value holds where and since when, what is refused, and that nothing said ever changes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.identity.models import User
from app.listing import Window
from app.networks import queries
from tests.people import snapshot
from tests.world import Party, World

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
TODAY, LATER = date(2026, 11, 23), date(2027, 1, 1)
SETTINGS, VALUES = "/v1/operator/settings", "/v1/operator/setting_values"
GRACE = {"name": "grace_days", "value": 30, "reason": "Plan rules 2027", "valid_from": "2026-11-23"}


@dataclass(frozen=True)
class Places:
    """A network with an alliance, which a company with a programme has joined, and the same again."""

    network_id: UUID
    alliance_id: UUID
    lead: Party
    company: Party
    programme_id: UUID

    @property
    def headers(self) -> dict[str, str]:
        return self.lead.headers["coordinator"]

    @property
    def memberships(self) -> str:
        return f"/v1/alliances/{ids.encode('all', self.alliance_id)}/memberships"


async def place(client: httpx.AsyncClient, world: World, operator: Party) -> Places:
    lead = await world.organisation(["municipality"], ("coordinator", "observer"))
    company = await world.company()
    headers = operator.headers["operator"]
    network = (await client.post("/v1/operator/networks", json={"name": f"ATS {lead.name}"}, headers=headers)).json()
    body = {
        "network_id": network["id"], "name": f"Valle {lead.name}", "lead_organisation_id": lead.public_id,
        "municipalities": ["016004"],
    }  # fmt: skip
    alliance = (await client.post("/v1/operator/alliances", json=body, headers=headers)).json()
    joined = await client.post(
        f"/v1/alliances/{alliance['id']}/memberships",
        json={"organisation_id": company.public_id, "role": "company"},
        headers=lead.headers["coordinator"],
    )
    assert joined.status_code == 201, joined.text
    lot_id = await world.lot(company, await world.employee(company), 100_00, date(2027, 5, 31))
    programme_id = await world.scalar("SELECT source_id FROM lot WHERE id = :id", id=lot_id)
    return Places(ids.decode("net", network["id"]), ids.decode("all", alliance["id"]), lead, company, programme_id)


@pytest.fixture
async def places(client: httpx.AsyncClient, world: World, operator: Party) -> Places:
    await world.set_now(NOW)
    return await place(client, world, operator)


async def grace(world: World, on: date = TODAY, /, **named: UUID) -> tuple[int, str, UUID | None]:
    async with world.database.begin() as session:
        (found,) = [
            row
            for row in (await queries.settings(session, on, Window("name"), **named)).rows
            if row.name == "grace_days"
        ]
    return found.value, found.level, found.value_id


async def test_the_narrowest_level_that_says_something_holds(
    client: httpx.AsyncClient, world: World, operator: Party, places: Places
) -> None:
    other, by = await place(client, world, operator), operator.users["operator"]
    here = {"organisation_id": places.company.id, "programme_id": places.programme_id}
    there = {"organisation_id": other.company.id, "programme_id": other.programme_id}
    levels = [
        ("platform", {}),
        ("network", {"network_id": places.network_id}),
        ("alliance", {"alliance_id": places.alliance_id}),
        ("organisation", {"organisation_id": places.company.id}),
        ("programme", {"programme_id": places.programme_id}),
    ]
    assert await grace(world, **here) == await grace(world) == (60, "default", None)
    for days, (level, named) in enumerate(levels, 10):
        said = await world.say(by, "grace_days", days, TODAY, **named)
        assert await grace(world, **here) == (days, level, said)
    platform = await grace(world)
    assert platform[:2] == (10, "platform")
    assert await grace(world, **there) == platform
    assert (await grace(world, alliance_id=places.alliance_id))[:2] == (12, "alliance")
    assert (await grace(world, organisation_id=places.company.id))[:2] == (13, "organisation")
    assert (await grace(world, organisation_id=places.lead.id))[:2] == (12, "alliance")
    # Each level may stop saying something: then the one above holds again.
    for days, (_, named) in reversed(list(enumerate(levels, 10))):
        await world.say(by, "grace_days", None, TODAY, **named)
        above = ("default", *(level for level, _ in levels))[days - 10]
        assert (await grace(world, **here))[:2] == (60 if days == 10 else days - 1, above)


async def test_a_value_holds_from_its_day_on_and_the_last_one_said_counts(
    world: World, operator: Party, places: Places
) -> None:
    by, named = operator.users["operator"], {"organisation_id": places.company.id}
    await world.say(by, "grace_days", 30, LATER, **named)
    await world.say(by, "grace_days", 20, date(2026, 12, 1), **named)
    days = [TODAY, date(2026, 11, 30), date(2026, 12, 1), date(2026, 12, 31), LATER, date(2030, 1, 1)]
    assert [(await grace(world, on, **named))[0] for on in days] == [60, 60, 20, 20, 30, 30]
    await world.say(by, "grace_days", 31, LATER, **named)
    assert [(await grace(world, on, **named))[0] for on in days] == [60, 60, 20, 20, 31, 31]


async def test_an_organisation_follows_the_alliance_that_it_joined_first_and_is_still_in(
    client: httpx.AsyncClient, world: World, operator: Party, places: Places
) -> None:
    other, named = await place(client, world, operator), {"organisation_id": places.company.id}
    for days, each in ((10, places), (20, other)):
        await world.say(operator.users["operator"], "grace_days", days, TODAY, alliance_id=each.alliance_id)
    joins = {"organisation_id": places.company.public_id, "role": "company"}
    assert (await client.post(other.memberships, json=joins, headers=other.headers)).status_code == 201
    assert (await grace(world, **named))[0] == 10
    members = (await client.get(places.memberships, headers=places.headers)).json()["data"]
    (mine,) = [one["id"] for one in members if one["organisation_id"] == places.company.public_id]
    assert (await client.post(f"{places.memberships}/{mine}/end", headers=places.headers)).status_code == 200
    assert (await grace(world, TODAY, **named))[0] == 10
    assert (await grace(world, date(2026, 11, 24), **named))[0] == 20


async def test_over_http(client: httpx.AsyncClient, world: World, operator: Party, places: Places) -> None:
    headers = operator.headers["operator"]
    organisation = {"organisation_id": places.company.public_id}
    made = await client.post(VALUES, json=GRACE | organisation, headers=headers)
    assert (made.status_code, made.json()) == (201, {
        "id": made.json()["id"], "name": "grace_days", "level": "organisation", "network_id": None, "alliance_id": None,
        **organisation, "programme_id": None, "value": 30, "reason": "Plan rules 2027", "valid_from": "2026-11-23",
        "set_by": ids.encode("usr", operator.users["operator"]), "created_at": made.json()["created_at"],
        "needs_second": False, "confirmed_by": None, "confirmed_at": None,
    })  # fmt: skip
    everybody = await client.post(VALUES, json=GRACE | {"name": "quote_minutes", "value": 5}, headers=headers)
    listed = await client.get(VALUES, headers=operator.headers["finance"])
    assert listed.json()["data"] == [everybody.json(), made.json()]
    some = await client.get(VALUES, params={"name": "grace_days"}, headers=headers)
    assert some.json()["data"] == [made.json()]
    pages = await client.get(SETTINGS, params={**organisation, "limit": 2}, headers=headers)
    assert [row["name"] for row in pages.json()["data"]] == ["acknowledge_hours", "fee_cap_bps"]
    query = {**organisation, "limit": 8, "cursor": pages.json()["next_cursor"]}
    rest = (await client.get(SETTINGS, params=query, headers=headers)).json()["data"]
    assert rest[0] == {
        "name": "grace_days", "unit": "days", "value": 30, "level": "organisation", "reason": "Plan rules 2027",
        "valid_from": "2026-11-23", "value_id": made.json()["id"], "default_value": 60, "least": 1, "most": 730,
        "levels": ["platform", "network", "alliance", "organisation", "programme"], "stricter": None,
    }  # fmt: skip
    assert [row["name"] for row in rest] == [
        "grace_days", "grace_window_days", "least_line_cents", "least_people", "minimum_payout_cents", "quote_minutes",
        "returns_quarters", "top_up_limit_cents",
    ]  # fmt: skip
    early = (await client.get(SETTINGS, params={**organisation, "on": "2026-11-22"}, headers=headers)).json()["data"]
    assert [(row["value"], row["level"]) for row in early] == [
        (120, "default"), (20_00, "default"), (60, "default"), (7, "default"), (20_00, "default"), (10, "default"),
        (1, "default"), (15, "default"), (1, "default"), (10_000_00, "default"),
    ]  # fmt: skip
    ours = f"/v1/alliances/{ids.encode('all', places.alliance_id)}/settings"
    for role in ("coordinator", "observer"):
        seen = (await client.get(ours, headers=places.lead.headers[role])).json()["data"]
        assert [(row["name"], row["value"], row["level"]) for row in seen] == [
            ("acknowledge_hours", 120, "default"), ("fee_cap_bps", 20_00, "default"), ("grace_days", 60, "default"),
            ("grace_window_days", 7, "default"), ("least_line_cents", 20_00, "default"),
            ("least_people", 10, "default"), ("minimum_payout_cents", 1, "default"), ("quote_minutes", 5, "platform"),
            ("returns_quarters", 1, "default"), ("top_up_limit_cents", 10_000_00, "default"),
        ]  # fmt: skip
        assert seen[7] == {
            "name": "quote_minutes", "unit": "minutes", "value": 5, "level": "platform", "reason": "Plan rules 2027",
            "valid_from": "2026-11-23",
        }  # fmt: skip
    acts = await world.execute(
        "SELECT actor_id, action, object_id FROM audit_entry WHERE object_kind = 'setting_value' ORDER BY id"
    )
    by = operator.users["operator"]
    assert acts == [
        (by, "setting_value.create", ids.decode("set", answer.json()["id"])) for answer in (made, everybody)
    ]


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"name": "grace"}, 422, "invalid"),
    ({"value": 0}, 422, "setting_out_of_bounds"),
    ({"value": 731}, 422, "setting_out_of_bounds"),
    ({"value": -1}, 422, "invalid"),
    ({"reason": " "}, 422, "invalid"),
    ({"valid_from": "2026-11-22"}, 422, "invalid"),
    ({"network_id": ids.encode("net", uuid4())}, 404, "not_found"),
    ({"programme_id": ids.encode("prg", uuid4())}, 404, "not_found"),
    ({"network_id": ids.encode("net", uuid4()), "alliance_id": ids.encode("all", uuid4())}, 422, "invalid"),
]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    REFUSED,
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else str(value),
)
async def test_what_does_not_fit_is_refused(
    client: httpx.AsyncClient, world: World, operator: Party, change: dict[str, Any], status: int, code: str
) -> None:
    await world.set_now(NOW)
    refused = await client.post(VALUES, json=GRACE | change, headers=operator.headers["operator"])
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await snapshot(world, "setting_value") == []
    assert await world.execute("SELECT FROM audit_entry WHERE object_kind = 'setting_value'") == []


async def test_a_level_that_a_setting_does_not_have_is_refused(
    client: httpx.AsyncClient, world: World, operator: Party, places: Places
) -> None:
    body = GRACE | {"name": "quote_minutes", "programme_id": ids.encode("prg", places.programme_id)}
    refused = await client.post(VALUES, json=body, headers=operator.headers["operator"])
    assert (refused.status_code, refused.json()["code"]) == (422, "setting_level_not_allowed")
    assert await snapshot(world, "setting_value") == []


async def test_only_the_operator_sets_and_only_members_see(
    client: httpx.AsyncClient, world: World, operator: Party, places: Places
) -> None:
    stranger = await place(client, world, operator)
    ours = f"/v1/alliances/{ids.encode('all', places.alliance_id)}/settings"
    before = await snapshot(world, "setting_value")
    assert (await client.post(VALUES, json=GRACE, headers=operator.headers["finance"])).status_code == 403
    assert (await client.post(VALUES, json=GRACE, headers=places.lead.headers["coordinator"])).status_code == 403
    assert (await client.get(SETTINGS, headers=places.lead.headers["coordinator"])).status_code == 403
    assert (await client.get(ours, headers=stranger.lead.headers["coordinator"])).status_code == 404
    assert await snapshot(world, "setting_value") == before == []


ROW = (
    # Attack
    "INSERT INTO setting_value (id, name, level, network_id, alliance_id, organisation_id, programme_id, value, reason,"
    " valid_from, set_by, created_at) VALUES (:id, :name, :level, NULL, :alliance_id, NULL, :programme_id, :value,"
    " :reason, :valid_from, :by, :at)"
)


@pytest.mark.parametrize(
    ("change", "guard"),
    [
        ({"name": "grace"}, "setting_value_name_known"),
        ({"level": "default"}, "setting_value_level_known"),
        ({"level": "network"}, "setting_value_level_names_its_object"),
        ({"alliance_id": "there"}, "setting_value_level_names_its_object"),
        ({"level": "programme", "alliance_id": "there"}, "setting_value_level_names_its_object"),
        (
            {"level": "alliance", "alliance_id": "there", "programme_id": "there"},
            "setting_value_level_names_its_object",
        ),
        ({"reason": ""}, "setting_value_reason_given"),
        ({"valid_from": date(2026, 11, 22)}, "setting_value_never_in_the_past"),
        ({"value": 731}, "setting_value_in_bounds"),
        (
            {"name": "quote_minutes", "level": "programme", "programme_id": "there"},
            "setting_value_level_allowed",
        ),
    ],
    ids=str,
)
async def test_the_database_refuses_what_does_not_fit(
    session: AsyncSession, world: World, operator: Party, places: Places, change: dict[str, Any], guard: str
) -> None:
    there = {"alliance_id": places.alliance_id, "programme_id": places.programme_id}
    row: dict[str, Any] = {
        "id": ids.new_id(), "name": "grace_days", "level": "platform", "alliance_id": None, "programme_id": None,
        "value": 30, "reason": "agreed", "valid_from": TODAY, "by": operator.users["operator"], "at": NOW,
    }  # fmt: skip
    wrong = row | {name: there[name] if value == "there" else value for name, value in change.items()}
    with pytest.raises(DBAPIError) as refused:
        async with session.begin_nested():
            await session.execute(text(ROW), wrong)
    assert refused.value.orig.diag.constraint_name == guard  # type: ignore[union-attr]
    assert await snapshot(world, "setting_value") == []
    await session.execute(text(ROW), row)


@pytest.mark.parametrize(
    "attack", ["UPDATE setting_value SET value = 1", "DELETE FROM setting_value", "TRUNCATE setting_value"]
)
async def test_what_was_said_stays(owner_session: AsyncSession, attack: str) -> None:
    """Also against the owner of the table; the application has no right to try."""
    by = ids.new_id()
    somebody = insert(User).values(id=by, email="o@example.test", password_hash="!", created_at=NOW)
    await owner_session.execute(somebody)
    row = {
        "id": ids.new_id(), "name": "grace_days", "level": "platform", "alliance_id": None, "programme_id": None,
        "value": 30, "reason": "agreed", "valid_from": TODAY, "by": by, "at": NOW,
    }  # fmt: skip
    await owner_session.execute(text(ROW), row)
    with pytest.raises(DBAPIError) as refused:
        async with owner_session.begin_nested():
            await owner_session.execute(text(attack))
    assert refused.value.orig.diag.constraint_name == "setting_value_append_only"  # type: ignore[union-attr]
    await owner_session.execute(text("SET LOCAL ROLE beatrice_app"))
    with pytest.raises(DBAPIError, match="permission denied"):
        async with owner_session.begin_nested():
            await owner_session.execute(text(attack))
    assert (await owner_session.execute(text("SELECT value FROM setting_value"))).scalars().all() == [30]


async def test_an_unknown_name_is_a_mistake_of_the_caller(session: AsyncSession) -> None:
    with pytest.raises(DBAPIError) as refused:
        async with session.begin_nested():
            await session.execute(text("SELECT setting_in_force('grace', '2026-11-23')"))
    assert refused.value.orig.diag.constraint_name == "setting_known"  # type: ignore[union-attr]
