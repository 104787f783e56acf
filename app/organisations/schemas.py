"""What goes in and out about organisations, alliances and members; people are in people_schemas."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app import ids
from app.banking.fiscal_codes import TaxCode
from app.banking.iban import Iban
from app.clock import Day, Instant
from app.http.schemas import ABSENT, Code, Email, In, Metadata, Name, Out
from app.identity.models import Locale
from app.identity.schemas import NewPassword
from app.organisations.models import AdmittedRole, AllianceRole, Kind


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("duplicate", "each value may be given once")
    return values


IstatCode = Annotated[str, Field(pattern=r"^[0-9]{6}$", examples=["016004"])]
Role = Annotated[str, Field(min_length=1, max_length=40, examples=["admin"])]
Roles = Annotated[list[Role], Field(min_length=1, max_length=20), AfterValidator(_unique)]


class MunicipalityRead(Out):
    istat_code: str
    name: str
    province: str


class AllianceRead(Out):
    id: ids.AllianceId
    name: str
    network_id: ids.NetworkId
    network_name: str
    lead_organisation_name: str
    municipalities: list[str]


class Address(In):
    """A postal address as payments need it."""

    street: Name
    street_number: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z /.-]{0,15}$")]
    postcode: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z -]{0,15}$")]
    town: Name
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "IT"


class AddressRead(Out):
    street: str
    street_number: str
    postcode: str
    town: str
    country: str


class OrganisationCreate(In):
    """A legal party; `tax_code` is 11 digits or, for a sole trader, the personal code."""

    name: Name
    kinds: Annotated[list[Kind], Field(min_length=1), AfterValidator(_unique)]
    tax_code: TaxCode
    iban: Iban | None = None
    address: Address | None = None
    external_id: Code | None = None
    metadata: Metadata = Field(default_factory=dict)


class OrganisationUpdate(In):
    """Absent keeps, null clears; kinds and tax code stay what they are, an IBAN once set is not changed here."""

    name: Name = ABSENT
    iban: Iban = ABSENT
    address: Address | None = None
    external_id: Code | None = None
    metadata: Metadata = ABSENT


class OrganisationRead(Out):
    id: ids.OrganisationId
    name: str
    kinds: list[Kind]
    tax_code: str
    iban: str | None
    address: AddressRead | None
    external_id: str | None
    metadata: dict[str, str]
    created_at: Instant


class NetworkCreate(In):
    name: Name


class NetworkRead(Out):
    id: ids.NetworkId
    name: str
    created_at: Instant


class AllianceCreate(In):
    network_id: ids.NetworkId
    name: Name
    lead_organisation_id: ids.OrganisationId
    municipalities: Annotated[list[IstatCode], Field(min_length=1, max_length=2000), AfterValidator(_unique)]


class AllianceMembershipCreate(In):
    """`company` and `provider` need an organisation of that kind; the lead is named with the alliance."""

    organisation_id: ids.OrganisationId
    role: AdmittedRole


class AllianceMembershipRead(Out):
    id: ids.MembershipId
    organisation_id: ids.OrganisationId
    organisation_name: str
    role: AllianceRole
    joined_on: Day
    ended_on: Day | None


class MemberInvite(In):
    email: Email
    roles: Roles


class MemberInvited(Out):
    email: str
    roles: list[str]


class MemberRead(Out):
    id: ids.MembershipId
    user_id: ids.UserId
    email: str
    role: str
    created_at: Instant


class MembershipMe(Out):
    organisation_id: ids.OrganisationId
    organisation_name: str
    kinds: list[Kind]
    roles: list[str]


class EmploymentMe(Out):
    employee_id: ids.EmployeeId
    company_id: ids.OrganisationId
    company_name: str


class UserMe(Out):
    id: ids.UserId
    email: str
    locale: Locale


class MeRead(Out):
    """Who is logged in, where, and as what."""

    user: UserMe
    memberships: list[MembershipMe]
    employments: list[EmploymentMe]


class InvitationAccept(In):
    """`activation_code` (letter, help desk) is needed outside the sandbox."""

    password: NewPassword
    activation_code: Annotated[str, Field(min_length=1, max_length=64)] | None = None
