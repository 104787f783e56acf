"""The rule book: every dated row, read from TOML and checked before anything may be decided with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TypeVar

from app.config import settings
from app.rules import reading, signatures
from app.rules.beneficiary import Relation as AnyRelation
from app.rules.errors import RulesNotSigned
from app.rules.reading import RuleDataError
from app.rules.rows import Agreement, Category, Parameter, Relation, Row, Rule
from app.rules.signatures import Signature, signed
from app.rules.soundness import check

__all__ = ["DATA_FOLDER", "RuleBook", "RuleDataError", "UnknownParameter", "book_in_force", "load", "require_signed"]

DATA_FOLDER = Path(__file__).parent / "data"
RowT = TypeVar("RowT", bound=Row)


class UnknownParameter(LookupError):
    """No row of that parameter is valid on that day."""


@dataclass(frozen=True)
class RuleBook:
    """All rows, valid or not on any given day."""

    rules: tuple[Rule, ...]
    parameters: tuple[Parameter, ...]
    categories: tuple[Category, ...]
    relations: tuple[Relation, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    lapsed: tuple[Signature, ...] = ()
    """Signatures of what no row says any more."""

    def rule(self, code: str, on: date) -> Rule | None:
        """The row of that rule code valid on that day."""
        return next((row for row in self.rules if row.code == code and row.holds(on)), None)

    def rules_on(self, on: date) -> tuple[Rule, ...]:
        """The rule codes valid on that day."""
        return _on(self.rules, on)

    def relation(self, relation: AnyRelation, on: date) -> Relation | None:
        """Whether somebody counts as a relative on that day; None for oneself, and before the law."""
        return next((row for row in self.relations if row.relation == relation and row.holds(on)), None)

    def parameter(self, name: str, on: date) -> Parameter:
        """The row of that parameter valid on that day; UnknownParameter where there is none."""
        for row in self.parameters:
            if row.name == name and row.holds(on):
                return row
        raise UnknownParameter(f"{name} on {on.isoformat()}")

    def agreement(self, code: str, on: date) -> Agreement | None:
        """The terms of that collective agreement for the calendar year of that day."""
        return next((row for row in self.agreements if row.code == code and row.holds(on)), None)

    def agreements_on(self, on: date) -> tuple[Agreement, ...]:
        """The collective agreements that give credit in the calendar year of that day."""
        return _on(self.agreements, on)

    def category(self, code: str, on: date) -> Category | None:
        """The category with the covers of that day; None where it is unknown or nothing covers it then."""
        known = next((category for category in self.categories if category.code == code), None)
        dated = known and _as_of(known, on)
        return dated if dated and dated.covers else None

    def categories_on(self, on: date) -> tuple[Category, ...]:
        """The categories that some rule code covers on that day, with the covers of that day only."""
        dated = (_as_of(category, on) for category in self.categories)
        return tuple(category for category in dated if category.covers)

    def rows(self) -> Iterator[Row]:
        """Every row, in the order in which an adviser reads them."""
        covers = chain.from_iterable(category.covers for category in self.categories)
        yield from chain(self.rules, self.relations, self.parameters, self.agreements, covers)

    def unsigned_on(self, on: date) -> tuple[Row, ...]:
        """The rows valid on that day for which nobody answers."""
        return tuple(row for row in self.rows() if row.holds(on) and not row.signed)


def _on(rows: Sequence[RowT], on: date) -> tuple[RowT, ...]:
    return tuple(row for row in rows if row.holds(on))


def _as_of(category: Category, on: date) -> Category:
    return replace(category, covers=_on(category.covers, on))


def load(folder: Path = DATA_FOLDER, signature_file: Path | None = None) -> RuleBook:
    """Read a folder's files of rows and who signed them; RuleDataError names the file and row that is unsound."""
    data = reading.read(folder)
    check(data)
    given = signatures.read(signature_file or folder / "signatures.toml")
    book = RuleBook(
        rules=_all_signed(data.rules, given),
        parameters=_all_signed((*data.limits, *data.bonus), given),
        categories=tuple(replace(each, covers=_all_signed(each.covers, given)) for each in data.categories),
        relations=_all_signed(data.relations, given),
        agreements=_all_signed(data.agreements, given),
    )
    hashes = {(row.id, row.sha256) for row in book.rows()}
    return replace(book, lapsed=tuple(each for each in given if (each.row, each.sha256) not in hashes))


def _all_signed(rows: Sequence[RowT], given: Sequence[Signature]) -> tuple[RowT, ...]:
    return tuple(signed(row, given) for row in rows)


def signature_file() -> Path:
    """Return where this installation keeps its signatures."""
    return settings().rule_signatures or DATA_FOLDER / "signatures.toml"


def book_in_force() -> RuleBook:
    """The book that decides today: read once, asked for where a request begins its work and handed on from there."""
    return _read_once(signature_file())


@cache
def _read_once(signature_file: Path) -> RuleBook:
    return load(signature_file=signature_file)


def require_signed(*rows: Row) -> None:
    """Refuse in production to reckon with rows for which nobody answers (RulesNotSigned); the sandbox only shows it."""
    if not settings().sandbox and (unsigned := [row.id for row in rows if not row.signed]):
        raise RulesNotSigned(rows=unsigned)
