"""The database refuses, not only the Python: each guard of disputes attacked as the application's role."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from tests.bookings.scene import Scene, make_scene
from tests.world import World

VISIT = datetime(2026, 12, 10, 9, tzinfo=UTC)


@pytest.fixture
async def scene(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    """Two delivered units, the first of them disputed."""
    made = await make_scene(fresh_world, fresh_client)
    booking = await made.confirmed([await made.slot(VISIT), await made.slot(VISIT)])
    await made.world.set_now(VISIT + timedelta(hours=2))
    await made.theirs(booking["id"], "deliver")
    body = {"unit_ids": [booking["units"][0]["id"]], "reason": "nessuno è venuto"}
    assert (await made.mine(booking["id"], "disputes", body)).status_code == 201
    return made


async def refused(scene: Scene, guard: str, *statements: str, **values: Any) -> None:
    """Run statements in one transaction that must fail, at the latest at its commit, by the guard named."""

    async def run() -> None:
        async with scene.world.database.begin() as session:
            for sql in statements:
                await session.execute(text(sql), values)

    with pytest.raises(DBAPIError) as caught:
        await run()
    assert isinstance(caught.value.orig, psycopg.Error)
    assert (caught.value.orig.diag.constraint_name or type(caught.value.orig).__name__) == guard


DECIDED = (
    "UPDATE care.dispute SET status = :status, refund_cents = :refund, decided_at = created_at, decided_by = :by,"
    " sealed_decision = sealed_reason"
)
THAWED = (
    "UPDATE care.unit SET disputed = false, dispute_decided_at = status_at, refunded_cents = :refund WHERE disputed"
)


async def test_a_disputed_unit_waits(scene: Scene) -> None:
    for change in (
        "status = 'confirmed', complete_at = NULL",
        "disputed = false",
        "refunded_cents = 1",
        "dispute_decided_at = status_at",
        "fee_cents = 1",
    ):
        with pytest.raises(DBAPIError) as caught:
            await scene.world.execute(f"UPDATE care.unit SET {change} WHERE disputed")
        assert caught.value.orig.diag.constraint_name in {  # type: ignore[union-attr]
            "unit_disputed_waits", "unit_disputed_once", "unit_refund_was_decided",
        }  # fmt: skip
    completed = "UPDATE care.unit SET status = 'completed', complete_at = NULL, completed_at = status_at WHERE disputed"
    await refused(scene, "unit_frozen_never_completes", completed)
    assert await scene.world.scalar("SELECT count(*) FROM care.unit WHERE disputed AND status = 'delivered'") == 1


async def test_what_was_decided_is_neither_marked_nor_disputed_again(scene: Scene) -> None:
    by = scene.operator.users["operator"]
    async with scene.world.database.begin() as session:
        await session.execute(text(THAWED), {"refund": 0})
        await session.execute(text(DECIDED), {"status": "rejected", "refund": 0, "by": by})
    decided = "WHERE dispute_decided_at IS NOT NULL"
    await refused(
        scene, "unit_disputed_waits", f"UPDATE care.unit SET status = 'confirmed', complete_at = NULL {decided}"
    )
    await refused(scene, "unit_disputed_once", f"UPDATE care.unit SET disputed = true {decided}")
    await refused(scene, "unit_disputed_waits", f"UPDATE care.unit SET refunded_cents = 1 {decided}")
    await refused(scene, "dispute_decided_once", DECIDED, status="upheld", refund=22_50, by=by)
    reopened = (
        "UPDATE care.dispute SET status = 'open', refund_cents = NULL, decided_at = NULL, decided_by = NULL,"
        " sealed_decision = NULL"
    )
    await refused(scene, "dispute_decided_once", reopened)
    assert await scene.world.scalar("SELECT status FROM care.dispute") == "rejected"


@pytest.mark.parametrize(
    ("status", "refund", "given_back", "guard"),
    [
        ("upheld", 22_49, 22_49, "dispute_refund_of_outcome"),
        ("partly_upheld", 22_50, 22_50, "dispute_refund_of_outcome"),
        ("rejected", 1, 1, "dispute_refund_of_outcome"),
        ("upheld", 22_50, 0, "dispute_is_its_units"),
        ("rejected", 0, 1, "dispute_is_its_units"),
    ],
)
async def test_what_is_given_back_is_what_was_decided(
    scene: Scene, status: str, refund: int, given_back: int, guard: str
) -> None:
    thawed = THAWED.replace(":refund", str(given_back))
    by = scene.operator.users["operator"]
    await refused(scene, guard, thawed, DECIDED, status=status, refund=refund, by=by)
    assert await scene.world.scalar("SELECT status FROM care.dispute") == "open"
    assert await scene.world.scalar("SELECT count(*) FROM care.unit WHERE disputed") == 1


async def test_a_decision_is_whole_and_anothers(scene: Scene) -> None:
    values = {"status": "rejected", "refund": 0}
    await refused(scene, "dispute_decided_by_another", DECIDED, **values, by=scene.person.user_id)
    await refused(scene, "dispute_decided_whole", "UPDATE care.dispute SET status = 'rejected', refund_cents = 0")
    await refused(scene, "dispute_is_its_units", DECIDED, **values, by=scene.operator.users["operator"])


async def test_a_dispute_and_its_units_stay(scene: Scene) -> None:
    await refused(scene, "InsufficientPrivilege", "UPDATE care.dispute SET contested_cents = 1")
    await refused(scene, "InsufficientPrivilege", "DELETE FROM care.dispute")
    await refused(scene, "InsufficientPrivilege", "DELETE FROM care.dispute_unit")
    again = "INSERT INTO care.dispute_unit SELECT unit_id, dispute_id, booking_id FROM care.dispute_unit"
    await refused(scene, "dispute_unit_pkey", again)
    empty = (
        "INSERT INTO care.dispute (id, booking_id, user_id, provider_id, status, sealed_reason, contested_cents,"
        " created_at, decide_by) SELECT :id, booking_id, user_id, provider_id, 'open', sealed_reason, 1, created_at,"
        " decide_by FROM care.dispute"
    )
    await refused(scene, "dispute_is_its_units", empty, id=ids.new_id())
    loose = (
        "INSERT INTO care.dispute_unit (unit_id, dispute_id, booking_id)"
        " SELECT unit.id, dispute.id, dispute.booking_id FROM care.unit, care.dispute WHERE NOT disputed"
    )
    await refused(scene, "dispute_is_its_units", loose)
    assert await scene.world.scalar("SELECT count(*) FROM care.dispute_unit") == 1
    foreign = loose.replace("dispute.booking_id FROM", ":other FROM")
    await refused(scene, "dispute_unit_booking_id_dispute_id_fkey", foreign, other=ids.new_id())


async def test_hr_sees_no_dispute_in_sql(scene: Scene) -> None:
    for table in ("dispute", "dispute_unit"):
        async with scene.world.database.begin("beatrice_hr") as session:
            with pytest.raises(DBAPIError) as caught:
                await session.execute(text(f"SELECT count(*) FROM care.{table}"))
            await session.rollback()
        assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
