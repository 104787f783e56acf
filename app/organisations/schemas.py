"""What goes in and out about organisations and members."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from app import ids
from app.actor import Locale
from app.banking.fiscal_codes import TaxCode
from app.banking.iban import Iban
from app.clock import Instant
from app.edge.permissions import OrganisationRole
from app.http.schemas import ABSENT, VERSION, Code, Email, In, Metadata, Name, Out, Prose, Unique, example
from app.http.words import words
from app.organisations.models import BankAccountStatus, Kind, PartyKind

RemovalStatus = Literal["asked", "approved"]
IbanStatus = Literal["in_force", "changing", "on_hold"]
Phone = Annotated[str, StringConstraints(pattern=r"^\+?[0-9][0-9 ./-]{4,29}$"), Field(examples=["+39 035 123456"])]
Role = Annotated[
    str,
    Field(
        min_length=1, max_length=40, examples=["admin"], json_schema_extra={"enum": list(get_args(OrganisationRole))}
    ),
]
"""Which of these there are depends on the organisation."""
Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=10, max_length=500),
    Field(
        description="Why one login has roles meant for two people (hr with hr_approver or payroll, operator with"
        " finance); every administrator is told.",
        examples=["Siamo in due: chi prepara è in congedo fino a marzo"],
    ),
]


def _known_role(role: str) -> str:
    if role not in get_args(OrganisationRole):
        raise PydanticCustomError("literal_error", "not one of the allowed values")
    return role


Roles = Annotated[list[Annotated[Role, AfterValidator(_known_role)]], Field(min_length=1, max_length=20), Unique]


class Address(In):
    """A postal address as payments need it."""

    street: Name
    """The street, without the number."""
    street_number: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z /.-]{0,15}$")]
    """The number in the street."""
    postcode: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z -]{0,15}$")]
    """The postcode."""
    town: Name
    """The town."""
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")] = "IT"
    """Two letters of ISO 3166-1, such as `IT`."""


class AddressRead(Out):
    street: str
    """The street, without the number."""
    street_number: str
    """The number in the street."""
    postcode: str
    """The postcode."""
    town: str
    """The town."""
    country: str
    """Two letters of ISO 3166-1, such as `IT`."""


class OrganisationCreate(In):
    """A legal party; `tax_code` is 11 digits or, for a sole trader, the personal code.

    Phone and e-mail are what a provider shows to families; `iban` is a request that another person approves.
    """

    model_config = example(name="Cooperativa Nuova", kinds=["provider"], tax_code="00743110157")

    name: Name
    """The legal name."""
    kinds: Annotated[list[PartyKind], Field(min_length=1), Unique]
    """What the organisation is here."""
    tax_code: TaxCode
    """The Italian tax code: 11 digits, or the personal code of a sole trader."""
    iban: Iban | None = None
    """The account that money shall go to, once another person has approved it; null: none yet."""
    address: Address | None = None
    """The postal address, needed before money can be paid out; null: not known yet."""
    external_id: Code | None = None
    """Your own id for it; null when there is none."""
    metadata: Metadata = Field(default_factory=dict)
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    phone: Phone | None = None
    """What a provider shows to families; null: nothing."""
    email: Email | None = None
    """What a provider shows to families; null: nothing."""


class OperatorCreate(In):
    """The one operator, made by a command; its account is a setting."""

    name: Name
    """The legal name."""
    kinds: tuple[Literal["operator"]] = ("operator",)
    """What the organisation is here."""
    tax_code: TaxCode
    """The Italian tax code: 11 digits, or the personal code of a sole trader."""
    address: Address | None = None
    """The postal address, which payment files carry; null: not known yet."""
    external_id: None = None
    """Your own id for it; null when there is none."""
    metadata: Metadata = Field(default_factory=dict)
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    iban: None = None
    """The bank account (IBAN)."""
    phone: None = None
    """The phone number that the provider of a booking may call; null when there is none."""
    email: None = None
    """The e-mail address of the login."""


class OrganisationUpdate(In):
    """Absent keeps, null clears; kinds and tax code stay what they are, an `iban` is a request to be approved."""

    model_config = example(external_id="A-17")

    name: Name = ABSENT
    """The legal name."""
    iban: Iban = ABSENT
    """The account that money shall go to, once another person has approved it."""
    address: Address | None = None
    """The postal address; null clears it."""
    external_id: Code | None = None
    """Your own id for it; null when there is none."""
    metadata: Metadata = ABSENT
    """Up to 50 entries of your own: short names, texts up to 500 characters."""


class OrganisationRead(Out):
    id: ids.OrganisationId
    name: str
    """The legal name."""
    kinds: list[Kind]
    """What the organisation is here."""
    tax_code: str
    """The Italian tax code: 11 digits, or the personal code of a sole trader."""
    iban: str | None = Field(description="The account in force; where there is none yet, the one that waits")
    iban_status: IbanStatus | None = Field(
        description="`in_force`; `changing`: in force, another one waits; `on_hold`: the one shown waits"
    )
    address: AddressRead | None
    """The postal address; null when it is not known."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    version: int = Field(description=VERSION)
    created_at: Instant
    """When it was made, in business time (UTC)."""


class BankAccountCreate(In):
    model_config = example(iban="IT60X0542811101000000123456")

    iban: Iban
    """The account that money shall go to; another person at the operator approves it."""


class BankAccountRead(Out):
    """A request that money goes to an account, and what became of it."""

    id: ids.BankAccountId
    organisation_id: ids.OrganisationId
    """Whose account it is."""
    organisation_name: str
    """The organisation's name."""
    iban: str
    """The bank account (IBAN)."""
    status: BankAccountStatus
    """Where it stands."""
    requested_by: ids.UserId | None
    """Who asked; null where the installation did."""
    requested_at: Instant
    """When it was asked for (UTC)."""
    effective_at: Instant = Field(description="From when on it is paid to, once it is approved")
    decided_by: ids.UserId | None
    """Who decided; null while it is open."""
    decided_at: Instant | None
    """When it was decided; null while it is open."""


class ProviderUpdate(In):
    model_config = example(phone="+39 035 123456")

    phone: Phone | None = None
    """The number that families see; null clears it."""
    email: Email | None = None
    """The address that families see; null clears it."""
    description: Prose = ABSENT
    """How the provider presents itself to families."""


class MemberInvite(In):
    model_config = example(email="anna@example.com", roles=["payroll"])

    email: Email
    """To which address the invitation goes."""
    roles: Roles
    """What the person will be allowed to do; which roles there are depends on the kind of organisation."""
    reason: Reason | None = None
    """Why one login may have roles meant for two people; null where it has none of these."""


class MemberInvited(Out):
    email: str
    """To which address the invitation goes."""
    roles: list[Role]
    """What the person will be allowed to do."""


class InvitationRead(Out):
    """An invitation to roles that waits for its acceptance; never its link."""

    id: ids.InvitationId
    email: str
    """To which address the invitation went."""
    roles: list[Role]
    """What the person will be allowed to do."""
    invited_by: ids.UserId | None = Field(description="Null for the first of an operator.")
    created_at: Instant
    """When the invitation was made, in real time (UTC)."""
    expires_at: Instant = Field(description="In real time.")


class MemberRead(Out):
    id: ids.MembershipId
    user_id: ids.UserId
    """The person."""
    email: str
    """The e-mail address of the login."""
    role: Role
    """What the person may do."""
    reason: str | None = Field(description="Why this login has roles meant for two people; else null.")
    created_at: Instant
    """When the role was given."""
    from_at: Instant = Field(
        description="When the role takes effect (real time): an approving role waits, or another holder confirms it."
    )


class SecondFactorRemovalRead(Out):
    """What becomes of a lost second factor."""

    user_id: ids.UserId
    status: RemovalStatus
    """How far it is."""
    effective_at: Instant = Field(
        description="From then on (real time) a new password set by a mailed link takes it away; a code ends this."
    )


class MembershipMe(Out):
    organisation_id: ids.OrganisationId
    """The organisation."""
    organisation_name: str
    """The organisation's name."""
    kinds: list[Kind]
    """What the organisation is here."""
    roles: list[Role]
    """What the person may do there."""


class UserMe(Out):
    id: ids.UserId
    email: str
    """The e-mail address of the login."""
    locale: Locale
    """The language of mails and pages."""


KINDS = {
    "company": "gives its employees credit",
    "provider": "gives care",
    "municipality": "a municipality",
    "association": "an association, union or foundation",
    "operator": "runs the platform",
}
words("OrganisationKind", Kind, **KINDS)
words("PartyKind", PartyKind, **KINDS)
words(
    "BankAccountStatus",
    BankAccountStatus,
    pending="waits for another person's approval",
    approved="money goes there, once it has come into force",
    rejected="money never goes there",
)
words(
    "IbanStatus",
    IbanStatus,
    in_force="money goes there",
    changing="money goes there, another account waits",
    on_hold="no money goes there yet",
)
words("Locale", Locale, it="Italian", en="English")
words(
    "Role",
    OrganisationRole,
    hr="keeps employees, drafts grants",
    hr_approver="approves grants",
    payroll="reads what payroll needs",
    manager="runs a provider",
    staff="works for a provider",
    coordinator="leads an alliance",
    care_manager="advises families for an alliance",
    observer="sees an alliance's figures",
    operator="runs the platform",
    finance="approves payments of the platform",
    admin="keeps members and keys",
)
words(
    "RemovalStatus",
    RemovalStatus,
    asked="one person asked; another approves it, or a day goes by",
    approved="two people asked for it",
)
