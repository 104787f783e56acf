"""Deadlines carried out by sweeps: idempotent, booked at the instant that was due."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import httpx

from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from tests.bookings.scene import NOW, Scene, make_scene
from tests.conftest import Cluster
from tests.world import World

December = Callable[[int], datetime]


async def test_silence_expires_at_the_instant_it_was_due(
    fresh_scene: Scene, fresh_worker: Database, december: December
) -> None:
    scene = fresh_scene
    booking = await scene.book([await scene.slot(december(10)), await scene.slot(december(11))])
    await scene.world.set_now(NOW + timedelta(days=4))
    ran = await run_sweeps(fresh_worker, SWEEPS)
    assert ran["bookings.expire_unanswered"] == 1
    assert await scene.lots() == ((120_00, 0), (300_00, 0))
    assert await scene.world.scalar("SELECT sum(taken) FROM slot") == 0
    rows = await scene.world.execute("SELECT DISTINCT at FROM care.unit_transition WHERE to_status = 'expired'")
    assert [row[0].isoformat() for row in rows] == [
        datetime.fromisoformat(booking["confirm_by"]).astimezone(UTC).isoformat()
    ]
    assert "bookings.expire_unanswered" not in await run_sweeps(fresh_worker, SWEEPS)


async def test_delivered_completes_after_five_days(
    fresh_scene: Scene, fresh_worker: Database, december: December
) -> None:
    scene = fresh_scene
    booking = await scene.confirmed([await scene.slot(december(2))])
    await scene.world.set_now(december(3))
    await scene.theirs(booking["id"], "deliver")
    await scene.world.set_now(december(3) + timedelta(hours=121))
    path = f"/v1/me/bookings/{booking['id']}"
    before = (await scene.client.get(path, headers=scene.person.headers)).json()
    assert before["status"] == "completed"
    assert (await run_sweeps(fresh_worker, SWEEPS))["bookings.complete_delivered"] == 1
    assert (await scene.client.get(path, headers=scene.person.headers)).json() == before
    owed = "SELECT payable_at, completed_at, gross_cents FROM care.unit JOIN payable ON source_id = unit.id"
    (row,) = await scene.world.execute(owed)
    assert row[0] == row[1]
    assert row[2] == 22_50
    assert december(8) <= row[0] < december(8) + timedelta(minutes=1)


async def test_units_after_the_last_day_of_work_end_free(
    cluster: Cluster,
    fresh_database_name: str,
    fresh_world: World,
    fresh_client: httpx.AsyncClient,
    fresh_worker: Database,
    december: December,
) -> None:
    cluster.let_one_person_return(fresh_database_name)
    scene = await make_scene(fresh_world, fresh_client, leavers_rule="zero_at_leaving")
    booking = await scene.confirmed([await scene.slot(december(1)), await scene.slot(december(10))])
    await scene.world.execute(
        "UPDATE employee SET ended_on = :day WHERE id = :id", day=date(2026, 12, 1), id=scene.person.employee_id
    )
    await scene.world.set_now(december(2))
    await run_sweeps(fresh_worker, SWEEPS)
    read = await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)
    assert [unit["status"] for unit in read.json()["units"]] == ["confirmed", "cancelled"]
    assert await scene.lots() == ((0, 22_50), (0, 0))


async def test_sweeps_of_an_empty_world_do_nothing(fresh_worker: Database) -> None:
    assert await run_sweeps(fresh_worker, SWEEPS) == {}


async def test_units_after_a_providers_admission_end_free(
    fresh_scene: Scene, fresh_worker: Database, december: December
) -> None:
    """The employee did nothing: her credit comes back, and the day before the end is still delivered and paid."""
    scene = fresh_scene
    booking = await scene.confirmed([await scene.slot(december(day)) for day in (1, 8, 9)])
    await scene.world.set_now(december(1) + timedelta(hours=2))
    await scene.theirs(booking["id"], "deliver")
    ended = december(4)
    await scene.world.set_now(ended)
    await scene.world.execute(
        "UPDATE alliance_membership SET ended_on = :day WHERE organisation_id = :id",
        day=ended.date(), id=scene.provider.id,
    )  # fmt: skip
    assert (await run_sweeps(fresh_worker, SWEEPS))["bookings.cancel_lapsed_units"] == 2
    read = await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)
    assert [unit["status"] for unit in read.json()["units"]] == ["delivered", "cancelled", "cancelled"]
    assert await scene.lots() == ((97_50, 0), (300_00, 0))
    assert await scene.world.scalar("SELECT sum(taken) FROM slot") == 1
    at = await scene.world.execute("SELECT DISTINCT at FROM care.unit_transition WHERE to_status = 'cancelled'")
    assert at == [(datetime(2026, 12, 3, 23, tzinfo=UTC),)]
    assert "bookings.cancel_lapsed_units" not in await run_sweeps(fresh_worker, SWEEPS)
