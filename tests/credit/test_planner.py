"""The planner against the worked examples and against brute force."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.credit import planner
from app.credit.planner import Leg, PlanLot, PlanUnit, UnitPlan, plan

A, B, C, D = (UUID(int=number) for number in range(1, 5))
TER = "C2_F_TER"
BOOKED_ON = date(2026, 11, 23)
LOT_A = PlanLot(A, 12_000, date(2026, 1, 1), date(2026, 12, 31), frozenset({TER}))
LOT_B = PlanLot(B, 30_000, date(2026, 1, 1), date(2027, 5, 31), frozenset({TER}))


def visits(days: Sequence[date], price_cents: int = 2_250, lots: Sequence[UUID] = (A, B)) -> list[PlanUnit]:
    return [PlanUnit(index, price_cents, day, dict.fromkeys(lots, TER)) for index, day in enumerate(days)]


def december(count: int) -> list[date]:
    return [date(2026, 12, 1) + timedelta(days=number) for number in range(count)]


def on(source: UUID, amount_cents: int) -> Leg:
    return Leg("lot", source, amount_cents, TER)


def own(amount_cents: int) -> Leg:
    return Leg("own_money", None, amount_cents, None)


def by_index(plans: Sequence[UnitPlan]) -> list[tuple[Leg, ...]]:
    assert [each.index for each in plans] == list(range(len(plans)))
    return [each.legs for each in plans]


# --- the worked examples


def test_e1_five_visits_in_december_are_all_on_the_lot_that_expires_first() -> None:
    assert by_index(plan(visits(december(5)), [LOT_B, LOT_A], booked_on=BOOKED_ON)) == [(on(A, 2_250),)] * 5


def test_e2_december_on_a_and_january_on_b() -> None:
    tuesdays = [date(2026, 12, 1) + timedelta(weeks=week) for week in range(9) if week != 1]
    legs = by_index(plan(visits(tuesdays), [LOT_A, LOT_B], booked_on=BOOKED_ON))
    assert legs == [(on(A, 2_250),)] * 4 + [(on(B, 2_250),)] * 4


def test_e3_an_amount_beyond_both_lots_is_own_money() -> None:
    units = visits(december(2), price_cents=25_000)
    assert by_index(plan(units, [LOT_A, LOT_B], booked_on=BOOKED_ON)) == [
        (on(A, 12_000), on(B, 13_000)),
        (own(25_000),),
    ]


def test_e12_six_whole_hours_on_credit_and_two_out_of_pocket() -> None:
    lot = replace(LOT_A, available_cents=6_500)
    hours = visits(december(8), price_cents=1_000)
    assert by_index(plan(hours, [lot], booked_on=BOOKED_ON)) == [(on(A, 1_000),)] * 6 + [(own(1_000),)] * 2


# --- order of lots


def test_a_unit_may_be_shared_by_lots_but_never_with_own_money() -> None:
    lots = [replace(LOT_A, available_cents=2_000), replace(LOT_B, available_cents=2_400)]
    assert by_index(plan(visits(december(2)), lots, booked_on=BOOKED_ON)) == [(on(A, 2_000), on(B, 250)), (own(2_250),)]


def test_on_equal_expiry_the_most_restricted_lot_pays_first_then_the_id() -> None:
    wide = replace(LOT_A, id=B, rule_codes=frozenset({TER, "C2_F"}))
    narrow = replace(LOT_A, id=D)
    twin = replace(LOT_A, id=C)
    units = visits(december(1), price_cents=30_000, lots=(B, C, D))
    assert by_index(plan(units, [wide, narrow, twin], booked_on=BOOKED_ON)) == [
        (on(C, 12_000), on(D, 12_000), on(B, 6_000))
    ]


def test_each_leg_carries_the_rule_code_of_its_lot_and_its_source() -> None:
    dote = PlanLot(C, 1_000, date(2026, 1, 1), date(2026, 12, 1), frozenset({"DOTE"}), source="entitlement")
    unit = PlanUnit(0, 2_250, date(2026, 12, 1), {A: TER, C: "DOTE"})
    assert plan([unit], [LOT_A, dote], booked_on=BOOKED_ON) == [
        UnitPlan(0, (Leg("entitlement", C, 1_000, "DOTE"), on(A, 1_250)))
    ]


def test_an_earlier_unit_leaves_to_a_later_one_the_lot_that_only_that_one_can_use() -> None:
    lots = [replace(LOT_A, available_cents=3_000), replace(LOT_B, available_cents=2_000)]
    units = [
        PlanUnit(0, 2_500, date(2026, 12, 1), {A: TER, B: TER}),
        PlanUnit(1, 2_500, date(2026, 12, 2), {A: TER}),
    ]
    assert by_index(plan(units, lots, booked_on=BOOKED_ON)) == [(on(A, 500), on(B, 2_000)), (on(A, 2_500),)]


# --- validity


@pytest.mark.parametrize(
    ("day", "paid"),
    [
        (date(2026, 11, 30), False),
        (date(2026, 12, 1), True),
        (date(2026, 12, 31), True),
        (date(2027, 1, 1), False),
    ],
)
def test_the_day_of_the_service_lies_within_validity(day: date, paid: bool) -> None:  # noqa: FBT001 - a test case
    lot = replace(LOT_A, valid_from=date(2026, 12, 1))
    legs = by_index(plan(visits([day]), [lot], booked_on=BOOKED_ON))
    assert legs == [(on(A, 2_250) if paid else own(2_250),)]


@pytest.mark.parametrize(
    ("booked_on", "paid"), [(date(2026, 12, 31), True), (date(2027, 1, 1), False), (date(2025, 12, 31), False)]
)
def test_by_booking_date_only_the_day_of_booking_counts(booked_on: date, paid: bool) -> None:  # noqa: FBT001 - a test case
    lot = replace(LOT_A, validity_basis="booking_date")
    legs = by_index(plan(visits([date(2027, 3, 1)]), [lot], booked_on=booked_on))
    assert legs == [(on(A, 2_250) if paid else own(2_250),)]


# --- the person's choice


def test_none_uses_no_credit() -> None:
    assert by_index(plan(visits(december(2)), [LOT_A], booked_on=BOOKED_ON, mode="none")) == [(own(2_250),)] * 2


@pytest.mark.parametrize(("max_cents", "paid"), [(0, 0), (2_249, 0), (2_250, 1), (6_749, 2), (6_750, 3), (99_999, 5)])
def test_up_to_caps_the_credit_in_whole_units(max_cents: int, paid: int) -> None:
    legs = by_index(plan(visits(december(5)), [LOT_A, LOT_B], booked_on=BOOKED_ON, mode="up_to", max_cents=max_cents))
    assert legs == [(on(A, 2_250),)] * paid + [(own(2_250),)] * (5 - paid)


# --- which units


def test_more_units_beat_more_money_and_more_money_beats_earlier_units() -> None:
    lot = replace(LOT_A, available_cents=5_000)
    prices = [5_000, 2_000, 2_400, 2_600]
    units = [replace(unit, price_cents=price) for unit, price in zip(visits(december(4)), prices, strict=True)]
    legs = by_index(plan(units, [lot], booked_on=BOOKED_ON))
    assert legs == [(own(5_000),), (own(2_000),), (on(A, 2_400),), (on(A, 2_600),)]


def test_one_unit_that_blocks_two_others_is_left_out() -> None:
    halves = [replace(LOT_A, id=each, available_cents=500) for each in (A, B, C, D)]
    units = [
        PlanUnit(0, 1_000, date(2026, 12, 1), {B: TER, C: TER}),
        PlanUnit(1, 1_000, date(2026, 12, 2), {A: TER, B: TER}),
        PlanUnit(2, 1_000, date(2026, 12, 3), {C: TER, D: TER}),
    ]
    assert by_index(plan(units, halves, booked_on=BOOKED_ON)) == [
        (own(1_000),),
        (on(A, 500), on(B, 500)),
        (on(C, 500), on(D, 500)),
    ]


def test_a_free_unit_has_no_legs() -> None:
    assert by_index(plan(visits(december(1), price_cents=0), [LOT_A], booked_on=BOOKED_ON)) == [()]


def test_nothing_to_plan() -> None:
    assert plan([], [LOT_A], booked_on=BOOKED_ON) == []


@pytest.mark.parametrize(
    ("units", "lots", "arguments"),
    [
        (visits(december(1)) * 2, [LOT_A], {}),
        (visits(december(1)), [LOT_A, LOT_A], {}),
        (visits(december(1), price_cents=-1), [LOT_A], {}),
        (visits(december(1)), [replace(LOT_A, available_cents=-1)], {}),
        (visits(december(1)), [LOT_A], {"mode": "up_to"}),
        (visits(december(1)), [LOT_A], {"mode": "up_to", "max_cents": -1}),
        (visits(december(1)), [replace(LOT_A, rule_codes=frozenset({"C2_F"}))], {}),
    ],
)
def test_contradictory_input_is_refused(units: list[PlanUnit], lots: list[PlanLot], arguments: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"twice|negative|max_cents|rule code"):
        plan(units, lots, booked_on=BOOKED_ON, **arguments)  # type: ignore[arg-type]


# --- against brute force


def fits(demands: Sequence[tuple[int, frozenset[UUID]]], room: dict[UUID, int]) -> bool:
    """Hall's condition, checked on every subset: no group of units asks for more than its lots hold together."""
    return all(
        sum(price for price, _ in group)
        <= sum(room[lot] for lot in frozenset[UUID]().union(*(each for _, each in group)))
        for size in range(1, len(demands) + 1)
        for group in combinations(demands, size)
    )


def payers(unit: PlanUnit, lots: Sequence[PlanLot]) -> frozenset[UUID]:
    return frozenset(
        lot.id
        for lot in lots
        if lot.id in unit.options
        and lot.valid_from <= (unit.service_on if lot.validity_basis == "service_date" else BOOKED_ON) <= lot.expires_on
    )


def best_by_brute_force(
    units: Sequence[PlanUnit], lots: Sequence[PlanLot], max_cents: int | None
) -> dict[int, tuple[Leg, ...]]:
    ordered = sorted(units, key=lambda unit: (unit.service_on, unit.index))
    demands = [(unit.price_cents, payers(unit, lots)) for unit in ordered]
    room = {lot.id: lot.available_cents for lot in lots}
    best: tuple[int, int, list[bool]] = (0, 0, [False] * len(ordered))
    for mask in range(1, 2 ** len(ordered)):
        taken = [bool(mask >> place & 1) for place in range(len(ordered))]
        chosen = [demand for demand, is_taken in zip(demands, taken, strict=True) if is_taken]
        total = sum(price for price, _ in chosen)
        key = (len(chosen), total, taken)
        if key > best and (max_cents is None or total <= max_cents) and fits(chosen, room):
            best = key
    paid = [place for place, is_taken in enumerate(best[2]) if is_taken]
    legs: dict[int, tuple[Leg, ...]] = {unit.index: (own(unit.price_cents),) for unit in ordered}
    rest = {place: demands[place] for place in paid}
    for place in paid:
        parts = []
        for lot in sorted(lots, key=lambda lot: (lot.expires_on, len(lot.rule_codes), lot.id)):
            due, payable = rest[place]
            if lot.id not in payable:
                continue
            for part in range(min(due, room[lot.id]), -1, -1):
                after = {**rest, place: (due - part, payable)}
                if fits(list(after.values()), {**room, lot.id: room[lot.id] - part}):
                    rest, room[lot.id] = after, room[lot.id] - part
                    parts.append((lot.id, part))
                    break
        codes = ordered[place].options
        legs[ordered[place].index] = tuple(Leg("lot", lot, part, codes[lot]) for lot, part in parts if part)
    return legs


DAYS = st.integers(0, 3).map(lambda number: date(2026, 12, 1) + timedelta(days=number))


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[PlanUnit], list[PlanLot]]:
    """Units and lots, as of several employments: each lot has rule codes of its own, under which it pays."""
    lots = []
    for lot_id in (A, B, C, D)[: draw(st.integers(0, 4))]:
        start, end = sorted((draw(DAYS), draw(DAYS)))
        codes = draw(st.sampled_from([frozenset({TER}), frozenset({TER, "C2_F"}), frozenset({"C2_F"})]))
        basis = draw(st.sampled_from(planner.ValidityBasis.__args__))  # type: ignore[attr-defined]
        lots.append(PlanLot(lot_id, draw(st.integers(0, 9)), start, end, codes, basis))
    prices = st.integers(1, 6) if draw(st.booleans()) else st.just(draw(st.integers(1, 6)))
    some_lots = st.frozensets(st.sampled_from([lot.id for lot in lots])) if lots else st.just(frozenset[UUID]())
    codes = {lot.id: lot.rule_codes for lot in lots}
    units = [
        PlanUnit(index, draw(prices), draw(DAYS), {lot: max(codes[lot]) for lot in sorted(draw(some_lots))})
        for index in range(draw(st.integers(1, 5)))
    ]
    return units, lots


@settings(max_examples=400, deadline=None, derandomize=True, database=None)
@given(worlds(), st.none() | st.integers(0, 15), st.randoms(use_true_random=False))
def test_the_plan_is_the_best_there_is(
    world: tuple[list[PlanUnit], list[PlanLot]], max_cents: int | None, shuffle: random.Random
) -> None:
    units, lots = world
    mode: planner.CreditMode = "auto" if max_cents is None else "up_to"
    plans = plan(units, lots, booked_on=BOOKED_ON, mode=mode, max_cents=max_cents)
    assert {each.index: each.legs for each in plans} == best_by_brute_force(units, lots, max_cents)
    shuffle.shuffle(units)
    shuffle.shuffle(lots)
    assert plan(units, lots, booked_on=BOOKED_ON, mode=mode, max_cents=max_cents) == plans


def random_world(seed: int, unit_count: int, lot_count: int) -> tuple[list[PlanUnit], list[PlanLot]]:
    dice = random.Random(seed)  # noqa: S311 - a reproducible world, not a secret
    year = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    lots = []
    for number in range(lot_count):
        start, end = sorted(dice.sample(year, 2))
        lots.append(PlanLot(UUID(int=number + 1), dice.randint(0, 40_000), start, end, frozenset({TER})))
    prices = dice.choice([[2_250], [2_250, 2_475], [1_900, 2_250, 3_100]])
    units = [
        PlanUnit(index, dice.choice(prices), dice.choice(year), {lot.id: TER for lot in lots if dice.random() < 0.8})
        for index in range(unit_count)
    ]
    return units, lots


@pytest.mark.parametrize("seed", range(12))
def test_large_plans_are_lawful(seed: int) -> None:
    units, lots = random_world(seed, unit_count=60, lot_count=20)
    mode: planner.CreditMode = "up_to" if seed % 3 == 0 else "auto"
    plans = plan(units, lots, booked_on=BOOKED_ON, mode=mode, max_cents=60_001 if mode == "up_to" else None)
    spent: dict[UUID, int] = {}
    for unit, planned in zip(units, plans, strict=True):
        assert unit.index == planned.index
        assert sum(leg.amount_cents for leg in planned.legs) == unit.price_cents
        assert planned.credit_cents in (0, unit.price_cents)
        assert all(leg.amount_cents > 0 for leg in planned.legs)
        for leg in planned.legs:
            if leg.source_id is not None:
                assert leg.source_id in payers(unit, lots)
                spent[leg.source_id] = spent.get(leg.source_id, 0) + leg.amount_cents
    assert all(spent.get(lot.id, 0) <= lot.available_cents for lot in lots)
    assert mode == "auto" or sum(spent.values()) <= 60_001
    assert spent


def test_beyond_the_node_limit_the_plan_is_still_whole_units() -> None:
    lot = replace(LOT_A, available_cents=5_000)
    legs = by_index(plan(visits(december(4)), [lot], booked_on=BOOKED_ON, node_limit=0))
    assert legs == [(on(A, 2_250),)] * 2 + [(own(2_250),)] * 2
