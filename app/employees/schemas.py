"""What goes in and out about employments: for HR, and who is logged in."""

from typing import Annotated, Literal

from pydantic import Field

from app import ids
from app.banking.fiscal_codes import FiscalCode
from app.clock import Day, Instant
from app.employees.models import Contract
from app.http.schemas import ABSENT, VERSION, Code, Email, In, Name, Out, PeriodRead, Unique, example
from app.http.words import words
from app.identity.invitations import OfferState
from app.identity.schemas import NewPassword, Otp
from app.organisations.schemas import MembershipMe, UserMe

Status = Literal["active", "invited", "not_invited"]


class ClosedPeriod(In):
    start: Day = Field(alias="from")
    """The first day."""
    end: Day = Field(alias="to")
    """The last day, included."""


class EmployeeCreate(In):
    """An employment; an `email` sends the first invitation."""

    model_config = example(
        given_name="Anna",
        family_name="Esempio",
        fiscal_code="RCCMNL83S18D969H",
        external_id="OS2001",
        category="operai",
        hired_on="2026-12-01",
    )

    email: Email | None = None
    """Where the invitation goes; null: nobody is invited yet."""
    given_name: Name
    """The given name."""
    family_name: Name
    """The family name."""
    fiscal_code: FiscalCode
    """The Italian fiscal code (codice fiscale), 16 characters."""
    external_id: Code | None = None
    """Your own id for it; null when there is none."""
    category: Code
    """The company's own word for a group of staff, such as `operai`: programmes name it."""
    hired_on: Day
    """The first day of work."""
    ended_on: Day | None = None
    """The last day of work; null while it lasts."""
    contract: Contract = "permanent"
    """The kind of contract."""
    contract_ends_on: Day | None = None
    """The last day of a fixed-term contract; null where it has no end."""
    probation_ends_on: Day | None = None
    """The last day of the probation; null where there is none."""
    unpaid_leave: Annotated[list[ClosedPeriod], Field(max_length=50)] = Field(default_factory=list)
    """Periods of unpaid leave."""
    agreement_code: Code | None = None
    """The CNEL code of the collective agreement, such as `C011`; null when not stated."""


class EmployeeUpdate(In):
    """Absent keeps, null clears. After activation e-mail and fiscal code are the person's."""

    model_config = example(category="impiegati")

    email: Email | None = None
    """Where the invitation goes, until the person has activated the login; null clears it."""
    given_name: Name = ABSENT
    """The given name."""
    family_name: Name = ABSENT
    """The family name."""
    fiscal_code: FiscalCode = ABSENT
    """The Italian fiscal code (codice fiscale), 16 characters."""
    external_id: Code | None = None
    """Your own id for it; null when there is none."""
    category: Code = ABSENT
    """The company's own word for a group of staff, such as `operai`: programmes name it."""
    hired_on: Day = ABSENT
    """The first day of work."""
    ended_on: Day | None = None
    """The last day of work; null while it lasts."""
    contract: Contract = ABSENT
    """The kind of contract."""
    contract_ends_on: Day | None = None
    """The last day of a fixed-term contract; null where it has no end."""
    probation_ends_on: Day | None = None
    """The last day of the probation; null where there is none."""
    unpaid_leave: Annotated[list[ClosedPeriod], Field(max_length=50)] = ABSENT
    """Periods of unpaid leave."""
    agreement_code: Code | None = None
    """The CNEL code of the collective agreement, such as `C011`; null when not stated."""


class EmployeeRead(Out):
    """What HR sees of an employment; `email` only until the person has activated the login."""

    id: ids.EmployeeId
    status: Status
    """Whether the person has a login."""
    email: str | None
    """Where the invitation went; null where none is known, and once the login belongs to the person."""
    given_name: str
    """The given name."""
    family_name: str
    """The family name."""
    fiscal_code: str
    """The Italian fiscal code (codice fiscale), 16 characters."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    category: str
    """The company's own word for a group of staff, such as `operai`: programmes name it."""
    hired_on: Day
    """The first day of work."""
    ended_on: Day | None
    """The last day of work; null while it lasts."""
    contract: Contract
    """The kind of contract."""
    contract_ends_on: Day | None
    """The last day of a fixed-term contract; null where it has no end."""
    probation_ends_on: Day | None
    """The last day of the probation; null where there is none."""
    unpaid_leave: list[PeriodRead]
    """Periods of unpaid leave."""
    agreement_code: str | None
    """The CNEL code of the collective agreement, such as `C011`; null when not stated."""
    version: int = Field(description=VERSION)


class EmployeeCategoryRead(Out):
    category: str
    """The company's own word for a group of staff, such as `operai`: programmes name it."""
    employee_count: int
    """How many work in it today."""


class EmployeesInvite(In):
    """Up to 500 people at once."""

    model_config = example(employee_ids=["emp_01h455vb4pex5vsknk084sn02q"])

    employee_ids: Annotated[list[ids.EmployeeId], Field(min_length=1, max_length=500), Unique]
    """Whom to invite once more."""


class EmployeeInviteResult(Out):
    employee_id: ids.EmployeeId
    invited: bool
    """Whether a mail goes out; else `code` says why not."""
    code: str | None
    """Why nobody was invited, as an error's `code`; null where a mail goes out."""
    detail: str | None
    """The same in words, in the caller's language; null where a mail goes out."""


class EmployeeInviteResults(Out):
    results: list[EmployeeInviteResult]
    """One for each person, in the order in which they were named."""


class ImportErrorRead(Out):
    """One problem; `row` is the spreadsheet's row number (the header is 1)."""

    row: int
    """The spreadsheet's row; the header is 1."""
    field: str | None
    """The column; null where the whole row is meant."""
    code: str
    """What is wrong, as a stable code."""
    detail: str
    """What is wrong, for people; it may become clearer."""


class ImportRead(Out):
    created: int
    """How many employees were added, or would be in a dry run."""
    updated: int
    """How many employees were changed, or would be in a dry run."""
    unchanged: int
    """How many employees were as the file says."""
    errors: list[ImportErrorRead]
    """What is wrong, row by row; nothing is stored unless it is empty."""


class EmploymentMe(Out):
    employee_id: ids.EmployeeId
    """The employment."""
    company_id: ids.OrganisationId
    """The employer."""
    company_name: str
    """The company's name."""


class MeRead(Out):
    """Who is logged in, where, and as what."""

    user: UserMe
    """The login."""
    memberships: list[MembershipMe]
    """In which organisations the person has roles."""
    employments: list[EmploymentMe]
    """Where the person is employed."""


InvitationKind = Literal["employment", "roles"]


class InvitationOffer(Out):
    state: OfferState
    """Whether it may still be accepted, and else why not."""
    organisation_name: str
    """Who invites."""
    kind: InvitationKind
    """What it gives."""
    has_login: bool
    """Whether the invited address has a login: `password` is that login's then, else a new one."""
    activation_code_required: bool
    """Whether the code of the letter or the help desk is asked too."""
    expires_at: Instant
    """Until when it may be accepted (UTC)."""


class InvitationAccept(In):
    """`activation_code` stands in the letter or comes from the help desk; an installation for trying out needs none.

    `otp` is asked of a login with a second factor.
    """

    password: NewPassword
    """15 to 256 characters of any kind, not one of the first that are guessed."""
    activation_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    """The code of the letter or the help desk; null where the installation asks for none."""
    otp: Otp | None = None
    """A code of the second factor; null where the login has none."""


words(
    "Contract",
    Contract,
    permanent="without an end",
    fixed_term="until a day",
    agency="lent by a temporary-work agency",
)
words(
    "InvitationState",
    OfferState,
    open="it may be accepted",
    accepted="it was accepted",
    ended="a newer one took its place, or it was withdrawn",
    expired="its time is over",
)
words(
    "InvitationKind",
    InvitationKind,
    employment="the access of an employee",
    roles="roles in the organisation",
)
words(
    "LoginStatus",
    Status,
    active="the person has a login",
    invited="an invitation waits",
    not_invited="nobody was invited yet",
)
