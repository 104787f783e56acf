"""What lists of bookings show is what their filters find, also where a deadline has passed before any sweep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations_with_replacement
from typing import Any, get_args
from uuid import UUID

import pytest

from app import ids
from app.bookings import queries
from app.bookings.decisions import RELEASE_DAYS, Loaded, booking_status
from app.bookings.models import BookingStatus
from app.db import Database
from app.listing import Window
from tests.bookings.scene import NOW, Scene
from tests.conftest import Cluster

December = Callable[[int], datetime]
STATUSES: tuple[BookingStatus, ...] = get_args(BookingStatus)


@dataclass(frozen=True)
class Shelf:
    """A list of bookings as one side reads it."""

    scene: Scene
    path: str
    headers: dict[str, str]

    async def read(self, **query: Any) -> dict[str, Any]:
        answer = await self.scene.client.get(self.path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def found(self, **query: Any) -> list[str]:
        return [booking["id"] for booking in (await self.read(**query))["data"]]


def shelves(scene: Scene) -> dict[str, Shelf]:
    theirs = f"/v1/providers/{scene.provider.public_id}/bookings"
    return {
        "mine": Shelf(scene, "/v1/me/bookings", scene.person.headers),
        "theirs": Shelf(scene, theirs, scene.provider.headers["manager"]),
    }


@pytest.fixture(params=["mine", "theirs"])
def shelf(request: pytest.FixtureRequest, scene: Scene) -> Shelf:
    return shelves(scene)[request.param]


async def ok(answer: Any) -> None:
    assert answer.status_code == 200, answer.text


async def a_booking_of_each_kind(scene: Scene, december: December) -> dict[str, str]:
    """Make bookings that no sweep has touched by 8 December, noon; return their ids in the order of their making."""
    made: dict[str, str] = {}

    async def make(name: str, *days: int, confirm: bool = True) -> dict[str, Any]:
        slots = [await scene.slot(december(day)) for day in days]
        booking = await (scene.confirmed(slots) if confirm else scene.book(slots))
        made[name] = booking["id"]
        return booking

    half = await make("one unit cancelled, the other never answered", 10, 11, confirm=False)
    await ok(await scene.mine(half["id"], "cancel", {"unit_ids": [half["units"][0]["id"]]}))
    await make("never answered", 12, confirm=False)
    declined = await make("declined", 12, confirm=False)
    await ok(await scene.theirs(declined["id"], "decline", {"reason": "chiuso"}))
    await make("confirmed", 20)
    begun = await make("one unit delivered, the other ahead", 1, 20)
    over = await make("delivered, its time over", 2)
    disputed = await make("delivered, its time over, disputed", 2)
    absent = await make("no show", 2)
    cancelled = await make("cancelled", 12)
    await ok(await scene.mine(cancelled["id"], "cancel"))
    fresh = await make("delivered", 5)
    await scene.world.set_now(december(2) + timedelta(hours=2))
    for booking in (begun, over, disputed):
        await ok(await scene.theirs(booking["id"], "deliver"))
    await ok(await scene.theirs(absent["id"], "no_show"))
    await scene.world.execute(
        "UPDATE care.unit SET disputed = true WHERE booking_id = :id", id=ids.decode("bkg", disputed["id"])
    )
    await scene.world.set_now(december(5) + timedelta(hours=2))
    await ok(await scene.theirs(fresh["id"], "deliver"))
    await scene.world.set_now(december(8) + timedelta(hours=3))
    await make("requested", 22, confirm=False)
    return made


async def test_each_status_finds_the_bookings_that_show_it(scene: Scene, shelf: Shelf, december: December) -> None:
    made = await a_booking_of_each_kind(scene, december)
    names = {booking_id: name for name, booking_id in made.items()}
    shown = (await shelf.read())["data"]
    assert [booking["id"] for booking in shown] == list(made.values())[::-1]
    assert {names[booking["id"]]: booking["status"] for booking in shown} == {
        "one unit cancelled, the other never answered": "cancelled",
        "never answered": "expired",
        "declined": "declined",
        "confirmed": "confirmed",
        "one unit delivered, the other ahead": "in_progress",
        "delivered, its time over": "completed",
        "delivered, its time over, disputed": "delivered",
        "no show": "no_show",
        "cancelled": "cancelled",
        "delivered": "delivered",
        "requested": "requested",
    }
    for status in STATUSES:
        wanted = [booking["id"] for booking in shown if booking["status"] == status]
        assert (status, await shelf.found(status=status)) == (status, wanted)


async def test_a_status_is_read_page_by_page(scene: Scene, shelf: Shelf, december: December) -> None:
    made = await a_booking_of_each_kind(scene, december)
    first = await shelf.read(status="cancelled", limit=1)
    assert [booking["id"] for booking in first["data"]] == [made["cancelled"]]
    second = await shelf.read(status="cancelled", limit=1, cursor=first["next_cursor"])
    assert [booking["id"] for booking in second["data"]] == [made["one unit cancelled, the other never answered"]]
    assert second["next_cursor"] is None
    unknown = await scene.client.get(shelf.path, params={"status": "cancelled_late"}, headers=shelf.headers)
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (422, "/query/status")


async def test_days_are_those_of_units_in_rome(scene: Scene) -> None:
    """Midnight of 2 December in Rome is 23:00 UTC of the first."""
    midnight = datetime(2026, 12, 1, 23, tzinfo=UTC)
    before = (await scene.confirmed([await scene.slot(midnight - timedelta(minutes=1))]))["id"]
    at = (await scene.book([await scene.slot(midnight)]))["id"]
    both = (
        await scene.book([await scene.slot(midnight - timedelta(hours=1)), await scene.slot(midnight.replace(day=5))])
    )["id"]
    shelf = shelves(scene)["theirs"]
    assert await shelf.found() == [both, at, before]
    assert await shelf.found(date_from="2026-12-02") == [both, at]
    assert await shelf.found(date_to="2026-12-01") == [both, before]
    assert await shelf.found(date_from="2026-12-02", date_to="2026-12-02") == [at]
    assert await shelf.found(date_from="2026-12-03", date_to="2026-12-05") == []
    assert await shelf.found(date_from="2026-12-06", date_to="2026-12-06") == [both]
    assert await shelf.found(date_from="2026-12-01", date_to="2026-12-01", status="requested") == [both]
    assert await shelf.found(date_from="2026-12-01", date_to="2026-12-01", status="confirmed") == [before]
    odd = await scene.client.get(
        shelf.path, params={"date_from": "2026-12-02", "date_to": "2026-12-01"}, headers=shelf.headers
    )
    assert (odd.status_code, odd.json()["errors"][0]["code"]) == (422, "end_before_start")


# The rule in SQL and in Python, over every booking that could be stored


PASSED, AHEAD = NOW - timedelta(microseconds=1), NOW + timedelta(microseconds=1)
UNITS = (
    *((status, None, False) for status in ("requested", "confirmed", "declined", "expired", "cancelled")),
    *(("confirmed", at, False) for at in (PASSED, NOW, AHEAD)),
    *((status, None, False) for status in ("cancelled_late", "no_show", "completed")),
    *(("delivered", at, disputed) for at in (PASSED, NOW, AHEAD) for disputed in (False, True)),
)
"""(stored state, when it completes or is released by itself, whether disputed)."""
ANSWER_DUE = (None, PASSED, NOW, AHEAD)
# Raw: every stored state with every deadline, hundreds at once, also those that no road of the product leads to.
QUOTE = (
    "INSERT INTO care.quote (id, user_id, provider_id, offering_id, beneficiary_id, beneficiary_version, total_cents,"
    " credit_cents, own_money_cents, confirmation, response_hours, min_notice_hours, free_until_hours, late_fee_bps,"
    " no_show_fee_bps, vat_code, units, decisions, created_at, expires_at)"
    " VALUES (%(id)s, %(user)s, %(provider)s, %(offering)s, %(beneficiary)s, 1, 1, 0, 1, 'provider', 48, 0, 24, 0, 0,"
    " 'vat_5', '[]', '[]', %(at)s, %(at)s)"
)
BOOKING = (
    "INSERT INTO care.booking (id, quote_id, user_id, provider_id, offering_id, beneficiary_id, status,"
    " free_until_hours, late_fee_bps, no_show_fee_bps, confirm_by, created_at)"
    " VALUES (%(id)s, %(id)s, %(user)s, %(provider)s, %(offering)s, %(beneficiary)s, %(status)s, 24, 0, 0,"
    " %(confirm_by)s, %(at)s)"
)
UNIT = (
    "INSERT INTO care.unit (id, booking_id, provider_id, index, status, status_at, starts_at, ends_at, price_cents,"
    " vat_code, fee_funding, disputed, complete_at, completed_at) VALUES (%(unit)s, %(id)s, %(provider)s, %(index)s,"
    " %(state)s, %(at)s, %(end)s - interval '1 hour', %(end)s, 1, 'vat_5', 'out_of_pocket', %(disputed)s,"
    " %(complete_at)s, %(completed_at)s)"
)


def every_booking(scene: Scene) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Give bookings of one to three units in all states and deadlines: the row of each with those of its units."""
    for confirm_by in ANSWER_DUE:
        for count in (1, 2, 3):
            for units in combinations_with_replacement(UNITS, count):
                row = {
                    "id": ids.new_id(), "user": scene.person.user_id, "provider": scene.provider.id,
                    "offering": scene.offering_id, "beneficiary": scene.mother_id, "confirm_by": confirm_by, "at": NOW,
                    "status": booking_status(status for status, _, _ in units),
                }  # fmt: skip
                yield row, [
                    row | {
                        "unit": ids.new_id(), "index": index, "state": status, "disputed": disputed,
                        "complete_at": due if status == "delivered" else None,
                        "completed_at": NOW if status == "completed" else None, "end": _ends_at(status, due),
                    }
                    for index, (status, due, disputed) in enumerate(units)
                ]  # fmt: skip


def _ends_at(status: str, due: datetime | None) -> datetime:
    return due - timedelta(days=RELEASE_DAYS) if status == "confirmed" and due is not None else NOW + timedelta(hours=1)


@pytest.fixture
def everything(fresh_scene: Scene, cluster: Cluster, fresh_database_name: str) -> int:
    """Store every booking there could be, past the trigger that lets units begin open only; return how many."""
    made = list(every_booking(fresh_scene))
    with cluster.admin(fresh_database_name) as connection, connection.transaction(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE care.unit DISABLE TRIGGER unit_recorded")
        cursor.executemany(QUOTE, [row for row, _ in made])
        cursor.executemany(BOOKING, [row for row, _ in made])
        cursor.executemany(UNIT, [unit for _, units in made for unit in units])
    return len(made)


async def test_sql_and_python_agree_on_every_booking(
    fresh_scene: Scene, fresh_database: Database, everything: int
) -> None:
    user_id, provider_id = fresh_scene.person.user_id, fresh_scene.provider.id
    found: dict[str, dict[BookingStatus | None, set[UUID]]] = {"mine": {}, "theirs": {}}
    async with fresh_database.begin() as session:
        for status in (*STATUSES, None):
            unasked = dict.fromkeys(("offering_id", "starts_from", "starts_before", "updated_since"))
            asked: dict[str, Any] = unasked | {"now": NOW, "statuses": None if status is None else [status]}
            window = Window("-created_at", everything + 1)
            person = {"user_id": user_id, "beneficiary_id": None, "external_id": None, "needs_review": None}
            rows = (await queries.PERSON_BOOKINGS.page(session, window, **person, **asked)).rows
            found["mine"][status] = {row.id for row in rows}
            theirs = await queries.PROVIDER_BOOKINGS.page(session, window, provider_id=provider_id, **asked)
            found["theirs"][status] = {row.id for row in theirs.rows}
        units = await queries.units_of(session, [row.id for row in rows])
    assert len(rows) == everything == 4556
    shown: dict[BookingStatus | None, set[UUID]] = {status: set() for status in STATUSES}
    for row in rows:
        shown[Loaded(row, units[row.id], NOW).status].add(row.id)
    assert all(shown.values())
    shown[None] = {row.id for row in rows}
    assert found["mine"] == shown
    assert found["theirs"] == shown
