"""The files of rows, as they are written: one subject each."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from app.rules.rows import Agreement, Category, Parameter, Relation, Row, Rule

T = TypeVar("T")
NAMING = ("code", "relation", "name")


class RuleDataError(ValueError):
    """The rows contradict each other or lack what every row must have."""


@dataclass(frozen=True)
class RuleData:
    """What the files say, file by file."""

    rules: tuple[Rule, ...]
    relations: tuple[Relation, ...]
    limits: tuple[Parameter, ...]
    bonus: tuple[Parameter, ...]
    agreements: tuple[Agreement, ...]
    categories: tuple[Category, ...]

    def by_file(self) -> Iterator[tuple[str, tuple[Row, ...]]]:
        """Each file with its rows."""
        yield "rules.toml", self.rules
        yield "relations.toml", self.relations
        yield "limits.toml", self.limits
        yield "bonus.toml", self.bonus
        yield "agreements.toml", self.agreements
        yield "categories.toml", tuple(cover for category in self.categories for cover in category.covers)


def read(folder: Path) -> RuleData:
    """Read the six files of a folder; RuleDataError where one is missing or says what no row may."""
    categories = _rows(folder / "categories.toml", "category", TypeAdapter(Category))
    return RuleData(
        rules=_rows(folder / "rules.toml", "rule", TypeAdapter(Rule)),
        relations=_rows(folder / "relations.toml", "relation", TypeAdapter(Relation)),
        limits=_rows(folder / "limits.toml", "parameter", TypeAdapter(Parameter)),
        bonus=_rows(folder / "bonus.toml", "parameter", TypeAdapter(Parameter)),
        agreements=_rows(folder / "agreements.toml", "agreement", TypeAdapter(Agreement)),
        categories=tuple(
            replace(each, covers=tuple(replace(cover, category=each.code) for cover in each.covers))
            for each in categories
        ),
    )


def _rows(path: Path, table: str, adapter: TypeAdapter[T]) -> tuple[T, ...]:
    try:
        content: dict[str, object] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RuleDataError(f"{path.name} is missing") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RuleDataError(f"{path.name}: {error}") from error
    found = content.get(table)
    if set(content) != {table} or not isinstance(found, list):
        raise RuleDataError(f"{path.name}: expected only [[{table}]]")
    return tuple(_row(f"{path.name}, {table} {number}", raw, adapter) for number, raw in enumerate(found, 1))


def _row(where: str, raw: object, adapter: TypeAdapter[T]) -> T:
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        name = next((raw[field] for field in NAMING if isinstance(raw, dict) and field in raw), "")
        said = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        raise RuleDataError(f"{where} ({name}): {said}") from error
