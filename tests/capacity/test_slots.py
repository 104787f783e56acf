from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.capacity import actions
from app.capacity import queries as capacity
from app.capacity.errors import SlotClosed, SlotTaken
from app.errors import NotFound
from tests.catalogue.shop import ALBINO, CLUSONE, NOW, base, publish, slot
from tests.world import Party, World


@pytest.fixture
async def coop(world: World) -> Party:
    await world.set_now(NOW)
    return await world.provider("Cooperativa Esempio")


@pytest.fixture
async def offering(client: httpx.AsyncClient, coop: Party) -> dict[str, Any]:
    return await publish(client, coop)


def uuid_of(made: dict[str, Any]) -> UUID:
    return ids.split(made["id"])[1]


async def test_a_slot_is_published_and_shown_to_both_sides(
    client: httpx.AsyncClient, coop: Party, offering: dict[str, Any]
) -> None:
    answer = await client.post(
        f"{base(coop)}/offerings/{offering['id']}/slots",
        json={"starts_at": "2026-12-01T09:00:00+01:00", "ends_at": "2026-12-01T12:00:00+01:00", "capacity": 3},
        headers={**coop.headers["manager"], "Idempotency-Key": "not-needed"},
    )
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    made = answer.json()
    assert made == {
        "id": made["id"],
        "offering_id": offering["id"],
        "starts_at": "2026-12-01T08:00:00Z",
        "ends_at": "2026-12-01T11:00:00Z",
        "capacity": 3,
        "taken": 0,
        "seats_left": 3,
        "status": "open",
        "external_id": None,
        "metadata": {},
        "version": 1,
        "created_at": made["created_at"],
    }
    public = (await client.get(f"/v1/offerings/{offering['id']}/slots")).json()
    shown = ("id", "offering_id", "starts_at", "ends_at", "capacity", "seats_left")
    assert public == {
        "data": [{key: made[key] for key in shown}],
        "next_cursor": None,
        "prev_cursor": None,
        "total": None,
    }
    own = await client.get(f"{base(coop)}/offerings/{offering['id']}/slots", headers=coop.headers["staff"])
    assert own.json()["data"] == [made]
    one = await client.get(f"{base(coop)}/slots/{made['id']}", headers=coop.headers["staff"])
    assert (one.json(), one.headers["etag"]) == (made, '"1"')


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "capacity", "pointer", "code"),
    [
        ("2026-11-23T08:00:00Z", "2026-11-23T09:00:00Z", 1, "/starts_at", "slot_past"),
        ("2020-01-01T08:00:00Z", "2020-01-01T09:00:00Z", 1, "/starts_at", "slot_past"),
        ("2028-11-23T23:00:00Z", "2028-11-24T09:00:00Z", 1, "/starts_at", "slot_too_far"),
        ("2026-12-01T08:00:00Z", "2026-12-01T08:00:00Z", 1, "/ends_at", "end_before_start"),
        ("2026-12-01T09:00:00Z", "2026-12-01T09:30:00+01:00", 1, "/ends_at", "end_before_start"),
        ("2026-12-01T08:00:00Z", "2027-01-02T08:00:00Z", 1, "/ends_at", "slot_too_long"),
        ("2026-12-01T08:00:00", "2026-12-01T09:00:00Z", 1, "/starts_at", "instant_naive"),
        (1796112000, "2026-12-01T09:00:00Z", 1, "/starts_at", "instant"),
        ("9999-12-01T08:00:00Z", "9999-12-01T09:00:00Z", 1, "/starts_at", "instant_range"),
        ("2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z", 0, "/capacity", "greater_than_equal"),
        ("2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z", 1001, "/capacity", "less_than_equal"),
        ("2026-12-01T08:00:00Z", "2026-12-01T09:00:00Z", True, "/capacity", "int_type"),
    ],
)
async def test_an_impossible_slot_is_refused(
    client: httpx.AsyncClient,
    world: World,
    coop: Party,
    offering: dict[str, Any],
    starts_at: Any,
    ends_at: str,
    capacity: int,
    pointer: str,
    code: str,
) -> None:
    answer = await client.post(
        f"{base(coop)}/offerings/{offering['id']}/slots",
        json={"starts_at": starts_at, "ends_at": ends_at, "capacity": capacity},
        headers=coop.headers["manager"],
    )
    assert answer.status_code == 422
    assert (answer.json()["errors"][0]["pointer"], answer.json()["errors"][0]["code"]) == (pointer, code)
    assert await world.scalar("SELECT count(*) FROM slot") == 0


async def test_the_last_instant_of_24_months_ahead_is_accepted(
    client: httpx.AsyncClient, coop: Party, offering: dict[str, Any]
) -> None:
    last = datetime(2028, 11, 23, 22, 59, tzinfo=UTC)
    made = await slot(client, coop, offering["id"], (last - NOW) / timedelta(hours=1))
    assert made["starts_at"] == "2028-11-23T22:59:00Z"


async def test_strangers_cannot_touch_slots(
    client: httpx.AsyncClient, world: World, coop: Party, offering: dict[str, Any]
) -> None:
    other = await world.provider("Altra")
    made = await slot(client, coop, offering["id"], 48)
    body = {"starts_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T09:00:00Z", "capacity": 1}
    answers = [
        await client.post(
            f"{base(other)}/offerings/{offering['id']}/slots", json=body, headers=other.headers["manager"]
        ),
        await client.get(f"{base(other)}/slots/{made['id']}", headers=other.headers["manager"]),
        await client.get(f"{base(coop)}/slots/{made['id']}", headers=other.headers["manager"]),
        await client.get(f"{base(other)}/slots/{ids.encode('slt', ids.new_id())}", headers=other.headers["manager"]),
        await client.patch(
            f"{base(other)}/slots/{made['id']}",
            json={"capacity": 9},
            headers={**other.headers["manager"], "If-Match": '"1"'},
        ),
    ]
    assert [answer.status_code for answer in answers] == [404] * 5
    bodies = [answer.json() for answer in answers]
    for body in bodies:
        body.pop("request_id")
    assert all(body == bodies[0] for body in bodies)
    staff = await client.patch(
        f"{base(coop)}/slots/{made['id']}",
        json={"capacity": 9},
        headers={**coop.headers["staff"], "If-Match": '"1"'},
    )
    assert staff.status_code == 403
    assert await world.execute("SELECT capacity, version FROM slot") == [(1, 1)]


async def test_capacity_never_falls_below_what_is_taken(
    client: httpx.AsyncClient, world: World, coop: Party, offering: dict[str, Any]
) -> None:
    made = await slot(client, coop, offering["id"], 48, capacity=3)
    holder = await world.take_seats(uuid_of(made), 2)
    url = f"{base(coop)}/slots/{made['id']}"
    headers = coop.headers["manager"]
    refused = await client.patch(url, json={"capacity": 1}, headers={**headers, "If-Match": '"1"'})
    assert (refused.status_code, refused.json()["code"], refused.json()["taken"]) == (409, "slot_taken", 2)
    assert (await client.patch(url, json={"capacity": 2}, headers=headers)).status_code == 428
    assert await world.execute("SELECT capacity, taken, version FROM slot") == [(3, 2, 1)]
    answer = await client.patch(url, json={"capacity": 2}, headers={**headers, "If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"], answer.json()["seats_left"]) == (200, '"2"', 0)
    stale = await client.patch(url, json={"capacity": 5}, headers={**headers, "If-Match": '"1"'})
    assert stale.status_code == 412
    await world.execute("SELECT give_back_seats('allotment', ARRAY[CAST(:holder AS uuid)], :at)", holder=holder, at=NOW)
    await world.execute("UPDATE slot SET status = 'cancelled'")
    closed = await client.patch(url, json={"capacity": 5}, headers={**headers, "If-Match": '"2"'})
    assert (closed.status_code, closed.json()["code"]) == (409, "slot_closed")
    assert await world.execute("SELECT capacity, version FROM slot") == [(2, 2)]


async def test_public_slots_page_by_start_within_the_period(
    client: httpx.AsyncClient, coop: Party, offering: dict[str, Any]
) -> None:
    for hours in (72, 30, 48, 23, 48):
        await slot(client, coop, offering["id"], hours)
    url = f"/v1/offerings/{offering['id']}/slots"
    first = (await client.get(url, params={"limit": 2})).json()
    second = (await client.get(url, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [row["starts_at"] for row in first["data"] + second["data"]] == [
        "2026-11-24T14:00:00Z",
        "2026-11-25T08:00:00Z",
        "2026-11-25T08:00:00Z",
        "2026-11-26T08:00:00Z",
    ]
    assert second["next_cursor"] is None
    day = (await client.get(url, params={"date_from": "2026-11-25", "date_to": "2026-11-25"})).json()["data"]
    assert [row["starts_at"] for row in day] == ["2026-11-25T08:00:00Z"] * 2
    own_url = f"{base(coop)}{url.removeprefix('/v1')}"
    own = await client.get(own_url, headers=coop.headers["staff"])
    assert len(own.json()["data"]) == 5
    early = await client.get(own_url, params={"date_to": "2026-11-24"}, headers=coop.headers["staff"])
    assert [row["starts_at"] for row in early.json()["data"]] == ["2026-11-24T07:00:00Z", "2026-11-24T14:00:00Z"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("colour=red", 422),
        ("limit=0", 422),
        ("limit=1000000000", 422),
        ("limit=1&limit=2", 400),
        ("cursor=tampered", 400),
        ("date_from=2026-13-01", 422),
        ("date_from=2026-12-02&date_to=2026-12-01", 422),
    ],
)
async def test_meaningless_queries_are_refused(
    client: httpx.AsyncClient, coop: Party, offering: dict[str, Any], query: str, status: int
) -> None:
    assert (await client.get(f"/v1/offerings/{offering['id']}/slots?{query}")).status_code == status
    own = await client.get(f"{base(coop)}/offerings/{offering['id']}/slots?{query}", headers=coop.headers["manager"])
    assert own.status_code == status


async def test_a_slot_is_closed_once_and_empty_only(
    client: httpx.AsyncClient, session: AsyncSession, world: World, coop: Party, offering: dict[str, Any]
) -> None:
    one = uuid_of(await slot(client, coop, offering["id"], 48))
    two = uuid_of(await slot(client, coop, offering["id"], 72))
    await world.take_seats(one)
    with pytest.raises(SlotTaken) as refused:
        await actions.close_slot(session, coop.id, one)
    assert refused.value.members == {"taken": 1}
    with pytest.raises(NotFound):
        await actions.close_slot(session, ids.new_id(), two)
    await actions.close_slot(session, coop.id, two)
    with pytest.raises(SlotClosed):
        await actions.close_slot(session, coop.id, two)
    rows = await session.execute(text("SELECT status, taken, version FROM slot ORDER BY starts_at"))
    assert [tuple(row) for row in rows] == [("open", 1, 1), ("cancelled", 0, 2)]


async def test_one_query_tells_a_quote_everything(
    client: httpx.AsyncClient, session: AsyncSession, world: World, coop: Party, offering: dict[str, Any]
) -> None:
    other = await publish(client, coop, name="Altro")
    one = await slot(client, coop, offering["id"], 48, capacity=3)
    foreign = await slot(client, coop, other["id"], 48)
    await world.take_seats(uuid_of(one))
    await client.post(
        f"{base(coop)}/offerings/{offering['id']}/prices",
        json={"price_cents": 2400, "valid_from": "2027-01-01"},
        headers=coop.headers["manager"],
    )
    today, nobody = NOW.date(), ids.new_id()
    asked = [uuid_of(one), uuid_of(foreign), ids.new_id()]
    known = await capacity.bookable_offering(session, uuid_of(offering), nobody, NOW, asked)
    assert known is not None
    assert (known.provider_id, known.provider_name, known.provider_phone) == (coop.id, coop.name, "+39035000000")
    accounts = (known.earned_account_id, known.payable_account_id)
    row = await session.execute(text("SELECT earned_account_id, payable_account_id FROM provider"))
    assert accounts == tuple(row.one())
    assert (known.category, known.mode, known.unit, known.status, known.audience) == (
        "home_help",
        "home_visit",
        "visit",
        "active",
        "public",
    )
    assert known.open_to_person is True
    assert known.service_area == [ALBINO, CLUSONE]
    assert (known.serves(ALBINO), known.serves("016024"), known.serves(None)) == (True, False, False)
    assert list(known.slots) == [uuid_of(one)]
    seen = known.slots[uuid_of(one)]
    assert (seen.starts_at, seen.ends_at) == (NOW + timedelta(hours=48), NOW + timedelta(hours=49))
    assert (seen.seats_left, seen.status) == (2, "open")
    days = [
        today - timedelta(days=1),
        today,
        datetime(2026, 12, 31, tzinfo=UTC).date(),
        datetime(2027, 1, 1, tzinfo=UTC).date(),
    ]
    assert [known.price_on(day) for day in days] == [None, 2250, 2250, 2400]
    assert (known.bookable_from, known.quote_minutes) == (NOW + timedelta(hours=24), 15)
    without = await capacity.bookable_offering(session, uuid_of(offering), nobody, NOW)
    assert without is not None
    assert without.slots == {}
    assert await capacity.bookable_offering(session, ids.new_id(), nobody, NOW) is None


async def test_many_slots_are_published_at_once_or_none(
    client: httpx.AsyncClient, coop: Party, offering: dict[str, Any]
) -> None:
    url = f"{base(coop)}/offerings/{offering['id']}/slots"
    headers = coop.headers["manager"]

    def one(day: int, **more: Any) -> dict[str, Any]:
        start = NOW + timedelta(days=day)
        times = {"starts_at": start.isoformat(), "ends_at": (start + timedelta(hours=1)).isoformat()}
        return {**times, "capacity": 1, "external_id": f"S{day}", "metadata": {"room": "1"}, **more}

    good = [one(day) for day in (3, 1, 2)]

    async def send(slots: list[dict[str, Any]], key: str) -> httpx.Response:
        return await client.post(f"{url}/batch", json={"slots": slots}, headers=headers | {"Idempotency-Key": key})

    past = one(1, starts_at="2020-01-01T09:00:00Z")
    refused = await send([*good, past], "k1")
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [
        ("/slots/3/starts_at", "slot_past")
    ]
    assert (await client.get(url, headers=headers)).json()["data"] == []
    assert (await send(good * 167, "k2")).status_code == 422
    made, again = await send(good, "k3"), await send(good, "k3")
    assert (made.status_code, made.headers["location"], again.content) == (201, url, made.content)
    listed = (await client.get(url, headers=headers)).json()["data"]
    assert [row["external_id"] for row in listed] == ["S1", "S2", "S3"]
    assert made.json()["slot_ids"] == [listed[2]["id"], listed[0]["id"], listed[1]["id"]]
    found = (await client.get(url, params={"external_id": "S2"}, headers=headers)).json()["data"]
    assert [(row["id"], row["metadata"]) for row in found] == [(listed[1]["id"], {"room": "1"})]
    assert (await client.get(url, params={"status": "cancelled"}, headers=headers)).json()["data"] == []
