"""What a person reads of a year for the tax return."""

from app.http.schemas import Out
from app.payroll.models import PayrollKind
from app.rules.rows import RuleCode


class UsedCreditRead(Out):
    rule_code: RuleCode
    """The rule of law under which it paid."""
    amount_cents: int
    """What it paid for units, less what came back, in cents."""


class ReimbursementRead(Out):
    kind: PayrollKind
    """How it was reimbursed."""
    rule_code: RuleCode | None
    """The rule of law that exempts it; null where none does."""
    amount_cents: int
    """What was reimbursed, in cents."""


class OwnMoneyRead(Out):
    provider_name: str
    """Who provided it, and whose receipt you need."""
    provider_tax_code: str
    """The provider's tax code."""
    category: str
    """The kind of care: a code of `GET /v1/categories`."""
    category_name: str
    """The kind of care, in your language."""
    beneficiary_name: str
    """Who received it."""
    amount_cents: int
    """What you owed for it, in cents."""


class TaxStatementRead(Out):
    """A person's year over all employments. Credit and reimbursements are never deductible: somebody else paid."""

    year: int
    """The year, by days in Rome."""
    granted_cents: int
    """Credit that you were given in the year, in cents."""
    used: list[UsedCreditRead]
    """Services that credit paid in the year, by rule; never deductible."""
    fees_from_credit_cents: int
    """Fees for coming not or cancelling late that credit paid, in cents: taxed with the payslip."""
    lost_cents: int
    """Credit that expired or went back in the year, in cents."""
    reimbursements: list[ReimbursementRead]
    """What you had paid and was reimbursed; never deductible again."""
    own_money: list[OwnMoneyRead]
    """What you paid yourself: only this may be deductible, by the law on each kind of expense."""
    own_money_cents: int
    """What you paid yourself in all, without fees, in cents."""
    fees_own_money_cents: int
    """Fees that you paid yourself, in cents: no service, so never deductible."""
