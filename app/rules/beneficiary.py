"""The facts about a beneficiary that the law asks for, and the questions it asks of them on a date."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Relative = Literal[
    "spouse", "child", "parent", "child_in_law", "parent_in_law", "sibling", "grandparent", "grandchild", "other"
]
Relation = Literal["self", Relative]


@dataclass(frozen=True)
class Period:
    """Days from `start` to `end`, both included; an open end is None."""

    start: date
    end: date | None = None

    def contains(self, on: date) -> bool:
        """Whether the day lies in the period."""
        return self.start <= on and (self.end is None or on <= self.end)


@dataclass(frozen=True)
class Certificate:
    """A certificate that makes the beneficiary non-self-sufficient in law while it is valid."""

    kind: Literal["non_self_sufficient"]
    validity: Period


@dataclass(frozen=True)
class BeneficiaryFacts:
    """Who receives the care. Every fact is dated: a decision is about one day."""

    relation: Relation
    birth_date: date | None = None
    cohabitation: tuple[Period, ...] = ()
    maintained: tuple[Period, ...] = ()
    dependent_years: frozenset[int] = field(default_factory=frozenset)
    certificates: tuple[Certificate, ...] = ()


def age(beneficiary: BeneficiaryFacts, on: date) -> int | None:
    """Whole years on that day; born on 29 February means a birthday on 1 March in common years."""
    born = beneficiary.birth_date
    if born is None:
        return None
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


def lives_with_or_is_maintained(beneficiary: BeneficiaryFacts, on: date) -> bool:
    """Cohabiting with the employee, or receiving maintenance no court ordered (art. 12 c. 4-ter TUIR)."""
    return _any_contains((*beneficiary.cohabitation, *beneficiary.maintained), on)


def is_certified(beneficiary: BeneficiaryFacts, on: date) -> bool:
    """Holds a certificate of non-self-sufficiency valid that day."""
    return _any_contains((certificate.validity for certificate in beneficiary.certificates), on)


def _any_contains(periods: Iterable[Period], on: date) -> bool:
    return any(period.contains(on) for period in periods)
