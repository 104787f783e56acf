"""What grants take and show, per audience."""

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.clock import Day, Instant
from app.credit.models import ExpiredCreditTo, FeeFunding, LeaversRule, ProgrammeSource, ValidityBasis
from app.grants.models import GeneralityReason, GrantStatus, TopUpStatus
from app.http.schemas import ABSENT, Code, In, Name, Out
from app.ids import EmployeeId, GrantId, OrganisationId, ProgrammeId, TopUpId, UserId
from app.money import PositiveCents
from app.rules.decisions import Reading
from app.rules.rows import RuleCode

MAX_LINES = 20_000


class CompanyFundsRead(Out):
    """A company's money here: on its account, put into credit (less what came back), wanted by waiting grants."""

    balance_cents: int
    granted_cents: int
    awaiting_cents: int


class TopUpCreate(In):
    amount_cents: PositiveCents


class TopUpConfirm(In):
    """What the bank's statement says; another sum than the announced one is refused."""

    amount_cents: PositiveCents | None = None


class TopUpRead(Out):
    """Name `payment_reference` in the bank transfer."""

    id: TopUpId
    status: TopUpStatus
    amount_cents: int
    payment_reference: str = Field(examples=["RF34BEA7K3M9QXPT"])
    created_at: Instant
    resolved_at: Instant | None


class OperatorTopUpRead(TopUpRead):
    company_id: OrganisationId
    company_name: str
    confirmed_by: UserId | None = Field(description="Who saw the money first")
    second_confirmed_by: UserId | None = Field(description="The other person, above the limit of one")


RuleCodes = Annotated[list[RuleCode], Field(min_length=1, max_length=6)]
Categories = Annotated[list[Code], Field(min_length=1, max_length=100)]


class ProgrammeCreate(In):
    """`categories` null: every category that the rule codes cover.

    Expired credit goes, unless said, to the company where it is on top, else to the alliance's solidarity fund.
    """

    name: Name
    source: ProgrammeSource
    basis: Name | None = None
    basis_reference: Name | None = None
    employee_category: Code
    rule_codes: RuleCodes
    categories: Categories | None = None
    lot_expires_on: Day
    validity_basis: ValidityBasis = "service_date"
    expired_credit_to: ExpiredCreditTo | None = None
    leavers_rule: LeaversRule = "keep_until_expiry"
    fee_funding: FeeFunding = "out_of_pocket"
    relatives_reading: Reading | None = None


class ProgrammeUpdate(In):
    """Absent keeps, null clears; only `name` once a grant uses the programme."""

    name: Name = ABSENT
    source: ProgrammeSource = ABSENT
    basis: Name | None = None
    basis_reference: Name | None = None
    employee_category: Code = ABSENT
    rule_codes: RuleCodes = ABSENT
    categories: Categories | None = None
    lot_expires_on: Day = ABSENT
    validity_basis: ValidityBasis = ABSENT
    expired_credit_to: ExpiredCreditTo = ABSENT
    leavers_rule: LeaversRule = ABSENT
    fee_funding: FeeFunding = ABSENT
    relatives_reading: Reading = ABSENT


class ProgrammeRead(Out):
    id: ProgrammeId
    name: str
    source: ProgrammeSource
    basis: str | None
    basis_reference: str | None
    employee_category: str
    rule_codes: list[RuleCode]
    categories: list[str] | None
    lot_expires_on: Day
    validity_basis: ValidityBasis
    expired_credit_to: ExpiredCreditTo
    leavers_rule: LeaversRule
    fee_funding: FeeFunding
    relatives_reading: Reading
    created_at: Instant


class GrantLineCreate(In):
    employee_id: EmployeeId
    amount_cents: PositiveCents


class GrantCreate(In):
    """Either `lines`, or `each_cents` for everybody now employed in the programme's category."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"programme_id": "prg_01h455vb4pex5vsknk084sn02q", "each_cents": 250_00}]}
    )

    programme_id: ProgrammeId
    lines: Annotated[list[GrantLineCreate], Field(min_length=1, max_length=MAX_LINES)] | None = None
    each_cents: PositiveCents | None = None
    generality_reason: GeneralityReason | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "GrantCreate":
        if (self.lines is None) == (self.each_cents is None):
            raise PydanticCustomError("lines_or_each_cents", "give either lines or each_cents")
        return self


class GrantRead(Out):
    """`shortfall_cents`: what the account lacks now for a grant that is not active yet. `id` is null in a dry run."""

    id: GrantId | None
    programme_id: ProgrammeId
    status: GrantStatus
    total_cents: int
    employee_count: int
    shortfall_cents: int
    generality_reason: GeneralityReason | None
    created_at: Instant
    approved_at: Instant | None
    activated_at: Instant | None


class GrantLineRead(Out):
    employee_id: EmployeeId
    amount_cents: int
