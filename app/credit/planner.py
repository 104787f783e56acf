"""Which lot pays which unit: whole units only, as many as the lots allow, first-to-expire first.

Direct payment and vouchers cover one service for its whole value (DM 25 March 2016 art. 6), so a unit is paid wholly
by compatible credit, which several lots may share, or wholly by own money. Pure: no clock, no database.

The plan is optimal in this order: number of whole units on credit, cents of credit, earlier units (service day, then
index). Choosing the units is a hard problem in general, so an exact branch and bound does it within `node_limit`
steps; beyond that the best plan found so far stands: still lawful, maybe not the largest. Within the chosen units each
takes as much as it can from the lot that expires first without leaving a later chosen unit short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from math import gcd, lcm
from typing import Literal
from uuid import UUID

from app.credit.models import ValidityBasis

NODE_LIMIT = 3_000

CreditMode = Literal["auto", "none", "up_to"]
CreditSource = Literal["lot", "entitlement"]
FundingSource = Literal[CreditSource, "own_money"]


@dataclass(frozen=True)
class PlanUnit:
    """A unit to be paid. `price_cents` is what is left after a public share of the tariff.

    `options` says which lots may pay it and under which rule code, by lot id: rules differ by the day of the care and
    by the programme's rule codes and reading.
    """

    index: int
    price_cents: int
    service_on: date
    options: Mapping[UUID, str]


@dataclass(frozen=True)
class PlanLot:
    """Credit that may be used. Both ends of its validity are inclusive days in Rome."""

    id: UUID
    available_cents: int
    valid_from: date
    expires_on: date
    rule_codes: frozenset[str]
    validity_basis: ValidityBasis = "service_date"
    source: CreditSource = "lot"


@dataclass(frozen=True)
class Leg:
    """The part of a unit that one source pays; own money has neither an id nor a rule code."""

    source: FundingSource
    source_id: UUID | None
    amount_cents: int
    rule_code: str | None


@dataclass(frozen=True)
class UnitPlan:
    """How one unit is paid: the legs add up to its price, and none is own money beside credit."""

    index: int
    legs: tuple[Leg, ...]

    @property
    def credit_cents(self) -> int:
        """What credit pays of the unit: all of it or nothing."""
        return sum(leg.amount_cents for leg in self.legs if leg.source != "own_money")


def plan(
    units: Sequence[PlanUnit],
    lots: Sequence[PlanLot],
    *,
    booked_on: date,
    mode: CreditMode = "auto",
    max_cents: int | None = None,
    node_limit: int = NODE_LIMIT,
) -> list[UnitPlan]:
    """Plan every unit, in order of index. The order of `units` and `lots` does not matter.

    `up_to` caps the credit of the whole plan at `max_cents`; `none` uses none. ValueError where an index or a lot id
    comes twice, an amount is negative, `up_to` has no `max_cents`, or a unit names a rule code its lot does not allow.
    """
    _check(units, lots, mode, max_cents)
    limit = max_cents if mode == "up_to" else None
    problem = _problem(units, () if mode == "none" else lots, booked_on)
    legs = _allocate(problem, _choose(problem, limit, node_limit))
    return [
        UnitPlan(unit.index, legs.get(unit.index) or _own_money(unit))
        for unit in sorted(units, key=lambda unit: unit.index)
    ]


def _own_money(unit: PlanUnit) -> tuple[Leg, ...]:
    return (Leg("own_money", None, unit.price_cents, None),) if unit.price_cents else ()


def _check(units: Sequence[PlanUnit], lots: Sequence[PlanLot], mode: CreditMode, max_cents: int | None) -> None:
    if len({unit.index for unit in units}) < len(units) or len({lot.id for lot in lots}) < len(lots):
        raise ValueError("an index or a lot comes twice")
    amounts = [*(unit.price_cents for unit in units), *(lot.available_cents for lot in lots), max_cents or 0]
    if min(amounts) < 0:
        raise ValueError("a negative amount")
    if mode == "up_to" and max_cents is None:
        raise ValueError("up_to needs max_cents")
    for unit in units:
        if any(lot.id in unit.options and unit.options[lot.id] not in lot.rule_codes for lot in lots):
            raise ValueError(f"unit {unit.index}: a rule code its lot does not allow")


def _payers(unit: PlanUnit, lots: Sequence[PlanLot], booked_on: date) -> list[PlanLot]:
    """The lots that may pay this unit and have something left."""
    return [
        lot
        for lot in lots
        if lot.id in unit.options
        and lot.available_cents > 0
        and lot.valid_from <= (unit.service_on if lot.validity_basis == "service_date" else booked_on) <= lot.expires_on
    ]


def _first_to_expire(lot: PlanLot) -> tuple[date, int, UUID]:
    """First to expire, on equal expiry the most restricted, then the id."""
    return (lot.expires_on, len(lot.rule_codes), lot.id)


@dataclass(frozen=True)
class _Demand:
    """A unit that credit could pay: what it costs, and its payers as positions in the order of lots."""

    unit: PlanUnit
    price: int
    payers: tuple[int, ...]


@dataclass(frozen=True)
class _Problem:
    lots: tuple[PlanLot, ...]
    demands: tuple[_Demand, ...]


def _problem(units: Sequence[PlanUnit], lots: Sequence[PlanLot], booked_on: date) -> _Problem:
    ordered = tuple(sorted(lots, key=_first_to_expire))
    position = {lot.id: place for place, lot in enumerate(ordered)}
    demands = []
    for unit in sorted(units, key=lambda unit: (unit.service_on, unit.index)):
        payers = _payers(unit, ordered, booked_on)
        if 0 < unit.price_cents <= sum(lot.available_cents for lot in payers):
            demands.append(_Demand(unit, unit.price_cents, tuple(position[lot.id] for lot in payers)))
    return _Problem(ordered, tuple(demands))


class _Flow:
    """Money on its way from lots to groups of units with the same payers; may still be re-routed between lots."""

    def __init__(self, room: Sequence[int], limit: int) -> None:
        self.room = list(room)
        self.limit = limit
        self.paid: dict[tuple[int, ...], dict[int, int]] = {}

    def copy(self) -> "_Flow":
        twin = _Flow(self.room, self.limit)
        twin.paid = {group: dict(parts) for group, parts in self.paid.items()}
        return twin

    def add(self, group: tuple[int, ...], amount: int) -> int:
        """Route up to `amount` to the group, moving others' money to their other lots; what could be routed."""
        wanted = left = min(amount, self.limit)
        self.paid.setdefault(group, {})
        while left:
            path = self._path(group)
            if path is None:
                break
            part = min(left, self.room[path[-1][1]], *(self.paid[away][lot] for (_, lot), (away, _) in pairwise(path)))
            for (_, lot), (away, _) in pairwise(path):
                self.paid[away][lot] -= part
            for receiver, lot in path:
                self.paid[receiver][lot] = self.paid[receiver].get(lot, 0) + part
            self.room[path[-1][1]] -= part
            left -= part
        self.limit -= wanted - left
        return wanted - left

    def _path(self, group: tuple[int, ...]) -> list[tuple[tuple[int, ...], int]] | None:
        """The shortest chain (group takes from lot, whose taker goes to another lot, ...) ending at a lot with room."""
        came: dict[int, tuple[tuple[int, ...], int | None]] = dict.fromkeys(group, (group, None))
        queue = list(group)
        for lot in queue:
            if self.room[lot]:
                return self._chain(came, lot)
            for other, parts in self.paid.items():
                if parts.get(lot, 0):
                    fresh = [each for each in other if each not in came]
                    came.update((each, (other, lot)) for each in fresh)
                    queue.extend(fresh)
        return None

    @staticmethod
    def _chain(
        came: Mapping[int, tuple[tuple[int, ...], int | None]], lot: int | None
    ) -> list[tuple[tuple[int, ...], int]]:
        chain = []
        while lot is not None:
            group, previous = came[lot]
            chain.append((group, lot))
            lot = previous
        return chain[::-1]


def _choose(problem: _Problem, limit: int | None, node_limit: int) -> list[_Demand]:
    """The units credit pays. Without a binding limit, units that share no lot are chosen apart."""
    room = [lot.available_cents for lot in problem.lots]
    chosen = [
        demand
        for part in _apart(problem.demands)
        for demand in _Search(part, room, sum(room), node_limit).best_demands()
    ]
    if limit is not None and sum(demand.price for demand in chosen) > limit:
        chosen = _Search(problem.demands, room, limit, node_limit).best_demands()
    places = {demand.unit.index: place for place, demand in enumerate(problem.demands)}
    return sorted(chosen, key=lambda demand: places[demand.unit.index])


def _apart(demands: Sequence[_Demand]) -> list[list[_Demand]]:
    parts: list[tuple[set[int], list[_Demand]]] = []
    for demand in demands:
        lots, members = set(demand.payers), [demand]
        touching = [part for part in parts if part[0] & lots]
        for part in touching:
            lots |= part[0]
            members = part[1] + members
            parts.remove(part)
        parts.append((lots, members))
    places = {demand.unit.index: place for place, demand in enumerate(demands)}
    return [sorted(members, key=lambda each: places[each.unit.index]) for _, members in parts]


class _Search:
    """Branch and bound over the units in order, paying before leaving out, so that earlier units win a tie.

    Units of one kind (price and payers) are interchangeable: once one is left out, the later ones of its kind are.
    The bound is the fractional optimum (cheapest first, which is exact where money may be split) rounded down.
    """

    def __init__(self, demands: Sequence[_Demand], room: Sequence[int], limit: int, node_limit: int) -> None:
        self.demands = demands
        self.flow = _Flow(room, limit)
        self.kinds = sorted({(demand.price, demand.payers) for demand in demands})
        self.multiple = lcm(*(price for price, _ in self.kinds))
        self.step = gcd(*(price for price, _ in self.kinds))
        self.group_limit = self._group_limits(room, limit)
        self.nodes_left = node_limit
        # (units, cents, found in order): a plan found in order replaces an equal one that was not
        self.best_key = (0, 0, 0)
        self.best: tuple[int, ...] = ()

    def best_demands(self) -> list[_Demand]:
        """Run the search and return what credit should pay, in order."""
        if self.demands:
            self._cheapest_first()
            self._descend(0, self.flow, (), frozenset())
        return [self.demands[place] for place in self.best]

    def _group_limits(self, room: Sequence[int], limit: int) -> dict[tuple[int, ...], int]:
        """What whole units of a group can take at most: its lots, rounded down to what its prices can add up to."""
        steps: dict[tuple[int, ...], int] = {}
        for price, group in self.kinds:
            steps[group] = gcd(steps.get(group, 0), price)
        return {group: min(limit, sum(room[lot] for lot in group)) // step * step for group, step in steps.items()}

    def _cheapest_first(self) -> None:
        flow, chosen = self.flow.copy(), []
        order = sorted(
            range(len(self.demands)),
            key=lambda place: (self.demands[place].price, len(self.demands[place].payers), place),
        )
        for place in order:
            trial = flow.copy()
            if trial.add(self.demands[place].payers, self.demands[place].price) == self.demands[place].price:
                flow = trial
                chosen.append(place)
        self._keep(tuple(sorted(chosen)), in_order=0)

    def _keep(self, chosen: tuple[int, ...], *, in_order: int = 1) -> None:
        key = (len(chosen), sum(self.demands[place].price for place in chosen), in_order)
        if key > self.best_key:
            self.best_key, self.best = key, chosen

    def _descend(
        self, place: int, flow: _Flow, chosen: tuple[int, ...], closed: frozenset[tuple[int, tuple[int, ...]]]
    ) -> None:
        if self.nodes_left == 0:
            return
        self.nodes_left -= 1
        open_places = [
            each
            for each in range(place, len(self.demands))
            if (self.demands[each].price, self.demands[each].payers) not in closed
        ]
        bound, all_fit = self._bound(flow, chosen, open_places)
        if all_fit:
            self._keep((*chosen, *open_places))
        elif bound[0] == len(chosen):
            self._keep(chosen)
        elif (*bound, 1) > self.best_key:
            following, demand = open_places[0], self.demands[open_places[0]]
            trial = flow.copy()
            if trial.add(demand.payers, demand.price) == demand.price:
                self._descend(following + 1, trial, (*chosen, following), closed)
            self._descend(following + 1, flow, chosen, closed | {(demand.price, demand.payers)})

    def _bound(self, flow: _Flow, chosen: tuple[int, ...], open_places: Sequence[int]) -> tuple[tuple[int, int], bool]:
        """What no choice below can exceed, as (units, cents), and whether all open units fit at once."""
        counts: dict[tuple[int, tuple[int, ...]], int] = {}
        for each in open_places:
            kind = (self.demands[each].price, self.demands[each].payers)
            counts[kind] = counts.get(kind, 0) + 1
        relaxed, cents, parts, all_fit = flow.copy(), 0, 0, True
        for kind in self.kinds:
            price, group = kind
            wanted = counts.get(kind, 0) * price
            left_of_group = self.group_limit[group] - sum(relaxed.paid.get(group, {}).values())
            routed = relaxed.add(group, min(wanted, left_of_group))
            cents += routed
            parts += routed * (self.multiple // price)
            all_fit &= routed == wanted
        more = parts // self.multiple
        dearest = sum(sorted((self.demands[each].price for each in open_places), reverse=True)[:more])
        spent = sum(self.demands[each].price for each in chosen)
        return (len(chosen) + more, spent + min(cents // self.step * self.step, dearest)), all_fit


def _allocate(problem: _Problem, chosen: Sequence[_Demand]) -> dict[int, tuple[Leg, ...]]:
    """Legs by unit index: each unit in turn takes what it can from each lot, short of starving the later units."""
    room = [lot.available_cents for lot in problem.lots]
    waiting: dict[tuple[int, ...], int] = {}
    for demand in chosen:
        waiting[demand.payers] = waiting.get(demand.payers, 0) + demand.price
    legs: dict[int, tuple[Leg, ...]] = {}
    for demand in chosen:
        due, parts = demand.price, []
        for place in demand.payers:
            part = min(due, room[place])
            if part:
                room[place] -= part
                waiting[demand.payers] -= part
                short = _shortage(room, waiting)
                room[place] += short
                waiting[demand.payers] += short
                part -= short
            if part:
                lot = problem.lots[place]
                parts.append(Leg(lot.source, lot.id, part, demand.unit.options[lot.id]))
                due -= part
        legs[demand.unit.index] = tuple(parts)
    return legs


def _shortage(room: Sequence[int], waiting: Mapping[tuple[int, ...], int]) -> int:
    """Cents of the waiting demand that the lots could no longer cover."""
    flow = _Flow(room, sum(room))
    return sum(amount - flow.add(group, amount) for group, amount in waiting.items())
