"""What goes in and out about organisations and members."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app import ids
from app.actor import Locale
from app.banking.fiscal_codes import TaxCode
from app.banking.iban import Iban
from app.clock import Instant
from app.http.schemas import ABSENT, VERSION, Code, Email, In, Metadata, Name, Out, Prose, Unique
from app.organisations.models import BankAccountStatus, Kind, PartyKind

IbanStatus = Literal["in_force", "changing", "on_hold"]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ./-]{4,29}$"), Field(examples=["+39 035 123456"])]
Role = Annotated[str, Field(min_length=1, max_length=40, examples=["admin"])]
Roles = Annotated[list[Role], Field(min_length=1, max_length=20), Unique]


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
    """A legal party; `tax_code` is 11 digits or, for a sole trader, the personal code.

    Phone and e-mail are what a provider shows to families; `iban` is a request that another person approves.
    """

    name: Name
    kinds: Annotated[list[PartyKind], Field(min_length=1), Unique]
    tax_code: TaxCode
    iban: Iban | None = None
    address: Address | None = None
    external_id: Code | None = None
    metadata: Metadata = Field(default_factory=dict)
    phone: Phone | None = None
    email: Email | None = None


class OperatorCreate(In):
    """The one operator, made by a command; its account is a setting."""

    name: Name
    kinds: tuple[Literal["operator"]] = ("operator",)
    tax_code: TaxCode
    address: Address | None = None
    external_id: None = None
    metadata: Metadata = Field(default_factory=dict)
    iban: None = None
    phone: None = None
    email: None = None


class OrganisationUpdate(In):
    """Absent keeps, null clears; kinds and tax code stay what they are, an `iban` is a request to be approved."""

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
    iban: str | None = Field(description="The account in force; where there is none yet, the one that waits")
    iban_status: IbanStatus | None = Field(
        description="`in_force`; `changing`: in force, another one waits; `on_hold`: the one shown waits"
    )
    address: AddressRead | None
    external_id: str | None
    metadata: dict[str, str]
    version: int = Field(description=VERSION)
    created_at: Instant


class BankAccountCreate(In):
    iban: Iban


class BankAccountRead(Out):
    """A request that money goes to an account, and what became of it."""

    id: ids.BankAccountId
    organisation_id: ids.OrganisationId
    organisation_name: str
    iban: str
    status: BankAccountStatus
    requested_by: ids.UserId | None
    requested_at: Instant
    effective_at: Instant = Field(description="From when on it is paid to, once it is approved")
    decided_by: ids.UserId | None
    decided_at: Instant | None


class ProviderUpdate(In):
    phone: Phone | None = None
    email: Email | None = None
    description: Prose = ABSENT


class MemberInvite(In):
    email: Email
    roles: Roles


class MemberInvited(Out):
    email: str
    roles: list[str]


class InvitationRead(Out):
    """An invitation to roles that waits for its acceptance; never its link."""

    id: ids.InvitationId
    email: str
    roles: list[str]
    invited_by: ids.UserId | None = Field(description="Null for the first of an operator.")
    created_at: Instant
    expires_at: Instant = Field(description="In real time.")


class MemberRead(Out):
    id: ids.MembershipId
    user_id: ids.UserId
    email: str
    role: str
    created_at: Instant
    from_at: Instant = Field(
        description="When the role takes effect (real time): an approving role waits, or another holder confirms it."
    )


class MembershipMe(Out):
    organisation_id: ids.OrganisationId
    organisation_name: str
    kinds: list[Kind]
    roles: list[str]


class UserMe(Out):
    id: ids.UserId
    email: str
    locale: Locale
