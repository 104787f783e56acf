"""Seats have one writer: it takes all that is asked for or nothing, and gives back by holder."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.capacity import actions
from app.capacity.proof import PASSES
from app.ledger.verify import Difference
from tests.catalogue.shop import NOW
from tests.conftest import Cluster
from tests.world import Party, World

TAKE = text(
    "SELECT take_seats(CAST(:ids AS uuid[]), :kind, CAST(:holders AS uuid[]), CAST(:slots AS uuid[]),"
    " CAST(:seats AS integer[]), :bookable_from, :until, :at)"
)


@pytest.fixture
async def coop(world: World) -> Party:
    await world.set_now(NOW)
    return await world.provider("Cooperativa Esempio")


@pytest.fixture
async def slots(world: World, coop: Party) -> list[UUID]:
    """Two seats in 48 hours, one in 72."""
    offering_id = await world.offering(coop)
    return [
        await world.slot(coop, offering_id, NOW + timedelta(hours=48), capacity=2),
        await world.slot(coop, offering_id, NOW + timedelta(hours=72)),
    ]


async def take(session: AsyncSession, holders: Sequence[UUID], slots: Sequence[UUID], *seats: int, **more: Any) -> Any:
    values = {"kind": "unit", "bookable_from": NOW, "until": None, "at": NOW, **more}
    return await session.scalar(
        TAKE,
        {
            "ids": [ids.new_id() for _ in holders],
            "holders": list(holders),
            "slots": list(slots),
            "seats": list(seats) or [1] * len(slots),
            **values,
        },
    )


async def counted(session: AsyncSession) -> list[int]:
    return list((await session.scalars(text("SELECT taken FROM slot ORDER BY starts_at"))).all())


async def takings(session: AsyncSession) -> int:
    return int(await session.scalar(text("SELECT count(*) FROM taking")) or 0)


async def differences(session: AsyncSession) -> tuple[int, list[Difference]]:
    judged = await PASSES[0].statement.one(session, start=UUID(int=0), size=100, limit=10)
    return judged.size, judged.differences


def holders(count: int) -> list[UUID]:
    return [ids.new_id() for _ in range(count)]


async def test_seats_are_taken_and_given_back_by_their_holder(session: AsyncSession, slots: list[UUID]) -> None:
    one, two = holders(2)
    assert await take(session, [one, two], [slots[1], slots[0]]) is None
    assert await counted(session) == [1, 1]
    await actions.give_back(session, "unit", [], at=NOW)
    await actions.give_back(session, "unit", [two], at=NOW + timedelta(hours=1))
    assert await counted(session) == [0, 1]
    rows = await session.execute(
        text("SELECT holder_kind, holder_id, slot_id, seats, until, taken_at, ended_at FROM taking")
    )
    assert {tuple(row) for row in rows} == {
        ("unit", one, slots[1], 1, None, NOW, None),
        ("unit", two, slots[0], 1, None, NOW, NOW + timedelta(hours=1)),
    }
    assert await differences(session) == (2, [])


async def test_a_slot_asked_for_twice_needs_two_seats(session: AsyncSession, slots: list[UUID]) -> None:
    assert await take(session, holders(3), [slots[0]] * 3) == "slot_full"
    assert await take(session, holders(2), [slots[1]] * 2) == "slot_full"
    assert (await counted(session), await takings(session)) == ([0, 0], 0)
    pair = holders(2)
    assert await take(session, pair, [slots[0]] * 2) is None
    assert await counted(session) == [2, 0]
    await actions.give_back(session, "unit", pair, at=NOW)
    assert await counted(session) == [0, 0]


@pytest.mark.parametrize(
    ("before", "bookable_from", "refused"),
    [
        ("SELECT 1", NOW + timedelta(hours=72), "slot_closed"),
        ("SELECT 1", NOW + timedelta(hours=71, minutes=59), None),
        ("UPDATE slot SET status = 'cancelled' WHERE id = :last", NOW, "slot_closed"),
        ("SELECT give_back_seats('unit', '{}', :at)", NOW, None),
    ],
)
async def test_one_slot_that_is_closed_or_too_soon_refuses_all(
    session: AsyncSession, slots: list[UUID], before: str, bookable_from: Any, refused: str | None
) -> None:
    values = {"last": slots[1], "at": NOW}
    await session.execute(text(before), {name: values[name] for name in values if f":{name}" in before})
    soon = await take(session, holders(1), [slots[1]], bookable_from=bookable_from)
    assert soon == refused
    if refused is not None:
        both = await take(session, holders(2), slots, bookable_from=bookable_from)
        assert (both, await counted(session), await takings(session)) == (refused, [0, 0], 0)


async def test_a_slot_that_does_not_exist_is_refused(session: AsyncSession, slots: list[UUID]) -> None:
    assert await take(session, holders(2), [slots[0], ids.new_id()]) == "slot_closed"
    assert (await counted(session), await takings(session)) == ([0, 0], 0)


async def test_a_holder_may_have_several_seats_of_several_slots(session: AsyncSession, slots: list[UUID]) -> None:
    (holder,) = holders(1)
    until = NOW + timedelta(hours=4)
    assert await take(session, [holder] * 2, slots, 2, 1, kind="offer", until=until) is None
    assert await counted(session) == [2, 1]
    assert (await session.scalars(text("SELECT DISTINCT until FROM taking"))).all() == [until]
    await actions.give_back(session, "offer", [holder], at=NOW)
    assert await counted(session) == [0, 0]


async def test_nobody_gives_back_what_is_not_theirs(session: AsyncSession, slots: list[UUID]) -> None:
    one, two = holders(2)
    assert await take(session, [one, two], [slots[0], slots[0]]) is None
    await actions.give_back(session, "unit", [one], at=NOW)
    for kind, asked in (("unit", [one]), ("unit", [two, one]), ("offer", [two]), ("unit", holders(1))):
        with pytest.raises(IntegrityError) as refused:
            async with session.begin_nested():
                await actions.give_back(session, kind, asked, at=NOW)  # type: ignore[arg-type]
        assert refused.value.orig is not None
        assert refused.value.orig.diag.constraint_name == "taking_given_back_once"  # type: ignore[attr-defined]
    assert await counted(session) == [1, 0]


@pytest.mark.parametrize(
    ("kind", "seats", "constraint"), [("guest", 1, "taking_holder_known"), ("unit", -1, "taking_seats_positive")]
)
async def test_the_function_is_held_by_the_table(
    session: AsyncSession, slots: list[UUID], kind: str, seats: int, constraint: str
) -> None:
    with pytest.raises(IntegrityError) as refused:
        async with session.begin_nested():
            await take(session, holders(1), [slots[0]], seats, kind=kind)
    assert refused.value.orig is not None
    assert refused.value.orig.diag.constraint_name == constraint  # type: ignore[attr-defined]
    assert (await counted(session), await takings(session)) == ([0, 0], 0)


async def test_a_holder_takes_a_slot_once(session: AsyncSession, slots: list[UUID]) -> None:
    (holder,) = holders(1)
    assert await take(session, [holder], [slots[0]]) is None
    with pytest.raises(IntegrityError, match="taking_open_key"):
        async with session.begin_nested():
            await take(session, [holder], [slots[0]])
    assert await counted(session) == [1, 0]


async def test_the_companies_role_takes_nothing(session: AsyncSession) -> None:
    await session.execute(text("SELECT set_config('role', 'beatrice_hr', true)"))
    for call in ("take_seats('{}', 'unit', '{}', '{}', '{}', :at, NULL, :at)", "give_back_seats('unit', '{}', :at)"):
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with session.begin_nested():
                await session.execute(text(f"SELECT {call}"), {"at": NOW})


async def test_what_only_the_owner_can_do_is_refused_or_found(
    cluster: Cluster, fresh_database_name: str, fresh_world: World
) -> None:
    await fresh_world.set_now(NOW)
    coop = await fresh_world.provider("Cooperativa Esempio")
    slot_id = await fresh_world.slot(coop, await fresh_world.offering(coop), NOW + timedelta(hours=48), capacity=2)
    await fresh_world.take_seats(slot_id)
    with cluster.admin(fresh_database_name) as owner:
        for attack in ("UPDATE slot SET taken = capacity + 1", "UPDATE slot SET taken = -1"):
            with pytest.raises(psycopg.errors.CheckViolation) as refused:
                owner.execute(attack)
            assert refused.value.diag.constraint_name == "slot_taken_within_capacity"
            owner.rollback()
        owner.execute("UPDATE slot SET taken = 2")
    async with fresh_world.database.begin() as session:
        assert await differences(session) == (1, [Difference("slot", str(slot_id), "seats", 2, 1)])


async def test_two_hundred_at_once_on_fifty_seats_are_exactly_fifty(fresh_world: World) -> None:
    await fresh_world.set_now(NOW)
    coop = await fresh_world.provider("Cooperativa Esempio")
    offering_id = await fresh_world.offering(coop)
    many = [await fresh_world.slot(coop, offering_id, NOW + timedelta(hours=48), capacity=50) for _ in range(2)]

    async def both(index: int) -> object:
        async with fresh_world.database.begin() as session:
            return await take(session, holders(2), many if index % 2 else many[::-1])

    outcome = Counter(await asyncio.gather(*(both(index) for index in range(200))))
    assert outcome == {None: 50, "slot_full": 150}
    assert await fresh_world.execute("SELECT taken FROM slot") == [(50,), (50,)]
    assert await fresh_world.scalar("SELECT sum(seats) FROM taking WHERE ended_at IS NULL") == 100
