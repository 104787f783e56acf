"""What grants take and show, per audience."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.clock import Day, Instant
from app.credit.models import ExpiredCreditTo, FeeFunding, LeaversRule, ProgrammeSource, ValidityBasis
from app.grants.models import EntryKind, GeneralityReason, GrantStatus, TopUpStatus
from app.http.schemas import ABSENT, VERSION, Code, In, Metadata, Name, Out
from app.ids import EmployeeId, GrantId, OrganisationId, ProgrammeId, RevocationId, TopUpId, UserId
from app.money import PositiveCents
from app.rules.decisions import Reading
from app.rules.rows import RuleCode

MAX_LINES = 20_000
OwnId = Annotated[Code | None, Field(description="Its id in your own system")]
NOTES: Any = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class CompanyFundsRead(Out):
    """A company's money here: on its account, put into credit, wanted by waiting grants.

    What comes back is posted as one sum a period, once it comes from enough people, and only then counts here.
    """

    balance_cents: int = Field(description="What is on the account.")
    granted_cents: int = Field(description="What was put into credit, less what was posted back.")
    awaiting_cents: int = Field(description="What approved grants wait for.")
    next_returns_on: Day = Field(description="The next day on which what came back may be posted.")


class CompanyEntryRead(Out):
    """A movement on the company's account."""

    id: str = Field(
        description="The id of the top-up, the grant or the return.", examples=["grt_01h455vb4pex5vsknk084sn02q"]
    )
    kind: EntryKind = Field(description="`returns`: what came back in a period, as one sum.")
    amount_cents: int = Field(description="Negative where the account paid.")
    happened_at: Instant


class TopUpCreate(In):
    amount_cents: PositiveCents
    external_id: OwnId = None
    metadata: Metadata = NOTES


class TopUpConfirm(In):
    """What the bank's statement says; another sum than the announced one is refused."""

    amount_cents: PositiveCents | None = None


class TopUpBase(Out):
    """Name `payment_reference` in the bank transfer."""

    id: TopUpId
    status: TopUpStatus
    amount_cents: int
    payment_reference: str = Field(examples=["RF34BEA7K3M9QXPT"])
    created_at: Instant
    resolved_at: Instant | None


class TopUpRead(TopUpBase):
    external_id: str | None
    metadata: dict[str, str] = Field(validation_alias="metadata_")


class OperatorTopUpRead(TopUpBase):
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
    external_id: OwnId = None
    metadata: Metadata = NOTES


class ProgrammeUpdate(In):
    """Absent keeps, null clears; only `name` and your own id and notes once a grant uses the programme."""

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
    external_id: OwnId = None
    metadata: Metadata = ABSENT


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
    external_id: str | None
    metadata: dict[str, str]
    version: int = Field(description=VERSION)
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
    external_id: OwnId = None
    metadata: Metadata = NOTES

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
    external_id: str | None
    metadata: dict[str, str]
    version: int = Field(description=VERSION)
    created_at: Instant
    approved_at: Instant | None
    activated_at: Instant | None


class GrantRevoke(In):
    """Why, and whose lines; without `employee_ids` the whole grant."""

    reason: Name
    employee_ids: Annotated[list[EmployeeId], Field(min_length=1, max_length=MAX_LINES)] | None = None


class RevocationApproved(Out):
    revoked_lots: int = Field(description="How many given lots could still have been used by their dates.")


class RevocationRead(Out):
    """A revocation: asked for, then approved by another person or withdrawn."""

    id: RevocationId
    reason: str
    employee_ids: list[EmployeeId] | None = Field(description="Whose lines; null: the whole grant.")
    asked_at: Instant
    approved_at: Instant | None
    withdrawn_at: Instant | None


class GrantLineRead(Out):
    employee_id: EmployeeId
    amount_cents: int
