"""What rows must be together: no gap, no overlap, nothing that names what is not there."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import get_args

from app.rules.beneficiary import Relative
from app.rules.reading import RuleData, RuleDataError
from app.rules.rows import ParameterName, Row, RuleCode


def check(data: RuleData) -> None:
    """Raise RuleDataError, with file and row, where the rows are unsound."""
    for file, rows in data.by_file():
        for row in rows:
            _check_row(file, row)
        for same in _by_key(rows).values():
            _check_follow(file, same)
    if len({category.code for category in data.categories}) < len(data.categories):
        raise RuleDataError("categories.toml: a category code appears twice")
    _check_complete("rules.toml", get_args(RuleCode), data.rules)
    _check_complete("relations.toml", get_args(Relative), data.relations)
    _check_complete("limits.toml, bonus.toml", get_args(ParameterName), (*data.limits, *data.bonus))
    if twice := _by_key(data.limits).keys() & _by_key(data.bonus).keys():
        raise RuleDataError(f"limits.toml, bonus.toml: {min(twice)} stands in both")
    _check_leaning(data)


def _check_row(file: str, row: Row) -> None:
    if not row.citation.strip() or not row.source.strip():
        raise RuleDataError(f"{file}, {row.id}: no citation or no source")
    if row.signed:
        raise RuleDataError(f"{file}, {row.id}: a row is signed with `beatrice rules sign-off`, not in its file")
    if row.valid_to is not None and row.valid_to < row.valid_from:
        raise RuleDataError(f"{file}, {row.id}: valid_to before valid_from")


def _by_key(rows: Iterable[Row]) -> dict[str, list[Row]]:
    keyed: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.valid_from):
        keyed.setdefault(row.key, []).append(row)
    return keyed


def _check_follow(file: str, rows: Sequence[Row]) -> None:
    """Refuse rows of one key, oldest first, that do not follow each other to the day."""
    for earlier, later in pairwise(rows):
        if earlier.valid_to is None or later.valid_from <= earlier.valid_to:
            raise RuleDataError(f"{file}, {later.id}: two rows are valid on the same day, the other is {earlier.id}")
        if earlier.valid_to + timedelta(days=1) < later.valid_from:
            raise RuleDataError(f"{file}, {later.id}: no row between {earlier.valid_to} and {later.valid_from}")


def _check_complete(file: str, wanted: Iterable[str], rows: Iterable[Row]) -> None:
    if missing := set(wanted) - {row.key for row in rows}:
        raise RuleDataError(f"{file}: no row at all for {', '.join(sorted(missing))}")


def _check_leaning(data: RuleData) -> None:
    """Refuse a row that leans on rows which do not hold as long as it does."""
    rules, relations, limits = _by_key(data.rules), _by_key(data.relations), _by_key(data.limits)
    for category in data.categories:
        for cover in category.covers:
            _check_spans("categories.toml", cover, rules[cover.rule_code])
    for rule in data.rules:
        for same in relations.values() if rule.for_relatives else ():
            _check_spans("rules.toml", rule, same)
        if rule.relatives_condition == "elderly_or_certified":
            _check_spans("rules.toml", rule, limits["elderly_age"])


def _check_spans(file: str, row: Row, under: Sequence[Row]) -> None:
    first, last = under[0].valid_from, under[-1].valid_to
    missing = row.valid_from if row.valid_from < first else None
    if missing is None and last is not None and (row.valid_to or date.max) > last:
        missing = last + timedelta(days=1)
    if missing is not None:
        raise RuleDataError(f"{file}, {row.id}: no row {under[0].subject}/{under[0].key} on {missing}")
