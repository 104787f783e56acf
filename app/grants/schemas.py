"""What grants take and show, per audience."""

from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.clock import Day, Instant
from app.credit.models import ExpiredCreditTo, FeeFunding, LeaversRule, ProgrammeSource, ValidityBasis
from app.grants.models import EntryKind, GeneralityReason, GrantStatus, TopUpStatus
from app.http.schemas import ABSENT, VERSION, Code, In, Metadata, Name, Out, example
from app.http.words import words
from app.ids import (
    EmployeeId,
    GrantId,
    OrganisationId,
    ProgrammeId,
    RevocationId,
    TopUpId,
    UserId,
)
from app.money import PositiveCents
from app.rules.decisions import Reading
from app.rules.rows import RuleCode

MAX_LINES = 20_000
ENTRY_PREFIXES: dict[EntryKind, str] = {"top_up": "top", "grant": "grt", "returns": "ret"}
OwnId = Annotated[Code | None, Field(description="Its id in your own system")]


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
    """When it took effect (UTC)."""


class TopUpCreate(In):
    model_config = example(amount_cents=500_000)

    amount_cents: PositiveCents
    """The sum that the company will transfer, in cents."""
    external_id: OwnId = None
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class TopUpConfirm(In):
    """What the bank's statement says; another sum than the announced one is refused."""

    model_config = example()

    amount_cents: PositiveCents | None = None
    """The sum that arrived, in cents; null: the announced one."""


class TopUpBase(Out):
    """Name `payment_reference` in the bank transfer."""

    id: TopUpId
    status: TopUpStatus
    """Where it stands."""
    amount_cents: int
    """The announced sum in cents."""
    payment_reference: str = Field(examples=["RF34BEA7K3M9QXPT"])
    """What the bank transfer must name."""
    created_at: Instant
    """When it was made, in business time (UTC)."""
    resolved_at: Instant | None
    """When it was confirmed, returned or cancelled; null before."""


class PayeeRead(Out):
    name: str
    """Whose account it is."""
    iban: str = Field(examples=["IT60X0542811101000000123456"])
    """The account to pay to."""


class TopUpRead(TopUpBase):
    payee: PayeeRead | None
    """To whom the bank transfer goes; null as long as nobody runs the installation."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Up to 50 entries of your own: short names, texts up to 500 characters."""


class OperatorTopUpRead(TopUpBase):
    company_id: OrganisationId
    """The company that pays."""
    company_name: str
    """The company's name."""
    confirmed_by: UserId | None = Field(description="Who saw the money first")
    second_confirmed_by: UserId | None = Field(description="The other person, above the limit of one")


RuleCodes = Annotated[list[RuleCode], Field(min_length=1, max_length=6)]
Categories = Annotated[list[Code], Field(min_length=1, max_length=100)]


class ProgrammeCreate(In):
    """`categories` null: every category that the rule codes cover.

    Expired credit goes, unless said, to the company where it is on top, else to the alliance's solidarity fund.
    """

    model_config = example(
        name="Welfare 2027",
        source="on_top",
        employee_category="operai",
        rule_codes=["C2_F", "C2_F_TER"],
        lot_expires_on="2027-12-31",
    )

    name: Name
    """The programme's name, which employees see."""
    source: ProgrammeSource
    """Why the company gives it: what may be done with the credit follows from it."""
    basis: Name | None = None
    """The agreement or rule of the company behind it, in its words; null when none is named."""
    basis_reference: Name | None = None
    """Number or date of that agreement; null when none is named."""
    employee_category: Code
    """Which group of staff it is for: the `category` of its employees."""
    rule_codes: RuleCodes
    """The rules under which it pays."""
    categories: Categories | None = None
    """Codes of `GET /v1/categories` that it may pay for; null: all that the rule codes cover."""
    lot_expires_on: Day
    """The last day on which its credit can be spent."""
    validity_basis: ValidityBasis = "service_date"
    """Which day must lie within the credit's validity."""
    expired_credit_to: ExpiredCreditTo | None = None
    """Where unused credit goes; null: to the company where it is on top, else to the fund."""
    leavers_rule: LeaversRule = "keep_until_expiry"
    """What becomes of credit when the employment ends."""
    fee_funding: FeeFunding = "out_of_pocket"
    """Who pays the fee of a late cancellation."""
    relatives_reading: Reading | None = None
    """How narrowly the law on relatives is read; null: as the company reads it."""
    agreement_code: Code | None = None
    """The collective agreement whose credit of a year it gives: then each person is judged by its conditions."""
    agreement_year: Annotated[int, Field(ge=2000, le=2200)] | None = None
    """The year of the agreement's credit; null where no agreement is named."""
    external_id: OwnId = None
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class ProgrammeUpdate(In):
    """Absent keeps, null clears.

    Once a grant uses the programme, only `name`, your own id and notes change, and `lot_expires_on` moves later.
    """

    model_config = example(name="Welfare di fine anno")

    name: Name = ABSENT
    """The programme's name, which employees see."""
    source: ProgrammeSource = ABSENT
    """Why the company gives it: what may be done with the credit follows from it."""
    basis: Name | None = None
    """The agreement or rule of the company behind it, in its words; null when none is named."""
    basis_reference: Name | None = None
    """Number or date of that agreement; null when none is named."""
    employee_category: Code = ABSENT
    """Which group of staff it is for: the `category` of its employees."""
    rule_codes: RuleCodes = ABSENT
    """The rules under which it pays."""
    categories: Categories | None = None
    """Codes of `GET /v1/categories` that it may pay for; null: all that the rule codes cover."""
    lot_expires_on: Day = ABSENT
    """The last day on which its credit can be spent."""
    validity_basis: ValidityBasis = ABSENT
    """Which day must lie within the credit's validity."""
    expired_credit_to: ExpiredCreditTo = ABSENT
    """Where unused credit goes when it expires."""
    leavers_rule: LeaversRule = ABSENT
    """What becomes of credit when the employment ends."""
    fee_funding: FeeFunding = ABSENT
    """Who pays the fee of a late cancellation."""
    relatives_reading: Reading = ABSENT
    """How narrowly the law on relatives is read."""
    external_id: OwnId = None
    metadata: Metadata = ABSENT
    """Up to 50 entries of your own: short names, texts up to 500 characters."""


class ProgrammeRead(Out):
    id: ProgrammeId
    name: str
    """The programme's name, which employees see."""
    source: ProgrammeSource
    """Why the company gives it: what may be done with the credit follows from it."""
    basis: str | None
    """The agreement or rule of the company behind it, in its words; null when none is named."""
    basis_reference: str | None
    """Number or date of that agreement; null when none is named."""
    employee_category: str
    """Which group of staff it is for: the `category` of its employees."""
    rule_codes: list[RuleCode]
    """The rules under which it pays."""
    categories: list[str] | None
    """Codes of `GET /v1/categories` that it may pay for; null: all that the rule codes cover."""
    lot_expires_on: Day
    """The last day on which its credit can be spent."""
    validity_basis: ValidityBasis
    """Which day must lie within the credit's validity."""
    expired_credit_to: ExpiredCreditTo
    """Where unused credit goes when it expires."""
    leavers_rule: LeaversRule
    """What becomes of credit when the employment ends."""
    fee_funding: FeeFunding
    """Who pays the fee of a late cancellation."""
    relatives_reading: Reading
    """How narrowly the law on relatives is read."""
    agreement_code: str | None
    """The collective agreement whose credit it gives; null where it is of none."""
    agreement_year: int | None
    """The year of the agreement's credit; null where no agreement is named."""
    due_by: Day | None
    """By when the agreement wants its credit given; null where no agreement is named."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    version: int = Field(description=VERSION)
    created_at: Instant
    """When it was made, in business time (UTC)."""
    archived_at: Instant | None
    """Since when it takes no new grants; null as long as it does."""


class GrantLineCreate(In):
    employee_id: EmployeeId
    """Who gets it."""
    amount_cents: PositiveCents
    """What this employee gets, in cents."""


class GrantCreate(In):
    """Either `lines`, or `each_cents` for everybody now employed in the programme's category."""

    model_config = example(programme_id="prg_01h455vb4pex5vsknk084sn02q", each_cents=250_00)

    programme_id: ProgrammeId
    """The programme under whose rules the credit is given."""
    lines: Annotated[list[GrantLineCreate], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """Who gets how much; null where `each_cents` is given."""
    each_cents: PositiveCents | None = None
    """What everybody in the programme's category gets, in cents; null where `lines` are given."""
    generality_reason: GeneralityReason | None = None
    """Why people of one category get different amounts; null where all get the same."""
    generality_note: Name | None = None
    """The reason in the company's own words; kept with the grant."""
    external_id: OwnId = None
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")

    @model_validator(mode="after")
    def _one_way(self) -> "GrantCreate":
        if (self.lines is None) == (self.each_cents is None):
            raise PydanticCustomError("lines_or_each_cents", "give either lines or each_cents")
        return self


class GrantRead(Out):
    """`shortfall_cents`: what the account lacks now for a grant that is not active yet. `id` is null in a dry run."""

    id: GrantId | None
    """Id of the grant; null in a dry run."""
    programme_id: ProgrammeId
    """The programme under whose rules the credit is given."""
    programme_name: str
    """The programme's name."""
    status: GrantStatus
    """Where it stands."""
    total_cents: int
    """What it gives in all, in cents."""
    employee_count: int
    """How many people it is for."""
    shortfall_cents: int
    """What the account lacks for it now, in cents; 0 once it is active."""
    generality_reason: GeneralityReason | None
    """Why people of one category get different amounts; null where all get the same."""
    generality_note: str | None
    """The reason in the company's own words; null when there is none."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    version: int = Field(description=VERSION)
    created_at: Instant
    """When it was made, in business time (UTC)."""
    approved_at: Instant | None
    """When another person approved it; null before."""
    activated_at: Instant | None
    """When the credit was given; null before."""


class GrantRevoke(In):
    """Why, and whose lines; without `employee_ids` the whole grant."""

    model_config = example(reason="Elenco sbagliato")

    reason: Name
    """Why, for the person who approves it."""
    employee_ids: Annotated[list[EmployeeId], Field(min_length=1, max_length=MAX_LINES)] | None = None
    """Whose lines; null: the whole grant."""


class RevocationApproved(Out):
    revoked_lots: int = Field(description="How many given lots could still have been used by their dates.")


class RevocationRead(Out):
    """A revocation: asked for, then approved by another person or withdrawn."""

    id: RevocationId
    reason: str
    """Why it was asked."""
    employee_ids: list[EmployeeId] | None = Field(description="Whose lines; null: the whole grant.")
    asked_at: Instant
    """When it was asked for."""
    approved_at: Instant | None
    """When another person approved it; null before."""
    withdrawn_at: Instant | None
    """When it was withdrawn; null where it was not."""


class GrantLineRead(Out):
    employee_id: EmployeeId
    """Who gets it."""
    external_id: str | None
    """Your own id for this employee; null when there is none."""
    given_name: str
    """The given name."""
    family_name: str
    """The family name."""
    amount_cents: int
    """What this employee gets, in cents."""


words(
    "TopUpStatus",
    TopUpStatus,
    pending="announced; the money has not been seen yet",
    confirming="one person saw the money; above a limit another one confirms",
    confirmed="the money is on the account",
    returned="the money never came, or went back",
    cancelled="the company took it back before any money was seen",
)
words(
    "GrantStatus",
    GrantStatus,
    draft="waits for another person's approval",
    awaiting_funds="approved; the account lacks money",
    active="everybody has the credit",
    revoked="taken back, or cancelled before it was active",
)
words(
    "CompanyEntryKind",
    EntryKind,
    top_up="money that arrived",
    grant="credit that was given",
    returns="what came back in a period, as one sum",
)
words(
    "GeneralityReason",
    GeneralityReason,
    hire_pro_rata="in proportion to the months employed",
    agreement="an agreement tells groups apart",
    part_of_category="only a part of the category, by a rule that is not personal",
    other="another reason, which the company can show",
)
words(
    "ValidityBasis",
    ValidityBasis,
    service_date="the day of the service",
    booking_date="the day of the booking",
)
words(
    "ExpiredCreditTo",
    ExpiredCreditTo,
    company="back to the company; only where it is on top",
    solidarity_fund="to the alliance's solidarity fund",
    carry_over="it stays the person's, in a new lot",
)
words(
    "LeaversRule",
    LeaversRule,
    zero_at_leaving="it ends with the employment",
    keep_until_expiry="it stays until it expires",
)
words(
    "FeeFunding",
    FeeFunding,
    out_of_pocket="the employee, to the provider",
    from_credit="the credit that held the unit",
)
words(
    "RelativesReading",
    Reading,
    strict="only relatives who live with the employee, or are maintained, count",
    lenient="every relative of the law's list counts",
)
