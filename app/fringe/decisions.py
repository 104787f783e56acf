"""How large a year's limit is, and what room it leaves. Pure: no database, no present."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.fringe.queries import Year
from app.rules.book import RuleBook


@dataclass(frozen=True, slots=True)
class Limit:
    """A tax year's limit; `signed` says whether an adviser answers for the row of law behind it."""

    cents: int
    with_children: bool
    signed: bool


@dataclass(frozen=True, slots=True)
class Room:
    """A year with the limit that holds for it now."""

    year: Year
    limit: Limit

    @property
    def key(self) -> tuple[UUID, UUID, int]:
        return self.year.company_id, self.year.holder_id, self.year.tax_year

    @property
    def taken_cents(self) -> int:
        return self.year.held_cents + self.year.used_cents + self.year.external_cents

    @property
    def left_cents(self) -> int:
        return max(0, self.limit.cents - self.taken_cents)

    @property
    def taxable_cents(self) -> int:
        """All of it once it is above the limit, what is only held not counted."""
        had = self.year.used_cents + self.year.external_cents
        return had if had > self.limit.cents else 0


def limit_of(book: RuleBook, tax_year: int, *, with_children: bool) -> Limit:
    """Return a year's limit as the law stands on its last day; each parent of dependent children has the larger one."""
    name = "fringe_limit_with_children_cents" if with_children else "fringe_limit_cents"
    row = book.parameter(name, date(tax_year, 12, 31))
    return Limit(row.integer, with_children, row.signed)


def room_in(year: Year, limit: Limit) -> Room:
    """Return the room of a year: under its settled limit once it was tested, else under this one."""
    if year.tested_at is None or year.limit_cents is None:
        return Room(year, limit)
    return Room(year, Limit(year.limit_cents, year.with_children, limit.signed))
