"""A6: a silent (or friendly) provider and the last day of a lot made credit that never expires."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from app import api, clock, ids
from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from app.ledger.verify import verify
from tests.bookings.scene import Scene, make_scene
from tests.world import World

LAST_DAY = date(2026, 12, 31)


@pytest.fixture
async def scene(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    return await make_scene(fresh_world, fresh_client)


async def wallet(scene: Scene) -> list[dict[str, Any]]:
    answer = await scene.client.get("/v1/me/wallet", headers=scene.person.headers)
    found: list[dict[str, Any]] = answer.json()["lots"]
    return found


async def graces(scene: Scene) -> list[tuple[str, str, int]]:
    """(first day, last day, available) of each grace lot."""
    return [
        (lot["valid_from"], lot["expires_on"], lot["available_cents"])
        for lot in await wallet(scene)
        if lot["kind"] == "grace"
    ]


async def ask_and_wait(scene: Scene, worker: Database, day: datetime) -> None:
    """Request a unit some hours before it begins, at a provider that says nothing."""
    slot = await scene.slot(day)
    await scene.world.set_now(day - timedelta(hours=4))
    booking = await scene.book([slot])
    assert booking["status"] == "requested"
    await scene.world.set_now(day + timedelta(hours=1))
    assert (await run_sweeps(worker, SWEEPS))["bookings.expire_unanswered"] == 1


async def test_silence_in_the_last_days_gains_two_weeks_once(scene: Scene, fresh_worker: Database) -> None:
    await ask_and_wait(scene, fresh_worker, datetime(2026, 12, 31, 18, tzinfo=UTC))
    assert await graces(scene) == [("2026-12-31", "2027-01-14", 22_50)]
    # The same again on the grace lot's last evening: it keeps its day, and what is left expires with it.
    await ask_and_wait(scene, fresh_worker, datetime(2027, 1, 14, 18, tzinfo=UTC))
    assert await graces(scene) == [("2026-12-31", "2027-01-14", 22_50)]
    await scene.world.set_now(datetime(2027, 1, 15, 8, tzinfo=UTC))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await graces(scene) == [("2026-12-31", "2027-01-14", 0)]
    assert sum(lot["expired_cents"] for lot in await wallet(scene) if lot["kind"] == "grace") == 22_50


async def test_a_request_made_in_time_that_nobody_answered_gets_the_whole_grace(
    scene: Scene, fresh_worker: Database
) -> None:
    await scene.world.execute("UPDATE offering SET response_hours = 720")
    slot = await scene.slot(datetime(2026, 12, 30, 18, tzinfo=UTC))
    await scene.world.set_now(datetime(2026, 12, 24, 22, tzinfo=UTC))  # 23:00 in Rome: seven days before the last
    await scene.book([slot])
    await scene.world.set_now(datetime(2026, 12, 30, 19, tzinfo=UTC))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await graces(scene) == [("2026-12-30", "2027-02-28", 22_50)]


async def test_cancelling_the_slot_instead_of_answering_gains_no_more(scene: Scene) -> None:
    day = datetime(2026, 12, 31, 18, tzinfo=UTC)
    slot = await scene.slot(day)
    await scene.world.set_now(day - timedelta(hours=4))
    await scene.book([slot])
    await scene.world.set_now(day + timedelta(hours=1))
    answer = await scene.client.post(
        f"/v1/providers/{scene.provider.public_id}/slots/{slot}/cancel",
        headers=scene.provider.headers["manager"] | scene.key(),
    )
    assert answer.status_code == 200, answer.text
    assert await graces(scene) == [("2026-12-31", "2027-01-14", 22_50)]


async def test_a_friendly_provider_gives_grace_once(scene: Scene, fresh_worker: Database) -> None:
    first = datetime(2026, 12, 31, 18, tzinfo=UTC)
    booking = await scene.confirmed([await scene.slot(first)])
    await scene.world.set_now(first - timedelta(hours=1))
    await scene.theirs(booking["id"], "cancel", {"reason": "malattia"})
    grace = ("2026-12-31", "2027-03-01", 22_50)
    assert await graces(scene) == [grace]
    await scene.world.set_now(datetime(2027, 2, 20, 8, tzinfo=UTC))
    second = datetime(2027, 3, 1, 18, tzinfo=UTC)
    booking = await scene.confirmed([await scene.slot(second)])
    assert await graces(scene) == [(*grace[:2], 0)]
    await scene.world.set_now(second - timedelta(hours=1))
    await scene.theirs(booking["id"], "cancel", {"reason": "malattia"})
    assert await graces(scene) == [grace]
    # A cancellation after the last day sends it where the programme says.
    third = await scene.confirmed([await scene.slot(second + timedelta(minutes=30))])
    await scene.world.set_now(datetime(2027, 3, 2, 8, tzinfo=UTC))
    await scene.theirs(third["id"], "cancel", {"reason": "malattia"})
    assert await graces(scene) == [(*grace[:2], 0)]
    expired = [lot["expired_cents"] for lot in await wallet(scene) if lot["kind"] == "grace"]
    assert expired == [22_50]
    async with fresh_worker.begin("beatrice_worker") as session:
        assert (await verify(session, api.PASSES)).differences == []


async def test_the_database_refuses_a_longer_grace_of_grace(scene: Scene) -> None:
    day = datetime(2026, 12, 31, 18, tzinfo=UTC)
    booking = await scene.confirmed([await scene.slot(day)])
    await scene.world.set_now(day - timedelta(hours=1))
    await scene.theirs(booking["id"], "cancel", {"reason": "malattia"})
    grace_id = await scene.world.scalar("SELECT id FROM lot WHERE kind = 'grace'")
    new_id = ids.new_id()
    # Attack: a grace of a grace
    account = "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, 'lot', :id, :at)"
    lot = (
        # Attack: a grace of a grace
        "INSERT INTO lot (id, source_id, company_id, employee_id, grant_id, kind, grace_of, amount_cents, valid_from,"
        " expires_on, grace_until, created_at) SELECT :id, source_id, company_id, employee_id, grant_id, 'grace', id,"
        " amount_cents, valid_from, expires_on + 1, grace_until + :more, created_at FROM lot WHERE id = :origin"
    )
    await scene.world.execute(account, id=new_id, at=clock.now())
    for more, guard in ((1, "lot_grace_never_chains"), (0, "lot_grace_ends")):
        with pytest.raises(DBAPIError) as caught:
            await scene.world.execute(lot, id=new_id, origin=grace_id, more=more)
        assert caught.value.orig.diag.constraint_name == guard  # type: ignore[union-attr]
    assert await scene.world.scalar("SELECT count(*) FROM lot WHERE kind = 'grace'") == 1
