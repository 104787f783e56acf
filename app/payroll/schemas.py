"""What payroll sends and sees: the amounts of a payslip, never the events behind them."""

from typing import Annotated, Literal

from pydantic import Field

from app.clock import Day, Instant
from app.http.schemas import Code, In, Out, example
from app.http.words import words
from app.ids import EmployeeId, OrganisationId
from app.payroll.models import PayrollKind
from app.rules.rows import RuleCode

PeriodStatus = Literal["open", "closed"]
Month = Annotated[str, Field(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$", examples=["2026-11"])]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", examples=["9f" * 32])]


class PayrollPeriodRead(Out):
    period: Month
    """The month."""
    status: PeriodStatus
    """Whether it may still change."""
    amount_cents: int
    """The sum of its amounts, in cents."""
    taxable_cents: int
    """The sum of what is taxable, in cents."""
    content_sha256: str | None
    """The hash of the content with which it was closed; null while it is open."""
    closed_at: Instant | None
    """When it was closed; null while it is open."""


class PayrollLineRead(Out):
    """What one person's payslip shows of one kind, rule and tax year."""

    employee_id: EmployeeId
    """The employment."""
    employee_external_id: str | None
    """The employee's id in your own system; null where you gave none."""
    fiscal_code: str
    """The employee's fiscal code."""
    given_name: str
    """The employee's given name."""
    family_name: str
    """The employee's family name."""
    ended_on: Day | None
    """The last day of work of who leaves: the payslip may be due before the month is closed."""
    cause_code: str | None
    """Your own code for it; null where you gave none (`PUT .../payroll_cause_codes`)."""
    kind: PayrollKind
    """What it is."""
    rule_code: RuleCode | None
    """The rule of law that exempts it; null where none does, or none is needed."""
    amount_cents: int
    """The amount, in cents; below zero where something is taken back."""
    taxable_cents: int
    """What of the tax year becomes taxable by it, in cents; it may be more than the amount, or below zero."""
    tax_year: int
    """The tax year to which it belongs."""
    delta_of: str | None
    """The closed month to which it belongs; null where that is this one."""


class MissingCauseCodeRead(Out):
    """What the company has no cause code for."""

    kind: PayrollKind
    """What the lines are."""
    rule_code: RuleCode | None
    """Their rule of law; null: none."""


class PayrollExportRead(Out):
    """A month's lines; sums and hash are of the whole month, also where only some lines were asked for."""

    period: Month
    """The month."""
    status: PeriodStatus
    """Whether it may still change."""
    content_sha256: str
    """The hash of company, month and lines: close the month by it."""
    amount_cents: int
    """The sum of its amounts, in cents."""
    taxable_cents: int
    """The sum of what is taxable, in cents."""
    closed_at: Instant | None
    """When it was closed; null while it is open."""
    missing_cause_codes: list[MissingCauseCodeRead]
    """What has no cause code; lines of a month that is closed keep theirs."""
    lines: list[PayrollLineRead]
    """One line for each person, kind, rule, tax year and month of origin."""


class PayrollPeriodClosing(In):
    content_sha256: Sha256 = Field(description="The content you saw: what the export says")


class CauseCodeWrite(In):
    kind: PayrollKind
    """What your program calls by this code."""
    rule_code: RuleCode | None = None
    """For lines with this rule only; null: for all of the kind without a code of their own."""
    cause_code: Annotated[Code, Field(max_length=32)]
    """The code in your payroll program."""


class PayrollCauseCodesWrite(In):
    model_config = example(cause_codes=[{"kind": "late_fee", "cause_code": "W510"}])

    cause_codes: list[CauseCodeWrite] = Field(max_length=50, description="All of them: what is left out is gone")


class CauseCodeRead(Out):
    kind: PayrollKind
    """What is called by this code."""
    rule_code: RuleCode | None
    """For lines with this rule only; null: for all of the kind without a code of their own."""
    cause_code: str
    """The code in the company's payroll program."""


class PayrollCauseCodesRead(Out):
    cause_codes: list[CauseCodeRead]
    """The company's codes, by kind."""


class PayrollAccessRead(Out):
    """One employer, and whether its payroll is apart from its human resources."""

    company_id: OrganisationId
    """The employer."""
    company_name: str
    """The employer's name."""
    since: Instant | None
    """Since when one person there has both roles; null where they are two people."""
    reason: str | None
    """Why, as the company recorded it; null where they are two people."""


class PayrollAccessesRead(Out):
    employers: list[PayrollAccessRead]
    """Your employers, by name."""


words(
    "PayrollKind",
    PayrollKind,
    reimbursement_payslip="a reimbursement to be paid out with the payslip",
    reimbursement_figurative="a reimbursement paid already, which the payslip only shows",
    fringe="goods and services under the yearly limit",
    bonus_conversion="a part of a performance bonus taken as credit",
    late_fee="a fee for coming not or cancelling late that credit paid: no service enjoyed, so taxable",
)
words(
    "PayrollPeriodStatus",
    PeriodStatus,
    open="it may still get lines",
    closed="it never changes: what comes later is a line of the next month",
)
