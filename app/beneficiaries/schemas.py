"""What goes in and out about beneficiaries, for the person."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app import clock, ids
from app.banking.fiscal_codes import FiscalCode
from app.clock import Day
from app.http.schemas import ABSENT, VERSION, In, Name, Out, PeriodRead, Prose, example
from app.http.words import words
from app.rules.beneficiary import Relation, Relative
from app.territory.schemas import IstatCode


class Period(In):
    """Days from `from` to `to`, both included; an open end is null."""

    start: Day = Field(alias="from")
    """The first day."""
    end: Day | None = Field(default=None, alias="to")
    """The last day, included; null: it lasts."""


class Certificate(In):
    """A certificate of non-self-sufficiency and its validity, both days included."""

    kind: Literal["non_self_sufficient"]
    """What is certified."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None = None
    """The last day on which it holds; null: no end."""


class CertificateRead(Out):
    kind: Literal["non_self_sufficient"]
    """What is certified."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None
    """The last day on which it holds; null: no end."""


def _past(value: date) -> date:
    if value > clock.today():
        raise PydanticCustomError("future", "the date is in the future")
    return value


def _phone(text: str) -> str:
    phone = text.strip()
    if sum(character.isdigit() for character in phone) < 5:  # noqa: PLR2004 - shortest service numbers
        raise PydanticCustomError("phone", "not a phone number")
    return phone


PastDay = Annotated[Day, AfterValidator(_past)]
Phone = Annotated[str, Field(max_length=40, pattern=r"^ *\+?[0-9][0-9 ()./-]*$"), AfterValidator(_phone)]
Periods = Annotated[list[Period], Field(max_length=50)]
Years = Annotated[
    list[Annotated[int, Field(ge=clock.FIRST_YEAR, le=clock.LAST_YEAR)]],
    Field(max_length=50),
    AfterValidator(lambda years: sorted(set(years))),
]
Certificates = Annotated[list[Certificate], Field(max_length=50)]


class HomeAddress(In):
    """Where the person lives; the service area is tested on it."""

    street: Name
    """Street and number."""
    postcode: Annotated[str, Field(pattern="^[0-9]{5}$")]
    """The postcode."""
    istat_code: IstatCode
    """The municipality, by its ISTAT code of six digits."""


class HomeAddressRead(Out):
    street: str
    """Street and number."""
    postcode: str
    """The postcode."""
    istat_code: str
    """The municipality, by its ISTAT code of six digits."""


class BeneficiaryCreate(In):
    """A relative; `self` exists from the start."""

    model_config = example(given_name="Rosa", family_name="Esempio", relation="parent", birth_date="1944-03-08")

    given_name: Name
    """The given name."""
    family_name: Name
    """The family name."""
    relation: Relative
    """What the person is to the employee."""
    birth_date: PastDay
    """The date of birth, not in the future."""
    fiscal_code: FiscalCode | None = None
    """The Italian fiscal code (codice fiscale), 16 characters; null when not known."""
    phone: Phone | None = None
    """The phone number that the provider of a booking may call; null when there is none."""
    address: HomeAddress | None = None
    """Where the person lives, if not with the employee; null: at the employee's address."""
    access_notes: Prose | None = None
    """How to get in: bell, floor, dog; read by the provider of a booking, null when there is nothing to say."""
    cohabitation: Periods = Field(default_factory=list)
    """When the person lived with the employee, which some rules ask for."""
    maintained: Periods = Field(default_factory=list)
    """When the person was maintained by the employee, which some rules ask for."""
    dependent_years: Years = Field(default_factory=list)
    """The years in which the person was fiscally dependent on the employee."""
    certificates: Certificates = Field(default_factory=list)
    """Certificates of non-self-sufficiency, which open some rules."""


class BeneficiaryUpdate(In):
    """Absent keeps, null clears."""

    model_config = example(access_notes="Secondo piano, il campanello non funziona")

    given_name: Name = ABSENT
    """The given name."""
    family_name: Name = ABSENT
    """The family name."""
    relation: Relation = ABSENT
    """What the person is to the employee."""
    birth_date: PastDay = ABSENT
    """The date of birth, not in the future."""
    fiscal_code: FiscalCode | None = None
    """The Italian fiscal code (codice fiscale), 16 characters; null clears it."""
    phone: Phone | None = None
    """The phone number that the provider of a booking may call; null when there is none."""
    address: HomeAddress | None = None
    """Where the person lives, if not with the employee; null: at the employee's address."""
    access_notes: Prose | None = None
    """How to get in: bell, floor, dog; read by the provider of a booking, null when there is nothing to say."""
    cohabitation: Periods = ABSENT
    """When the person lived with the employee, which some rules ask for."""
    maintained: Periods = ABSENT
    """When the person was maintained by the employee, which some rules ask for."""
    dependent_years: Years = ABSENT
    """The years in which the person was fiscally dependent on the employee."""
    certificates: Certificates = ABSENT
    """Certificates of non-self-sufficiency, which open some rules."""
    died_on: PastDay | None = None
    """The day of death, not in the future: visits to come end free of charge; null clears it."""


class BeneficiaryRead(Out):
    id: ids.BeneficiaryId
    given_name: str
    """The given name."""
    family_name: str
    """The family name."""
    relation: Relation
    """What the person is to the employee."""
    birth_date: Day
    """The date of birth, not in the future."""
    fiscal_code: str | None
    """The Italian fiscal code (codice fiscale), 16 characters; null when not known."""
    phone: str | None
    """The phone number that the provider of a booking may call; null when there is none."""
    address: HomeAddressRead | None
    """Where the person lives, if not with the employee; null: at the employee's address."""
    access_notes: str | None
    """How to get in: bell, floor, dog; read by the provider of a booking, null when there is nothing to say."""
    cohabitation: list[PeriodRead]
    """When the person lived with the employee, which some rules ask for."""
    maintained: list[PeriodRead]
    """When the person was maintained by the employee, which some rules ask for."""
    dependent_years: list[int]
    """The years in which the person was fiscally dependent on the employee."""
    certificates: list[CertificateRead]
    """Certificates of non-self-sufficiency, which open some rules."""
    died_on: Day | None
    """The day of death: nothing is booked for the person any more; null: alive."""
    version: int = Field(description=VERSION)


RELATIONS = {
    "self": "the employee",
    "spouse": "husband, wife or civil partner",
    "child": "son or daughter",
    "parent": "mother or father",
    "child_in_law": "son- or daughter-in-law",
    "parent_in_law": "mother- or father-in-law",
    "sibling": "sister or brother",
    "grandparent": "grandmother or grandfather",
    "grandchild": "granddaughter or grandson",
    "other": "somebody else, who is no relative in law",
}
words("Relation", Relation, **RELATIONS)
words("Relative", Relative, **RELATIONS)
