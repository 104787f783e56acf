"""Whoever ends several bookings locks bookings, accounts and slots in the one order: nothing waits in a circle."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from app import clock, ids
from app.actor import Actor
from app.beneficiaries.schemas import BeneficiaryUpdate
from app.bookings import employee_actions, provider_actions, reviewing
from app.bookings.booking import book
from app.bookings.jobs import SWEEPS
from app.db import Database
from app.errors import AppError
from tests.bookings.scene import NOW, Scene, make_scene
from tests.world import World

STARTS = datetime(2026, 12, 10, 9, tzinfo=UTC)
PEOPLE = 8


async def book_all(scene: Scene, slots: list[str]) -> list[dict[str, Any]]:
    """Let people of their own book the same slots, each with credit of her own."""
    booked = []
    for _ in range(PEOPLE):
        scene.person = await scene.world.employee(scene.company)
        scene.mother_id = scene.person.beneficiary_id
        await scene.world.lot(scene.company, scene.person, 100_00, date(2026, 12, 31))
        booked.append(await scene.book(slots) | {"user_id": scene.person.user_id})
    return booked


async def outcome(database: Database, at: datetime, function: Any, *arguments: Any, **named: Any) -> str:
    """Without the route's retries a deadlock would come out of here."""
    try:
        async with database.begin() as session:
            with clock.at(at):
                await function(session, *arguments, **named)
    except AppError as refusal:
        return refusal.code
    return "done"


async def ended(scene: Scene, status: str) -> None:
    """All units ended in this way, nothing is held and no seat is taken."""
    assert await scene.world.execute("SELECT DISTINCT status FROM care.unit") == [(status,)]
    assert await scene.world.scalar("SELECT sum(held_cents) FROM ledger.account") == 0
    assert await scene.world.scalar("SELECT sum(taken) FROM slot") == 0


async def test_a_slot_is_cancelled_while_everybody_cancels(
    fresh_world: World, fresh_client: httpx.AsyncClient, fresh_database: Database
) -> None:
    scene = await make_scene(fresh_world, fresh_client)
    slots = [await scene.slot(STARTS + timedelta(days=day), PEOPLE) for day in range(2)]
    booked = await book_all(scene, slots)
    outcomes = await asyncio.gather(
        outcome(
            fresh_database, NOW, provider_actions.cancel_slot, scene.provider.id, ids.decode("slt", slots[0]), "ill"
        ),
        *(
            outcome(
                fresh_database, NOW, employee_actions.cancel, one["user_id"], ids.decode("bkg", one["id"]), None, None
            )
            for one in booked
        ),
        outcome(
            fresh_database, NOW, provider_actions.cancel_slot, scene.provider.id, ids.decode("slt", slots[1]), "ill"
        ),
    )
    assert set(outcomes) <= {"done", "already_resolved", "state_conflict"}
    assert (outcomes[0], outcomes[-1]) == ("done", "done")
    await ended(scene, "cancelled")


async def test_silence_is_swept_while_everybody_cancels(
    fresh_world: World, fresh_client: httpx.AsyncClient, fresh_database: Database
) -> None:
    scene = await make_scene(fresh_world, fresh_client)
    slots = [await scene.slot(STARTS + timedelta(days=day), PEOPLE) for day in range(2)]
    booked = await book_all(scene, slots)
    late = NOW + timedelta(days=3)
    outcomes = await asyncio.gather(
        outcome(fresh_database, late, SWEEPS[0].run, late),
        *(
            outcome(
                fresh_database, NOW, employee_actions.cancel, one["user_id"], ids.decode("bkg", one["id"]), None, None
            )
            for one in reversed(booked)
        ),
        outcome(
            fresh_database, NOW, provider_actions.cancel_slot, scene.provider.id, ids.decode("slt", slots[1]), "ill"
        ),
    )
    assert set(outcomes) <= {"done", "already_resolved", "state_conflict"}
    assert outcomes[0] == "done"
    assert await scene.world.scalar("SELECT sum(held_cents) FROM ledger.account") == 0
    assert await scene.world.scalar("SELECT sum(taken) FROM slot") == 0


async def test_nothing_is_booked_on_facts_that_are_changing(fresh_scene: Scene, fresh_database: Database) -> None:
    """Either a booking sees the new facts and is refused, or the change sees the booking and flags it."""
    scene = fresh_scene
    slots = [await scene.slot(STARTS + timedelta(days=day)) for day in range(5)]
    quotes = [ids.decode("qte", (await scene.quote([slot])).json()["id"]) for slot in slots]
    actor = Actor("user", scene.person.user_id)
    gone = BeneficiaryUpdate.model_validate({"cohabitation": []})
    half = len(quotes) // 2
    outcomes = await asyncio.gather(
        *(outcome(fresh_database, NOW, book, scene.person.user_id, one, None) for one in quotes[:half]),
        outcome(fresh_database, NOW, reviewing.change_facts, actor, scene.mother_id, 1, gone),
        *(outcome(fresh_database, NOW, book, scene.person.user_id, one, None) for one in quotes[half:]),
    )
    assert outcomes[half] == "done"
    assert set(outcomes) <= {"done", "beneficiary_not_eligible"}
    flagged = await scene.world.execute("SELECT needs_review FROM care.unit")
    assert flagged == [(True,)] * (outcomes.count("done") - 1)
