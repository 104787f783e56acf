"""The rule book: every dated row, read from TOML and checked before anything may be decided with it."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import TypeAdapter, ValidationError

from app.rules.rows import Category, Parameter, Row, Rule, RuleCode

DATA_FOLDER = Path(__file__).parent / "data"

_Rows = TypeVar("_Rows")


class RuleDataError(ValueError):
    """The rows contradict each other or lack what every row must have."""


class UnknownParameter(LookupError):
    """No row of that parameter is valid on that day."""


@dataclass(frozen=True)
class RuleBook:
    """All rows, valid or not on any given day."""

    rules: tuple[Rule, ...]
    parameters: tuple[Parameter, ...]
    categories: tuple[Category, ...]

    def rule(self, code: str, on: date) -> Rule | None:
        """The row of that rule code valid on that day."""
        return next((row for row in self.rules if row.code == code and row.holds(on)), None)

    def rules_on(self, on: date) -> tuple[Rule, ...]:
        """The rule codes valid on that day."""
        return tuple(row for row in self.rules if row.holds(on))

    def parameter(self, name: str, on: date) -> Parameter:
        """The row of that parameter valid on that day; UnknownParameter where there is none."""
        for row in self.parameters:
            if row.name == name and row.holds(on):
                return row
        raise UnknownParameter(f"{name} on {on.isoformat()}")

    def category(self, code: str, on: date) -> Category | None:
        """The category with the covers of that day; None where it is unknown or nothing covers it then."""
        known = next((category for category in self.categories if category.code == code), None)
        dated = known and _as_of(known, on)
        return dated if dated and dated.covers else None

    def categories_on(self, on: date) -> tuple[Category, ...]:
        """The categories that some rule code covers on that day, with the covers of that day only."""
        dated = (_as_of(category, on) for category in self.categories)
        return tuple(category for category in dated if category.covers)


def _as_of(category: Category, on: date) -> Category:
    return replace(category, covers=tuple(cover for cover in category.covers if cover.holds(on)))


def load(folder: Path = DATA_FOLDER) -> RuleBook:
    """Read `rules.toml`, `parameters.toml`, `categories.toml` of a folder; RuleDataError where they are unsound."""
    book = RuleBook(
        rules=_rows(folder / "rules.toml", "rule", TypeAdapter(tuple[Rule, ...])),
        parameters=_rows(folder / "parameters.toml", "parameter", TypeAdapter(tuple[Parameter, ...])),
        categories=_rows(folder / "categories.toml", "category", TypeAdapter(tuple[Category, ...])),
    )
    _check(book)
    return book


@cache
def book_in_force() -> RuleBook:
    """The book that decides today: read once, asked for where a request begins its work and handed on from there."""
    return load()


def _rows(path: Path, table: str, adapter: TypeAdapter[_Rows]) -> _Rows:
    try:
        content: Mapping[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise RuleDataError(f"{path.name}: {error}") from error
    if set(content) != {table}:
        raise RuleDataError(f"{path.name}: expected only [[{table}]]")
    try:
        return adapter.validate_python(content[table])
    except ValidationError as error:
        raise RuleDataError(f"{path.name}: {error}") from error


def _check(book: RuleBook) -> None:
    _check_rows("rule", ((row.code, row) for row in book.rules))
    _check_rows("parameter", ((row.name, row) for row in book.parameters))
    _check_rows("cover", ((f"{each.code}/{row.rule_code}", row) for each in book.categories for row in each.covers))
    if len({category.code for category in book.categories}) < len(book.categories):
        raise RuleDataError("a category code appears twice")
    if rowless := set(get_args(RuleCode)) - {rule.code for rule in book.rules}:
        raise RuleDataError(f"no rule row at all for {', '.join(sorted(rowless))}")
    for category in book.categories:
        for cover in category.covers:
            if book.rule(cover.rule_code, cover.valid_from) is None:
                raise RuleDataError(f"{category.code}: no rule row {cover.rule_code} on {cover.valid_from.isoformat()}")


def _check_rows(kind: str, keyed: Iterable[tuple[str, Row]]) -> None:
    seen: dict[str, list[Row]] = {}
    for key, row in keyed:
        if not row.citation.strip() or not row.source.strip():
            raise RuleDataError(f"{kind} {key}: no citation or no source")
        if (row.signed_off_by is None) != (row.signed_off_on is None):
            raise RuleDataError(f"{kind} {key}: a sign-off needs a name and a date")
        if row.valid_to is not None and row.valid_to < row.valid_from:
            raise RuleDataError(f"{kind} {key}: valid_to before valid_from")
        if any(_overlap(row, other) for other in seen.setdefault(key, [])):
            raise RuleDataError(f"{kind} {key}: two rows are valid on the same day")
        seen[key].append(row)
    for key, rows in seen.items():
        _check_gaps(f"{kind} {key}", rows)


def _check_gaps(name: str, rows: Iterable[Row]) -> None:
    for earlier, later in pairwise(sorted(rows, key=lambda row: row.valid_from)):
        if earlier.valid_to is not None and earlier.valid_to + timedelta(days=1) < later.valid_from:
            raise RuleDataError(f"{name}: no row between {earlier.valid_to} and {later.valid_from}")


def _overlap(one: Row, other: Row) -> bool:
    first, second = sorted((one, other), key=lambda row: row.valid_from)
    return first.valid_to is None or second.valid_from <= first.valid_to
