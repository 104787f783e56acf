"""Sums, shares and days as the model on paper needs them."""

from collections.abc import Iterable, Sequence
from datetime import date

from tests.model.things import Lot


def by_lot(legs: Iterable[tuple[Lot, int]]) -> dict[Lot, int]:
    sums: dict[Lot, int] = {}
    for lot, cents in legs:
        sums[lot] = sums.get(lot, 0) + cents
    return sums


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a total by weights; the cents that are left go to the largest fractions, then to the first."""
    exact = [total * weight / sum(weights) for weight in weights]
    shares = [int(part) for part in exact]
    order = sorted(range(len(weights)), key=lambda place: (shares[place] - exact[place], place))
    for place in order[: total - sum(shares)]:
        shares[place] += 1
    return shares


def years_later(day: date, earliest: date) -> date:
    """The same day of a later year, the first not before a day."""
    year = day.year + 1
    while True:
        try:
            found = day.replace(year=year)
        except ValueError:
            found = date(year, 2, 28)
        if found >= earliest:
            return found
        year += 1
