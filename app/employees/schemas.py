"""What goes in and out about employments: for HR, and who is logged in."""

from typing import Annotated, Literal

from pydantic import Field

from app import ids
from app.banking.fiscal_codes import FiscalCode
from app.clock import Day
from app.employees.models import Contract
from app.http.schemas import ABSENT, VERSION, Code, Email, In, Name, Out, PeriodRead
from app.identity.schemas import NewPassword, Otp
from app.organisations.schemas import MembershipMe, UserMe

Status = Literal["active", "invited", "not_invited"]


class ClosedPeriod(In):
    start: Day = Field(alias="from")
    end: Day = Field(alias="to")


class EmployeeCreate(In):
    """An employment; an `email` sends the first invitation."""

    email: Email | None = None
    given_name: Name
    family_name: Name
    fiscal_code: FiscalCode
    external_id: Code | None = None
    category: Code
    hired_on: Day
    ended_on: Day | None = None
    contract: Contract = "permanent"
    contract_ends_on: Day | None = None
    probation_ends_on: Day | None = None
    unpaid_leave: Annotated[list[ClosedPeriod], Field(max_length=50)] = Field(default_factory=list)
    agreement_code: Code | None = None


class EmployeeUpdate(In):
    """Absent keeps, null clears. After activation e-mail and fiscal code are the person's."""

    email: Email | None = None
    given_name: Name = ABSENT
    family_name: Name = ABSENT
    fiscal_code: FiscalCode = ABSENT
    external_id: Code | None = None
    category: Code = ABSENT
    hired_on: Day = ABSENT
    ended_on: Day | None = None
    contract: Contract = ABSENT
    contract_ends_on: Day | None = None
    probation_ends_on: Day | None = None
    unpaid_leave: Annotated[list[ClosedPeriod], Field(max_length=50)] = ABSENT
    agreement_code: Code | None = None


class EmployeeRead(Out):
    """What HR sees of an employment; `email` only until the person has activated the login."""

    id: ids.EmployeeId
    status: Status
    email: str | None
    given_name: str
    family_name: str
    fiscal_code: str
    external_id: str | None
    category: str
    hired_on: Day
    ended_on: Day | None
    contract: Contract
    contract_ends_on: Day | None
    probation_ends_on: Day | None
    unpaid_leave: list[PeriodRead]
    agreement_code: str | None
    version: int = Field(description=VERSION)


class ImportErrorRead(Out):
    """One problem; `row` is the spreadsheet's row number (the header is 1)."""

    row: int
    field: str | None
    code: str
    detail: str


class ImportRead(Out):
    created: int
    updated: int
    unchanged: int
    errors: list[ImportErrorRead]


class EmploymentMe(Out):
    employee_id: ids.EmployeeId
    company_id: ids.OrganisationId
    company_name: str


class MeRead(Out):
    """Who is logged in, where, and as what."""

    user: UserMe
    memberships: list[MembershipMe]
    employments: list[EmploymentMe]


class InvitationAccept(In):
    """`activation_code` stands in the letter or comes from the help desk; an installation for trying out needs none.

    `otp` is asked of a login with a second factor.
    """

    password: NewPassword
    activation_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    otp: Otp | None = None
