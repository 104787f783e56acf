"""Placing, releasing, capturing and refunding credit, and what becomes of it when its lot is over."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from app import clock
from app.credit import actions
from app.credit.actions import Capture, InsufficientCredit, Refund
from app.credit.jobs import SWEEPS
from app.db import open_unit_of_work
from app.ledger.errors import AlreadyReversed, HoldEnded
from tests.credit.stage import EXPIRES, LAST_DAY, NOON, Stage

MIDNIGHT = clock.midnight(EXPIRES)
LATER = MIDNIGHT + timedelta(days=4, hours=10)
EXPIRY, LEAVING, *_ = SWEEPS


async def successor(stage: Stage, lot_id: UUID) -> tuple[UUID, int, date, date]:
    rows = await stage.world.execute(
        "SELECT id, amount_cents, valid_from, expires_on FROM lot WHERE grace_of = :id", id=lot_id
    )
    assert len(rows) == 1
    row = rows[0]
    return row.id, row.amount_cents, row.valid_from, row.expires_on


async def test_e1_lot_arithmetic(stage: Stage) -> None:
    a = await stage.lot(120_00)
    b = await stage.lot(300_00, lot_expires_on=date(2027, 5, 31))
    visits = [stage.hold(a, 22_50) for _ in range(5)]
    await stage.act(NOON, actions.place, stage.person.user_id, visits, at=NOON)
    assert await stage.lots() == {a: (120_00, 112_50), b: (300_00, 0)}

    await stage.act(NOON, actions.release, [visits[0].hold_id], at=NOON, caused_by_employee=True)
    assert await stage.lots() == {a: (120_00, 90_00), b: (300_00, 0)}

    await stage.act(NOON, actions.capture, [Capture(visits[1].hold_id, 11_25)], at=NOON)
    await stage.act(NOON, actions.capture, [Capture(visit.hold_id) for visit in visits[2:]], at=NOON)
    assert await stage.lots() == {a: (120_00 - 78_75, 0), b: (300_00, 0)}

    assert await stage.sweep(EXPIRY, MIDNIGHT) == 1
    assert await stage.lots() == {a: (0, 0), b: (300_00, 0)}
    assert (await stage.balance(), await stage.fund()) == (1_000_00 - 420_00, 41_25)


async def test_e3_refusal_names_what_is_left_and_changes_nothing(stage: Stage) -> None:
    a = await stage.lot(120_00)
    b = await stage.lot(300_00, lot_expires_on=date(2027, 5, 31))
    first = [stage.hold(a, 120_00), stage.hold(b, 130_00)]
    await stage.act(NOON, actions.place, stage.person.user_id, first, at=NOON)
    before = await stage.lots()
    with pytest.raises(InsufficientCredit) as refusal:
        await stage.act(
            NOON, actions.place, stage.person.user_id, [stage.hold(b, 130_00), stage.hold(a, 120_00)], at=NOON
        )
    assert refusal.value.members == {"available_cents": 170_00}
    assert await stage.lots() == before
    assert len(await stage.world.execute("SELECT 1 FROM ledger.hold")) == 2


async def test_several_holds_on_one_lot_are_counted_together(stage: Stage) -> None:
    a = await stage.lot(100_00)
    with pytest.raises(InsufficientCredit) as refusal:
        await stage.act(
            NOON, actions.place, stage.person.user_id, [stage.hold(a, 60_00), stage.hold(a, 40_01)], at=NOON
        )
    assert refusal.value.members == {"available_cents": 100_00}
    assert await stage.lots() == {a: (100_00, 0)}


async def test_a_foreign_lot_pays_nothing(stage: Stage) -> None:
    other = await stage.world.employee(stage.company)
    theirs = await stage.lot(100_00, other)
    with pytest.raises(InsufficientCredit) as refusal:
        await stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(theirs, 1)], at=NOON)
    assert refusal.value.members == {"available_cents": 0}
    assert await stage.lots() == {theirs: (100_00, 0)}


async def test_a_lot_dies_at_midnight_in_rome(stage: Stage) -> None:
    a = await stage.lot(100_00)
    last_moment = MIDNIGHT - timedelta(minutes=1)
    await stage.act(last_moment, actions.place, stage.person.user_id, [stage.hold(a, 10_00)], at=last_moment)
    with pytest.raises(InsufficientCredit) as refusal:
        await stage.act(MIDNIGHT, actions.place, stage.person.user_id, [stage.hold(a, 10_00)], at=MIDNIGHT)
    assert refusal.value.members == {"available_cents": 0}
    usable = await stage.act(last_moment, actions.usable_lots, stage.person.user_id)
    assert [(lot.id, lot.available_cents) for lot in usable] == [(a, 90_00)]
    assert await stage.act(MIDNIGHT, actions.usable_lots, stage.person.user_id) == []


async def test_usable_lots_say_what_the_planner_asks(stage: Stage) -> None:
    a = await stage.lot(100_00, rule_codes=["C2_F", "C2_F_TER"], fee_funding="from_credit")
    await stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(a, 30_00)], at=NOON)
    assert await stage.act(NOON, actions.usable_lots, stage.person.user_id) == [
        actions.UsableLot(
            id=a,
            available_cents=70_00,
            valid_from=clock.day_of(NOON),
            expires_on=LAST_DAY,
            company_id=stage.company.id,
            employee_id=stage.person.employee_id,
            rule_codes=["C2_F", "C2_F_TER"],
            categories=None,
            validity_basis="service_date",
            relatives_reading="strict",
            fee_funding="from_credit",
            kind="grant",
        )
    ]


@pytest.mark.parametrize("swept", [False, True])
async def test_release_by_the_employee_after_expiry_expires_at_once(stage: Stage, swept: bool) -> None:  # noqa: FBT001
    a = await stage.lot(100_00)
    visits = [stage.hold(a, 20_00), stage.hold(a, 30_00)]
    await stage.act(NOON, actions.place, stage.person.user_id, visits, at=NOON)
    if swept:
        assert await stage.sweep(EXPIRY, MIDNIGHT) == 1
    await stage.act(LATER, actions.release, [visit.hold_id for visit in visits], at=LATER, caused_by_employee=True)
    if not swept:
        assert await stage.lots() == {a: (50_00, 0)}
        assert await stage.sweep(EXPIRY, LATER) == 1
    assert await stage.lots() == {a: (0, 0)}
    assert (await stage.balance(), await stage.fund()) == (900_00, 100_00)
    reasons = [transfer for transfer in await stage.transfers() if transfer[0] == "expired"]
    assert reasons == [("expired", 50_00), ("expired", 50_00)]


async def test_sweep_books_once_at_the_midnight_it_was_due(stage: Stage) -> None:
    a = await stage.lot(100_00)
    assert await stage.sweep(EXPIRY, MIDNIGHT - timedelta(seconds=1)) == 0
    assert await stage.sweep(EXPIRY, LATER) == 1
    assert await stage.sweep(EXPIRY, LATER) == 0
    assert await stage.world.scalar("SELECT event_at FROM ledger.transfer WHERE from_account_id = :a", a=a) == MIDNIGHT
    assert (await stage.balance(), await stage.fund()) == (900_00, 100_00)
    assert await stage.world.scalar("SELECT ended_at FROM lot WHERE id = :a", a=a) == MIDNIGHT


async def test_held_credit_outlives_its_lot_and_is_captured(stage: Stage) -> None:
    a = await stage.lot(100_00)
    visit = stage.hold(a, 20_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.sweep(EXPIRY, MIDNIGHT)
    assert await stage.lots() == {a: (20_00, 20_00)}
    await stage.act(LATER, actions.capture, [Capture(visit.hold_id)], at=LATER)
    assert await stage.lots() == {a: (0, 0)}


async def test_partial_capture_after_expiry_expires_the_rest(stage: Stage) -> None:
    a = await stage.lot(100_00)
    visit = stage.hold(a, 22_50)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.sweep(EXPIRY, MIDNIGHT)
    await stage.act(LATER, actions.capture, [Capture(visit.hold_id, 11_25)], at=LATER, reason="fee")
    assert await stage.lots() == {a: (0, 0)}
    assert (await stage.balance(), await stage.fund()) == (900_00, 100_00 - 11_25)


@pytest.mark.parametrize(
    ("day", "graced"), [(date(2026, 12, 24), False), (date(2026, 12, 25), True), (date(2027, 1, 5), True)]
)
async def test_release_by_others_in_the_last_days_makes_one_grace_lot(
    stage: Stage,
    day: date,
    graced: bool,  # noqa: FBT001
) -> None:
    a = await stage.lot(200_00)
    visits = [stage.hold(a, 62_00), stage.hold(a, 62_00)]
    at = clock.midnight(day) + timedelta(hours=9)
    await stage.act(NOON, actions.place, stage.person.user_id, visits, at=NOON)
    await stage.act(at, actions.release, [visit.hold_id for visit in visits], at=at, caused_by_employee=False)
    if graced:
        lot_id, amount, valid_from, expires_on = await successor(stage, a)
        assert (amount, valid_from, expires_on) == (124_00, day, day + timedelta(days=60))
        assert await stage.lots() == {a: (76_00, 0), lot_id: (124_00, 0)}
        usable = await stage.act(at, actions.usable_lots, stage.person.user_id)
        assert (lot_id, "grace", 124_00) in [(lot.id, lot.kind, lot.available_cents) for lot in usable]
    else:
        assert await stage.lots() == {a: (200_00, 0)}


@pytest.mark.parametrize(("day", "graced"), [(date(2026, 12, 21), False), (date(2026, 12, 22), True)])
async def test_a_programme_may_have_terms_of_grace_of_its_own(
    stage: Stage,
    day: date,
    graced: bool,  # noqa: FBT001
) -> None:
    a, world, by = await stage.lot(200_00), stage.world, stage.company.users["hr"]
    programme_id = await world.scalar("SELECT source_id FROM lot WHERE id = :id", id=a)
    await world.say(by, "grace_days", 30, NOON.date(), organisation_id=stage.company.id)
    await world.say(by, "grace_days", 90, NOON.date(), programme_id=programme_id)
    await world.say(by, "grace_window_days", 10, NOON.date(), organisation_id=stage.company.id)
    visit = stage.hold(a, 62_00)
    at = clock.midnight(day) + timedelta(hours=9)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.act(at, actions.release, [visit.hold_id], at=at, caused_by_employee=False)
    if graced:
        assert (await successor(stage, a))[1:] == (62_00, day, day + timedelta(days=90))
    else:
        assert await stage.lots() == {a: (200_00, 0)}


async def test_e15_refund_after_expiry_is_a_grace_lot_until_6_march(stage: Stage) -> None:
    a = await stage.lot(120_00)
    visit = stage.hold(a, 22_50)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.act(NOON, actions.capture, [Capture(visit.hold_id)], at=NOON)
    await stage.sweep(EXPIRY, MIDNIGHT)
    won = clock.midnight(date(2027, 1, 5)) + timedelta(hours=12)
    await stage.act(won, actions.refund, [Refund(visit.hold_id)], at=won)
    lot_id, amount, _, expires_on = await successor(stage, a)
    assert (amount, expires_on) == (22_50, date(2027, 3, 6))
    assert await stage.lots() == {a: (0, 0), lot_id: (22_50, 0)}
    with pytest.raises(AlreadyReversed):
        await stage.act(won, actions.refund, [Refund(visit.hold_id)], at=won)
    assert await stage.lots() == {a: (0, 0), lot_id: (22_50, 0)}


async def test_refund_into_a_living_lot_stays_there(stage: Stage) -> None:
    a = await stage.lot(120_00)
    visit = stage.hold(a, 22_50)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.act(NOON, actions.capture, [Capture(visit.hold_id)], at=NOON)
    await stage.act(NOON, actions.refund, [Refund(visit.hold_id, 10_00)], at=NOON)
    assert await stage.lots() == {a: (107_50, 0)}


async def test_reverting_a_delivery_holds_the_same_credit_again_even_in_a_dead_lot(stage: Stage) -> None:
    a = await stage.lot(120_00)
    visit = stage.hold(a, 22_50)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.act(NOON, actions.capture, [Capture(visit.hold_id)], at=NOON)
    await stage.sweep(EXPIRY, MIDNIGHT)
    with pytest.raises(ValueError, match="differ"):
        await stage.act(LATER, actions.reverse_captures, [visit.hold_id], [stage.hold(a, 22_49)], at=LATER)
    await stage.act(LATER, actions.reverse_captures, [visit.hold_id], [stage.hold(a, 22_50)], at=LATER)
    assert await stage.lots() == {a: (22_50, 22_50)}


async def test_a_hold_is_released_once(stage: Stage) -> None:
    a = await stage.lot(120_00)
    visit = stage.hold(a, 22_50)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.act(NOON, actions.release, [visit.hold_id], at=NOON, caused_by_employee=True)
    with pytest.raises(HoldEnded):
        await stage.act(NOON, actions.release, [visit.hold_id], at=NOON, caused_by_employee=True)
    assert await stage.lots() == {a: (120_00, 0)}


async def test_e10_leaver(stage: Stage) -> None:
    on_top = await stage.lot(300_00, leavers_rule="zero_at_leaving", lot_expires_on=date(2027, 5, 31))
    agreed = await stage.lot(
        250_00, source="collective_agreement", expired_credit_to="solidarity_fund", lot_expires_on=date(2027, 5, 31)
    )
    visit = stage.hold(on_top, 45_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.world.execute("UPDATE employee SET ended_on = '2026-11-30' WHERE id = :id", id=stage.person.employee_id)
    first = clock.midnight(date(2026, 12, 1))
    usable = await stage.act(first, actions.usable_lots, stage.person.user_id)
    assert [(lot.id, lot.available_cents) for lot in usable] == [(agreed, 250_00)]
    assert await stage.sweep(LEAVING, first - timedelta(seconds=1)) == 0
    assert await stage.sweep(LEAVING, first) == 1
    assert await stage.sweep(EXPIRY, first) == 0
    assert await stage.lots() == {on_top: (45_00, 45_00), agreed: (250_00, 0)}
    await stage.act(first, actions.release, [visit.hold_id], at=first, caused_by_employee=False)
    assert await stage.lots() == {on_top: (0, 0), agreed: (250_00, 0)}
    assert (await stage.balance(), await stage.returned()) == (1_000_00 - 550_00, 300_00)
    assert [row for row in await stage.transfers() if row[0] == "returned"] == [
        ("returned", 255_00),
        ("returned", 45_00),
    ]


async def test_expired_credit_goes_to_the_alliances_fund(stage: Stage) -> None:
    alliance_id = await stage.world.found_alliance(company=stage.company)
    fund_id = await stage.world.account_of("solidarity_fund", alliance_id)
    a = await stage.lot(100_00, expired_credit_to="solidarity_fund")
    await stage.sweep(EXPIRY, MIDNIGHT)
    row = (await stage.world.execute("SELECT * FROM ledger.transfer WHERE from_account_id = :a", a=a))[0]
    assert (row.reason, row.amount_cents, row.to_account_id) == ("expired", 100_00, fund_id)
    assert await stage.balance() == 900_00


async def test_carried_over_credit_lives_one_year_longer(stage: Stage) -> None:
    a = await stage.lot(100_00, source="performance_bonus", expired_credit_to="carry_over")
    await stage.sweep(EXPIRY, MIDNIGHT)
    lot_id, amount, valid_from, expires_on = await successor(stage, a)
    assert (amount, valid_from, expires_on) == (100_00, EXPIRES, date(2027, 12, 31))
    assert await stage.lots() == {a: (0, 0), lot_id: (100_00, 0)}
    assert await stage.balance() == 900_00


async def test_placing_and_paying_all_of_it_are_one_round_trip_each(stage: Stage) -> None:
    a = await stage.lot(120_00)
    visits = [stage.hold(a, 1) for _ in range(5)]
    async with stage.database.session() as session:
        await open_unit_of_work(session, "beatrice_app")
        connection = await session.connection()
        statements: list[str] = []
        from sqlalchemy import event

        event.listen(connection.sync_connection, "before_cursor_execute", lambda *call: statements.append(call[2]))
        await actions.place(session, stage.person.user_id, visits, at=NOON)
        assert len(statements) == 1
        await actions.capture(session, [Capture(visit.hold_id) for visit in visits[1:]], at=NOON)
        assert len(statements) == 2
        await session.commit()
    assert await stage.lots() == {a: (119_96, 1)}


@pytest.mark.parametrize(("caused_by_employee", "reason"), [(True, "expired"), (False, "grace")])
async def test_a_release_booked_late_follows_the_end_of_its_lot(
    stage: Stage,
    caused_by_employee: bool,  # noqa: FBT001
    reason: str,
) -> None:
    a = await stage.lot(100_00)
    visit = stage.hold(a, 100_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [visit], at=NOON)
    await stage.sweep(EXPIRY, MIDNIGHT)
    due = NOON + timedelta(days=2)
    await stage.act(LATER, actions.release, [visit.hold_id], at=due, caused_by_employee=caused_by_employee)
    row = (await stage.world.execute("SELECT * FROM ledger.transfer WHERE from_account_id = :a", a=a))[0]
    assert (row.reason, row.amount_cents, row.event_at) == (reason, 100_00, MIDNIGHT)
    assert (await stage.lots())[a] == (0, 0)
