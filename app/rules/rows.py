"""The dated rows of law. All dates are inclusive days in Rome; an open end is None."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from typing import ClassVar, Literal

from pydantic import ConfigDict

from app.rules.beneficiary import Period, Relative

ROW_CONFIG = ConfigDict(extra="forbid")

RuleCode = Literal["C2_D_BIS", "C2_F", "C2_F_BIS", "C2_F_TER", "C2_F_QUATER", "C3_FRINGE"]
PaymentForm = Literal["direct", "voucher", "reimbursement"]
Status = Literal["confirmed", "unconfirmed"]
UsableIn = Literal["same_year", "next_year"]
RelativesCondition = Literal["none", "fiscally_dependent", "elderly_or_certified"]
RelativeCounts = Literal["always", "if_cohabiting_or_maintained", "never"]
OfferingUnit = Literal["visit", "hour", "half_day", "day", "night", "week", "month", "session", "meal", "ride", "cycle"]
ParameterKind = Literal["cents", "bps", "years", "day_of_year"]
ParameterName = Literal[
    "fringe_limit_cents",
    "fringe_limit_with_children_cents",
    "fringe_previous_year_until",
    "child_income_limit_cents",
    "young_child_income_limit_cents",
    "young_child_max_age",
    "child_income_tested_on",
    "elderly_age",
    "bonus_tax_bps",
    "bonus_cap_cents",
    "bonus_conversion_cap_cents",
    "bonus_contribution_bps",
    "bonus_income_limit_cents",
]
"""What decisions ask for by name: a row of any other name would be read by nobody, and is refused."""
SIGN_OFF = frozenset({"signed_off_by", "signed_off_on"})


@dataclass(frozen=True, kw_only=True)
class Row(ABC):
    """What every row of law carries: when it holds, where it comes from, and who answers for it."""

    __pydantic_config__: ClassVar[ConfigDict] = ROW_CONFIG
    subject: ClassVar[str]

    valid_from: date
    valid_to: date | None = None
    citation: str
    source: str
    status: Status
    signed_off_by: str | None = None
    signed_off_on: date | None = None

    def holds(self, on: date) -> bool:
        """Whether the row is valid on that day."""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)

    @property
    def signed(self) -> bool:
        """Whether an adviser answers for the row."""
        return self.signed_off_by is not None

    @property
    @abstractmethod
    def key(self) -> str:
        """What the row is about: no two rows of one key hold on the same day."""

    @property
    def id(self) -> str:
        """The row's name, as an adviser signs it."""
        return f"{self.subject}/{self.key}/{self.valid_from.isoformat()}"

    @property
    def sha256(self) -> str:
        """The hash of what the row says. A field left out counts as nothing, so that new ones void no signature."""
        said = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name not in SIGN_OFF and getattr(self, field.name) != _default(field.default)
        }
        text = json.dumps([self.id, said], default=str, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _default(default: object) -> object:
    return None if default is MISSING else default


@dataclass(frozen=True, kw_only=True)
class Rule(Row):
    """A rule code: one letter of the law, for whom it holds and in which payment forms."""

    subject = "rule"

    code: RuleCode
    name: str
    name_en: str
    payment_forms: tuple[PaymentForm, ...]
    for_self: bool
    for_relatives: bool
    relatives_condition: RelativesCondition = "none"
    last_resort: bool = False

    @property
    def key(self) -> str:
        return self.code


@dataclass(frozen=True, kw_only=True)
class Relation(Row):
    """Whether somebody counts as a relative in law, and on what condition."""

    subject = "relation"

    relation: Relative
    name: str
    name_en: str
    counts: RelativeCounts

    @property
    def key(self) -> str:
        return self.relation


@dataclass(frozen=True, kw_only=True)
class Cover(Row):
    """That a rule code may pay for a category. `payment_forms`, where given, replaces the rule's own."""

    subject = "category"

    rule_code: RuleCode
    payment_forms: tuple[PaymentForm, ...] | None = None
    category: str = ""
    """The category that it stands in; the file says it once, above."""

    @property
    def key(self) -> str:
        return f"{self.category}/{self.rule_code}"


@dataclass(frozen=True, kw_only=True)
class Category:
    """A kind of care of the Lombard taxonomy. `covers` is in order of preference; no units means claims only."""

    __pydantic_config__: ClassVar[ConfigDict] = ROW_CONFIG

    code: str
    name: str
    name_en: str
    units: tuple[OfferingUnit, ...]
    covers: tuple[Cover, ...]

    @property
    def rule_codes(self) -> tuple[RuleCode, ...]:
        """The rule codes that may pay for it, preferred first."""
        return tuple(cover.rule_code for cover in self.covers)


@dataclass(frozen=True, kw_only=True)
class Parameter(Row):
    """A dated number or day of the law. `kind` names its measure: cents, basis points, `MM-DD` or `MM-last` days."""

    subject = "limit"

    name: ParameterName
    title: str
    title_en: str
    kind: ParameterKind
    value: int | str

    def __post_init__(self) -> None:
        if isinstance(self.value, str) != (self.kind == "day_of_year"):
            raise ValueError(f"{self.value!r} is no {self.kind}")
        if isinstance(self.value, str):
            day_in(self.value, 2001)
        elif self.value < 0:
            raise ValueError("the value is below 0")

    @property
    def key(self) -> str:
        return self.name

    @property
    def integer(self) -> int:
        """The value of a numeric parameter; TypeError for a day."""
        if isinstance(self.value, str):
            raise TypeError(f"parameter {self.name} is a {self.kind}, not a number")
        return self.value

    def day_in(self, year: int) -> date:
        """The day that a `day_of_year` parameter means in that year."""
        if not isinstance(self.value, str):
            raise TypeError(f"parameter {self.name} is a {self.kind}, not a day")
        return day_in(self.value, year)


@dataclass(frozen=True, kw_only=True)
class Agreement(Row):
    """A collective agreement's credit: how much, until when, and for whom. A row holds for whole calendar years."""

    subject = "agreement"

    code: str
    name: str
    name_en: str
    amount_cents: int
    available_by: str
    """By this day of the year the company puts it at the staff's disposal."""
    usable_until: str
    usable_in: UsableIn
    window_start: str
    window_end: str
    """Due to who is in force on the window's first day, or hired until its last."""
    probation_excluded: bool
    """Nobody in probation has a right to it: it is due when probation ends."""
    fixed_term_min_months: int
    """A fixed-term employment has to last so many months of the calendar year; 0: no condition."""
    unpaid_leave_excluded: bool
    """Nobody has a right to it who is on unpaid leave throughout the window."""
    part_time_prorated: bool
    once_a_year: bool
    """Who left and came back within the year has it once."""

    def __post_init__(self) -> None:
        for day in (self.available_by, self.usable_until, self.window_start, self.window_end):
            day_in(day, 2001)
        if self.amount_cents <= 0 or self.fixed_term_min_months < 0:
            raise ValueError("an amount above 0 and months of 0 or more are needed")
        if (self.valid_from.month, self.valid_from.day) != (1, 1):
            raise ValueError("valid_from: an agreement's row begins with a calendar year")

    @property
    def key(self) -> str:
        return self.code

    def available_on(self, year: int) -> date:
        """The last day on which the company may put that year's credit at the staff's disposal."""
        return day_in(self.available_by, year)

    def usable_to(self, year: int) -> date:
        """The last day of that year's credit."""
        return day_in(self.usable_until, year + (self.usable_in == "next_year"))

    def window(self, year: int) -> Period:
        """The days of that year in which one has to be there."""
        return Period(day_in(self.window_start, year), day_in(self.window_end, year))


AnyRow = Rule | Relation | Cover | Parameter | Agreement
SUBJECTS: Mapping[str, type[Row]] = {kind.subject: kind for kind in (Rule, Relation, Cover, Parameter, Agreement)}
"""In the order in which an adviser reads them."""


def day_in(text: str, year: int) -> date:
    """The day that `MM-DD` or `MM-last` means in that year; ValueError where there is none."""
    month, _, day = text.partition("-")
    if day == "last":
        following = date(year + int(month) // 12, int(month) % 12 + 1, 1)
        return date.fromordinal(following.toordinal() - 1)
    return date(year, int(month), int(day))
