"""Which credit pays which slots, by trying every choice."""

from collections.abc import Iterable, Sequence
from itertools import combinations

from tests.model.things import Legs, Lot, Slot


def plan(slots: Sequence[Slot], lots: Sequence[Lot], limit: int | None) -> list[Legs]:
    """Whole units only: the most units, then the most cents, then the earliest; each from what expires first.

    By trying every choice: lots can pay a set of units when no part of the set asks more than its payers have.
    """
    room = {lot: lot.available for lot in lots if lot.available}
    payers = [frozenset(lot for lot in room if lot.valid_from <= slot.service_on <= lot.last_day) for slot in slots]

    def spare(places: Iterable[int]) -> int:
        group = list(places)
        paying: frozenset[Lot] = frozenset().union(*(payers[place] for place in group))
        return sum(room[lot] for lot in paying) - sum(slots[place].price for place in group)

    def payable(places: Sequence[int]) -> bool:
        cost = sum(slots[place].price for place in places)
        return (limit is None or cost <= limit) and all(spare(group) >= 0 for group in _parts(places))

    choices = [choice for choice in ((), *_parts(range(len(slots)))) if payable(choice)]
    chosen = max(
        choices,
        key=lambda choice: (
            len(choice),
            sum(slots[place].price for place in choice),
            [place in choice for place in range(len(slots))],
        ),
    )
    legs: list[Legs] = [[] for _ in slots]
    for position, place in enumerate(chosen):
        due = slots[place].price
        later = _parts(chosen[position + 1 :])
        for lot in sorted(payers[place], key=lambda lot: (lot.last_day, len(lot.terms.rule_codes), lot.id)):
            kept = [spare(group) for group in later if any(lot in payers[each] for each in group)]
            part = min(due, room[lot], *kept)
            if part:
                room[lot] -= part
                due -= part
                legs[place].append((lot, part))
        assert due == 0
    return legs


def _parts(places: Sequence[int]) -> list[tuple[int, ...]]:
    """All parts of a set but the empty one."""
    return [part for size in range(1, len(places) + 1) for part in combinations(places, size)]
