"""The feed over HTTP: in order and whole for whoever may read its objects, for thirty days."""

import re
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx

from app import clock, ids
from app.db import APP_FOLDER, Database
from app.events.actions import NewEvent, record
from app.events.jobs import NUMBER, SWEEPS
from app.events.vocabulary import ALL_TYPES, PERMISSIONS, PREFIXES
from app.jobs import WORKER_ROLE
from tests.production import in_force
from tests.world import Party, World

FORGET = SWEEPS[1]


async def happened(world: World, party: Party, *types: str, at: datetime | None = None) -> list[UUID]:
    """Record and number one event of each type; return their objects."""
    subjects = [ids.new_id() for _ in types]
    pairs = zip(types, subjects, strict=True)
    events = [NewEvent(each, each.partition(".")[0], subject, (party.id,), at) for each, subject in pairs]
    async with world.work() as session:
        await record(session, *events)
        await NUMBER.one(session, at_most=100)
    return subjects


async def feed(client: httpx.AsyncClient, party: Party, headers: dict[str, str], query: str = "") -> Any:
    answer = await client.get(f"/v1/organisations/{party.public_id}/events{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def types(client: httpx.AsyncClient, party: Party, headers: dict[str, str]) -> list[str]:
    return [event["type"] for event in (await feed(client, party, headers))["data"]]


async def test_who_follows_misses_nothing(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider(accredited=False)
    headers = provider.headers["staff"]
    subjects = await happened(world, provider, *["slot.cancelled"] * 5)
    first = await feed(client, provider, headers, "?limit=2")
    seen = first["data"]
    assert seen[0] == {
        "id": seen[0]["id"], "type": "slot.cancelled", "created_at": seen[0]["created_at"],
        "data": {"id": ids.encode("slt", subjects[0]), "object": "slot"},
    }  # fmt: skip
    seen += (await feed(client, provider, headers, f"?limit=2&cursor={first['next_cursor']}"))["data"]
    rest = await feed(client, provider, headers, f"?limit=2&after={seen[-1]['id']}")
    seen += rest["data"]
    assert [event["data"]["id"] for event in seen] == [ids.encode("slt", subject) for subject in subjects]
    assert rest["next_cursor"] is None
    assert await feed(client, provider, headers, f"?after={seen[-1]['id']}") == {
        "data": [],
        "next_cursor": None,
        "prev_cursor": None,
        "total": None,
    }
    subjects = await happened(world, provider, "slot.cancelled")
    new = (await feed(client, provider, headers, f"?after={seen[-1]['id']}"))["data"]
    assert [event["data"]["id"] for event in new] == [ids.encode("slt", subjects[0])]
    for unknown in (seen[0]["id"][:-1] + "0", ids.encode("evt", ids.new_id())):
        path = f"/v1/organisations/{provider.public_id}/events?after={unknown}"
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (410, "event_forgotten")


async def test_each_reader_sees_what_it_may_read(client: httpx.AsyncClient, world: World) -> None:
    """Of an organisation that is an employer and a provider HR gets no event of care, by whatever key or place."""
    mixed = await world.organisation(["company", "provider"], ("manager", "staff", "hr", "payroll"))
    everything = ["booking.confirmed", "grant.active", "slot.cancelled", "settlement.issued", "employee.joined"]
    await happened(world, mixed, *everything)
    seen = {role: await types(client, mixed, mixed.headers[role]) for role in ("manager", "staff", "hr")}
    assert seen == {
        "manager": ["booking.confirmed", "slot.cancelled", "settlement.issued"],
        "staff": ["booking.confirmed", "slot.cancelled"],
        "hr": ["grant.active", "employee.joined"],
    }
    refused = await client.get(f"/v1/organisations/{mixed.public_id}/events", headers=mixed.headers["payroll"])
    assert refused.status_code == 403
    # A care event's id is no place in HR's feed.
    care = (await feed(client, mixed, mixed.headers["manager"]))["data"][0]["id"]
    path = f"/v1/organisations/{mixed.public_id}/events?after={care}"
    assert (await client.get(path, headers=mixed.headers["hr"])).status_code == 410


async def test_a_key_sees_what_its_maker_may_still_give(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.organisation(["provider"], ("manager",))
    maker = provider.users["manager"]
    await world.membership(maker, provider.id, "staff")
    await happened(world, provider, "booking.confirmed", "settlement.issued", "slot.cancelled")
    key = await world.api_key(provider, ["events:read", "bookings:read", "settlements:read"])
    assert await types(client, provider, key) == ["booking.confirmed", "settlement.issued"]
    assert await types(client, provider, await world.api_key(provider, ["events:read"])) == []
    ended = "UPDATE role_grant SET until_at = :now WHERE user_id = :id AND role = 'manager'"
    await world.execute(ended, now=clock.real(), id=maker)
    assert await types(client, provider, key) == ["booking.confirmed"]


async def test_after_thirty_days_all_but_the_newest_goes(fresh_world: World, fresh_worker: Database) -> None:
    world = fresh_world
    quiet, busy = [await world.organisation(["provider"]) for _ in range(2)]
    then = clock.real() - timedelta(days=30, minutes=1)
    old = count(ids.first_of(then).int)
    with ids.drawn_from(lambda: UUID(int=next(old))):
        await happened(world, quiet, "slot.cancelled", at=then)
        await happened(world, busy, *["slot.cancelled"] * 3, at=then)
    await happened(world, quiet, "slot.cancelled", at=then)  # recorded just now: a sweep books at the due instant
    async with fresh_worker.begin(WORKER_ROLE) as session:
        assert await FORGET.due(session, clock.now()) is None  # in a sandbox time is moved by months
    with in_force():
        async with fresh_worker.begin(WORKER_ROLE) as session:
            now = clock.now()
            assert await FORGET.due(session, now) == now
            assert await FORGET.run(session, now) == 3
            assert await FORGET.due(session, now) is None
    left = "SELECT organisation_id, position FROM event_position ORDER BY position"
    assert [tuple(row) for row in await world.execute(left)] == [(quiet.id, 2), (busy.id, 3)]
    await happened(world, busy, "slot.cancelled")
    assert [row.position for row in await world.execute(left)] == [2, 3, 4]


def test_an_id_is_above_the_first_of_its_time_and_below_that_of_a_later_one() -> None:
    now = clock.real()
    assert ids.first_of(now - timedelta(seconds=1)) < ids.new_id() < ids.first_of(now + timedelta(minutes=1))


def test_every_event_that_is_recorded_has_its_word() -> None:
    """What the vocabulary does not know nobody would ever see."""
    sources = [path.read_text() for ending in ("*.py", "*.sql") for path in APP_FOLDER.rglob(ending)]
    recorded = {
        found
        for form in (r'NewEvent\(\s*"([a-z_]+\.[a-z_]+)"', r"record_event\(:event_id, '([a-z_]+\.[a-z_]+)'")
        for source in sources
        for found in re.findall(form, source)
    }
    ended = {found for source in sources for found in re.findall(r'(?:end|move)\([^)]*"(booking\.[a-z_]+)"', source)}
    assert len(recorded) > 6
    assert len(ended) > 6
    assert recorded | ended <= set(ALL_TYPES)
    assert set(PREFIXES) == set(PERMISSIONS) == {each.partition(".")[0] for each in ALL_TYPES}
