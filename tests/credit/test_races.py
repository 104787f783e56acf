"""Real commits at once: credit is spent once, sweeps and releases agree, nothing deadlocks."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

from app import clock
from app.credit import actions, queries
from app.credit.actions import Capture, InsufficientCredit
from app.credit.jobs import SWEEPS
from app.ledger.verify import verify
from tests.credit.stage import EXPIRES, NOON, Stage

MIDNIGHT = clock.midnight(EXPIRES)
EXPIRY, _, REVOKED, *_ = SWEEPS


async def outcome(act: Awaitable[Any]) -> str:
    try:
        await act
    except InsufficientCredit as refusal:
        return f"{refusal.members['available_cents']}"
    return "placed"


async def test_e3_one_of_two_bookings_gets_the_credit(fresh_stage: Stage) -> None:
    stage = fresh_stage
    a = await stage.lot(120_00)
    b = await stage.lot(300_00, name="B")

    def book(*parts: tuple[Any, int]) -> Awaitable[Any]:
        holds = [stage.hold(lot, cents) for lot, cents in parts]
        return stage.act(NOON, actions.place, stage.person.user_id, holds, at=NOON)

    # in opposite order of lots: the function orders its locks
    outcomes = await asyncio.gather(
        *(outcome(book(*parts)) for parts in 4 * [((a, 120_00), (b, 130_00)), ((b, 130_00), (a, 120_00))])
    )
    assert sorted(outcomes) == sorted(["placed", *["17000"] * 7])
    assert await stage.lots() == {a: (120_00, 120_00), b: (300_00, 130_00)}


async def test_sweep_release_and_capture_at_midnight_leave_nothing_behind(fresh_stage: Stage) -> None:
    stage = fresh_stage
    lots = [await stage.lot(30_00, name=f"L{number}") for number in range(6)]
    visits = [stage.hold(lot, 10_00) for lot in lots for _ in range(2)]
    await stage.act(NOON, actions.place, stage.person.user_id, visits, at=NOON)
    before = MIDNIGHT - timedelta(seconds=1)
    await asyncio.gather(
        *(
            stage.act(at, actions.release, [visits[2 * each].hold_id], at=at, caused_by_employee=True)
            for each, at in enumerate([before, MIDNIGHT] * 3)
        ),
        *(
            stage.act(MIDNIGHT, actions.capture, [Capture(visits[2 * each + 1].hold_id, 4_00)], at=MIDNIGHT)
            for each in range(6)
        ),
        stage.sweep(EXPIRY, MIDNIGHT),
        stage.sweep(EXPIRY, MIDNIGHT),
    )
    await stage.sweep(EXPIRY, MIDNIGHT)
    assert await stage.lots() == dict.fromkeys(lots, (0, 0))
    assert (await stage.balance(), await stage.fund()) == (1_000_00 - 180_00, 180_00 - 6 * 4_00)
    async with stage.database.begin() as session:
        assert (await verify(session)).ok


async def test_revocation_races_with_bookings_on_the_same_lots(fresh_stage: Stage) -> None:
    stage = fresh_stage
    lot_id = await stage.lot(100_00)
    grant_id = await stage.world.scalar("SELECT grant_id FROM lot")

    def book() -> Awaitable[Any]:
        return outcome(stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(lot_id, 10_00)], at=NOON))

    outcomes = await asyncio.gather(
        *(book() for _ in range(4)), outcome(stage.revoke(grant_id, NOON)), *(book() for _ in range(3))
    )
    placed = outcomes[:4].count("placed") + outcomes[5:].count("placed")
    assert [each for each in outcomes if each not in {"placed", "0"}] == []
    assert await stage.sweep(REVOKED, NOON) == 1
    assert await stage.lots() == {lot_id: (placed * 10_00, placed * 10_00)}
    assert (await stage.balance(), await stage.fund()) == (900_00, 100_00 - placed * 10_00)


async def test_revocation_and_the_sweep_that_ends_a_leavers_lot(fresh_stage: Stage) -> None:
    """The sweep has the lot first: the revocation waits for it and finds nothing to take."""
    stage = fresh_stage
    lot_id = await stage.lot(100_00, leavers_rule="zero_at_leaving")
    grant_id = await stage.world.scalar("SELECT grant_id FROM lot WHERE id = :id", id=lot_id)
    left = clock.day_of(NOON)
    await stage.world.execute("UPDATE employee SET ended_on = :day WHERE user_id <> id", day=left)
    after = clock.end_of(left)
    async with stage.database.begin() as sweeping:
        lots = await queries.lots_of_leavers(sweeping, clock.day_of(after), 10)
        assert [lot.id for lot in lots] == [lot_id]
        revoking = asyncio.create_task(stage.revoke(grant_id, after))
        await actions.end_lots(sweeping, {lot.id: (lot, after) for lot in lots})
    assert await revoking == 9
    assert await stage.sweep(REVOKED, after) == 9
    assert await stage.lots() == {lot_id: (0, 0)}
    assert await stage.returned() == 1_000_00
