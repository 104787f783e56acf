"""The database refuses, not only the Python: each guard of bookings attacked as the application's role."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from itertools import product
from typing import get_args

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from app.bookings import state
from app.bookings.decisions import TRANSITIONS
from app.bookings.models import UnitStatus
from app.bookings.state import Move
from tests.bookings.scene import Scene

December = Callable[[int], datetime]


async def refused(scene: Scene, sql: str, **values: object) -> str:
    """Run a statement that must fail; return the guard that refused it."""
    async with scene.world.database.begin() as session:
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text(sql), values)
        await session.rollback()
    assert isinstance(caught.value.orig, psycopg.Error)
    return caught.value.orig.diag.constraint_name or type(caught.value.orig).__name__


async def test_the_database_knows_the_same_transitions(scene: Scene) -> None:
    rows = await scene.world.execute("SELECT from_status, to_status FROM care.unit_transition_rule")
    assert {(row[0], row[1]) for row in rows} == TRANSITIONS


async def test_move_makes_no_unlisted_change(scene: Scene, december: December) -> None:
    """Each of the 69 changes that do not exist is refused before a statement is sent."""
    booking = await scene.book([await scene.slot(december(2))])
    unlisted = set(product(get_args(UnitStatus), repeat=2)) - TRANSITIONS
    assert len(unlisted) == 69
    async with scene.world.database.begin() as session:
        booking_id = ids.decode("bkg", booking["id"])
        loaded = await state.load(session, booking_id, provider_id=scene.provider.id)
        (unit,) = loaded.units
        for before, after in unlisted:
            stored = replace(loaded, units=(replace(unit, status=before),))
            with pytest.raises(ValueError, match=f"from {before} to {after}"):
                await state.move(session, stored, [Move(unit.id, after, december(2), 0)], "booking.moved")
    history = await scene.world.execute("SELECT from_status, to_status FROM care.unit_transition")
    assert [tuple(row) for row in history] == [(None, "requested")]
    assert await scene.world.execute("SELECT type FROM event WHERE object_kind = 'booking'") == [("booking.requested",)]


async def test_unlisted_transition_is_refused(scene: Scene, december: December) -> None:
    booking = await scene.confirmed([await scene.slot(december(2))])
    unit_id = ids.decode("unt", booking["units"][0]["id"])
    sql = (
        "UPDATE care.unit SET status = 'completed', completed_at = :at, status_at = :at, complete_at = NULL"
        " WHERE id = :id"
    )
    assert await refused(scene, sql, id=unit_id, at=december(3)) == "unit_listed_transition"
    assert await scene.world.scalar("SELECT status FROM care.unit WHERE id = :id", id=unit_id) == "confirmed"


async def test_history_tells_every_state_in_order_and_never_changes(scene: Scene, december: December) -> None:
    booking = await scene.confirmed([await scene.slot(december(2))])
    await scene.mine(booking["id"], "cancel")
    rows = await scene.world.execute("SELECT from_status, to_status FROM care.unit_transition ORDER BY id")
    assert [tuple(row) for row in rows] == [
        (None, "requested"),
        ("requested", "confirmed"),
        ("confirmed", "cancelled"),
    ]
    assert await refused(scene, "DELETE FROM care.unit_transition") == "InsufficientPrivilege"
    assert await refused(scene, "UPDATE care.unit_transition SET to_status = 'x'") == "InsufficientPrivilege"


async def test_what_was_booked_never_changes(scene: Scene, december: December) -> None:
    await scene.confirmed([await scene.slot(december(2))])
    assert await refused(scene, "UPDATE care.unit SET price_cents = 1") == "unit_terms_fixed"
    assert await refused(scene, "DELETE FROM care.unit") == "InsufficientPrivilege"


async def test_a_unit_is_never_paid_in_part(scene: Scene, december: December) -> None:
    await scene.confirmed([await scene.slot(december(2))])
    mixed = "INSERT INTO care.leg (id, unit_id, source, amount_cents) SELECT :id, id, 'own_money', 100 FROM care.unit"
    assert await refused(scene, mixed, id=ids.new_id()) == "leg_whole_units"
    assert await refused(scene, "UPDATE care.leg SET amount_cents = amount_cents - 1") == "leg_whole_units"


async def test_a_unit_begins_open(scene: Scene, december: December) -> None:
    await scene.confirmed([await scene.slot(december(2))])
    sql = (
        "INSERT INTO care.unit (id, booking_id, provider_id, index, status, status_at, starts_at, ends_at,"
        " price_cents, vat_code, fee_funding) SELECT :id, booking_id, provider_id, 9, 'declined', status_at, starts_at,"
        " ends_at, price_cents, vat_code, fee_funding FROM care.unit"
    )
    assert await refused(scene, sql, id=ids.new_id()) == "unit_begins_open"


async def test_a_frozen_unit_never_completes(scene: Scene, december: December) -> None:
    booking = await scene.confirmed([await scene.slot(december(2))])
    await scene.world.set_now(december(3))
    await scene.theirs(booking["id"], "deliver")
    await scene.world.execute("UPDATE care.unit SET disputed = true")
    answer = await scene.mine(booking["id"], "acknowledge")
    assert (answer.status_code, answer.json()["code"]) == (409, "state_conflict")
    sql = (
        "UPDATE care.unit SET status = 'completed', complete_at = NULL, completed_at = :at, status_at = :at"
        " WHERE disputed"
    )
    assert await refused(scene, sql, at=december(3)) == "unit_frozen_never_completes"


async def test_one_leg_per_source(scene: Scene, december: December) -> None:
    await scene.confirmed([await scene.slot(december(2))])
    sql = (
        "INSERT INTO care.leg (id, unit_id, source, lot_id, hold_id, amount_cents, rule_code)"
        " SELECT :id, unit_id, source, lot_id, hold_id, amount_cents, rule_code FROM care.leg"
    )
    assert await refused(scene, sql, id=ids.new_id()) == "leg_one_per_source_key"


async def test_hr_has_no_way_into_care_in_sql(scene: Scene) -> None:
    for table in ("booking", "unit", "leg", "quote", "beneficiary", "unit_transition"):
        async with scene.world.database.begin("beatrice_hr") as session:
            with pytest.raises(DBAPIError) as caught:
                await session.execute(text(f"SELECT count(*) FROM care.{table}"))
            await session.rollback()
        assert isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
