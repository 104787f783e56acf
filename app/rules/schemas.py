"""What everybody sees of the law: every row of a day, with where it is written and who answers for it."""

from typing import Self

from pydantic import Field

from app.clock import Day
from app.http.schemas import Out, Page
from app.http.words import words
from app.rules.beneficiary import Relative
from app.rules.rows import (
    Category,
    Cover,
    Parameter,
    ParameterKind,
    ParameterName,
    PaymentForm,
    RelativeCounts,
    RelativesCondition,
    Row,
    RuleCode,
    Status,
    UsableIn,
)
from app.rules.words import said


class LawRowRead(Out):
    """One dated row of law; `valid_to` is the last day."""

    row: str = Field(examples=["rule/C2_F_TER/2016-01-01"])
    """The name of the row, as an adviser signs it."""
    says: str
    """What it says, in plain Italian."""
    says_en: str
    """What it says, in plain English."""
    citation: str
    """The passage of the law."""
    source: str
    """Where the text can be read."""
    status: Status
    """Whether the reading of the law is confirmed."""
    signed_off_by: str | None
    """The adviser who answers for it; null: nobody does, and production decides nothing with it."""
    signed_off_on: Day | None
    """When it was signed off."""
    sha256: str
    """The hash of what it says: the adviser signed this text and no other."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None
    """The last day on which it holds; null: no end."""

    @classmethod
    def of(cls, row: Row, **more: object) -> Self:
        """Show a row; `more` is what it does not say itself."""
        own = {name: getattr(row, name) for name in cls.model_fields if hasattr(row, name)}
        text = said(row)
        return cls.model_validate({**own, "row": row.id, "says": text.it, "says_en": text.en, **more})


class CoverRead(LawRowRead):
    """That the rule may pay for a kind of care."""

    category: str
    """The code of the kind of care."""
    name: str
    """Its Italian name."""
    name_en: str
    """Its English name."""
    payment_forms: list[PaymentForm] | None
    """In which forms only; null: as the rule says."""

    @classmethod
    def within(cls, category: Category, cover: Cover) -> Self:
        """Show a cover with the names of its category."""
        return cls.of(cover, name=category.name, name_en=category.name_en)


class RuleRead(LawRowRead):
    """A letter of the law that lets credit pay: for whom, in which forms, for which kinds of care."""

    code: RuleCode
    """The stable code of the rule."""
    name: str
    """The Italian name."""
    name_en: str
    """The English name."""
    payment_forms: list[PaymentForm]
    """In which forms it may pay."""
    for_self: bool
    """Whether it pays for the employee."""
    for_relatives: bool
    """Whether it pays for relatives."""
    relatives_condition: RelativesCondition
    """What relatives must fulfil."""
    last_resort: bool
    """Whether it is taken only where nothing else pays, and the person agrees."""
    covers: list[CoverRead]
    """The kinds of care that it may pay for."""


class RelationRead(LawRowRead):
    """Whether somebody counts as a relative."""

    relation: Relative
    """The relation to the employee."""
    name: str
    """The Italian name."""
    name_en: str
    """The English name."""
    counts: RelativeCounts
    """Whether, and on what condition, it counts."""


class ParameterRead(LawRowRead):
    """A limit, rate, age or day of the law."""

    name: ParameterName
    """The stable code of the parameter."""
    title: str
    """The Italian name."""
    title_en: str
    """The English name."""
    kind: ParameterKind
    """What is measured."""
    number: int | None
    """The value: cents, basis points or years; null where it is a day."""
    day: str | None = Field(examples=["12-31"])
    """The day of the year, as `MM-DD` or `MM-last`; null where it is a number."""

    @classmethod
    def valued(cls, row: Parameter) -> Self:
        """Show a parameter with its value in the field that fits."""
        day = row.value if isinstance(row.value, str) else None
        return cls.of(row, number=None if day else row.value, day=day)


class AgreementRead(LawRowRead):
    """What a collective agreement gives for a calendar year; days are `MM-DD` or `MM-last`."""

    code: str = Field(examples=["metalworkers"])
    """The stable code of the agreement."""
    name: str
    """The Italian name."""
    name_en: str
    """The English name."""
    amount_cents: int
    """The credit of one year, in cents."""
    available_by: str = Field(examples=["06-01"])
    """By when the company puts it at the staff's disposal."""
    usable_until: str = Field(examples=["05-31"])
    """Its last day."""
    usable_in: UsableIn
    """In which year its last day is."""
    window_start: str = Field(examples=["06-01"])
    """Due to who is in force on this day ..."""
    window_end: str = Field(examples=["12-31"])
    """... or hired until this one."""
    probation_excluded: bool
    """Whether it is due only when probation has ended."""
    fixed_term_min_months: int
    """So many months of the calendar year a fixed term has to last; 0: no condition."""
    unpaid_leave_excluded: bool
    """Whether who is on unpaid leave throughout the window has no right to it."""
    part_time_prorated: bool
    """Whether part-time work makes it smaller."""
    once_a_year: bool
    """Whether who was hired again in the year has it once."""


class RulePage(Page[RuleRead]):
    """The rules of a day, and with every page all else that decides then."""

    relations: list[RelationRead]
    """Who counts as a relative that day."""
    parameters: list[ParameterRead]
    """The limits, rates, ages and days of that day."""
    agreements: list[AgreementRead]
    """The collective agreements of that day's calendar year."""


words(
    "RuleCode",
    RuleCode,
    C2_D_BIS="public transport passes, art. 51 c. 2 d-bis TUIR",
    C2_F="social, health, education and recreation services, art. 51 c. 2 f TUIR",
    C2_F_BIS="education and children, art. 51 c. 2 f-bis TUIR",
    C2_F_TER="care of elderly and dependent relatives, art. 51 c. 2 f-ter TUIR",
    C2_F_QUATER="insurance against dependency, art. 51 c. 2 f-quater TUIR",
    C3_FRINGE="goods and services up to a yearly limit, art. 51 c. 3 TUIR",
)
words(
    "PaymentForm",
    PaymentForm,
    direct="the employer's money pays the provider",
    voucher="a voucher for a whole service",
    reimbursement="the employee pays and is paid back",
)
words(
    "RelativesCondition",
    RelativesCondition,
    none="nothing",
    fiscally_dependent="be fiscally dependent on the employee",
    elderly_or_certified="be 75 or older, or certified as non-self-sufficient",
)
words("RuleStatus", Status, confirmed="the reading is settled", unconfirmed="it is an interpretation")
words(
    "RelativeCounts",
    RelativeCounts,
    always="as such",
    if_cohabiting_or_maintained="while living with the employee or maintained without a court's order, read strictly",
    never="no relative in law",
)
words("UsableIn", UsableIn, same_year="the year of the credit", next_year="the year after")
words(
    "ParameterKind",
    ParameterKind,
    cents="an amount in cents",
    bps="a rate in basis points (100 is 1 per cent)",
    years="an age",
    day_of_year="a day of the year",
)
words(
    "ParameterName",
    ParameterName,
    fringe_limit_cents="yearly limit of fringe benefits, no dependent children",
    fringe_limit_with_children_cents="the same with dependent children, for each parent",
    fringe_previous_year_until="what is received until this day counts for the year before",
    child_income_limit_cents="highest income of a dependent child",
    young_child_income_limit_cents="highest income of a young dependent child",
    young_child_max_age="up to this age a child is young",
    child_income_tested_on="when children's income is tested",
    elderly_age="from this age a relative is elderly",
    bonus_tax_bps="substitute tax on the performance bonus",
    bonus_cap_cents="performance bonus with the lower tax, at most",
    bonus_conversion_cap_cents="bonus that may be converted into credit, at most",
    bonus_contribution_bps="the employee's contributions on the bonus",
    bonus_income_limit_cents="income of the year before above which there is no lower tax",
)
