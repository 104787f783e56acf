"""The dated rows: rule codes, parameters, categories. All dates are inclusive days in Rome; an open end is None."""

from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Literal

from pydantic import ConfigDict

ROW_CONFIG = ConfigDict(extra="forbid")

RuleCode = Literal["C2_D_BIS", "C2_F", "C2_F_BIS", "C2_F_TER", "C2_F_QUATER", "C3_FRINGE"]
PaymentForm = Literal["direct", "voucher", "reimbursement"]
Status = Literal["confirmed", "unconfirmed"]
RelativesCondition = Literal["none", "fiscally_dependent", "elderly_or_certified"]
OfferingUnit = Literal["visit", "hour", "half_day", "day", "night", "week", "month", "session", "meal", "ride", "cycle"]
ParameterKind = Literal["cents", "bps", "years", "months", "flag", "day_of_year", "day_of_next_year", "code"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What every row of law carries: when it holds, where it comes from, and who answers for it."""

    __pydantic_config__: ClassVar[ConfigDict] = ROW_CONFIG

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


@dataclass(frozen=True, kw_only=True)
class Rule(Row):
    """A rule code: one letter of the law, for whom it holds and in which payment forms."""

    code: RuleCode
    name: str
    name_en: str
    payment_forms: tuple[PaymentForm, ...]
    for_self: bool
    for_relatives: bool
    relatives_condition: RelativesCondition = "none"
    last_resort: bool = False


@dataclass(frozen=True, kw_only=True)
class Cover(Row):
    """That a rule code may pay for a category. `payment_forms`, where given, replaces the rule's own."""

    rule_code: RuleCode
    payment_forms: tuple[PaymentForm, ...] | None = None


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
    """A dated number or code of the law. `kind` names its measure: cents, basis points, `MM-DD` or `MM-last` days."""

    name: str
    kind: ParameterKind
    value: int | str

    @property
    def integer(self) -> int:
        """The value of a numeric parameter; TypeError for a code or a day."""
        if isinstance(self.value, str):
            raise TypeError(f"parameter {self.name} is a {self.kind}, not a number")
        return self.value

    def day_in(self, year: int) -> date:
        """The day a `day_of_year` parameter means for that year (`day_of_next_year`: in the year after it)."""
        if not isinstance(self.value, str) or not self.kind.startswith("day_of"):
            raise TypeError(f"parameter {self.name} is a {self.kind}, not a day")
        year += self.kind == "day_of_next_year"
        month, _, day = self.value.partition("-")
        if day == "last":
            following = date(year + int(month) // 12, int(month) % 12 + 1, 1)
            return date.fromordinal(following.toordinal() - 1)
        return date(year, int(month), int(day))
