"""What goes in and out about beneficiaries, for the person."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app import clock, ids
from app.banking.fiscal_codes import FiscalCode
from app.clock import Day
from app.http.schemas import ABSENT, VERSION, In, Name, Out, PeriodRead, Prose
from app.rules.beneficiary import Relation, Relative
from app.territory.schemas import IstatCode


class Period(In):
    """Days from `from` to `to`, both included; an open end is null."""

    start: Day = Field(alias="from")
    end: Day | None = Field(default=None, alias="to")


class Certificate(In):
    """A certificate of non-self-sufficiency and its validity, both days included."""

    kind: Literal["non_self_sufficient"]
    valid_from: Day
    valid_to: Day | None = None


class CertificateRead(Out):
    kind: Literal["non_self_sufficient"]
    valid_from: Day
    valid_to: Day | None


def _past(value: date) -> date:
    if value > clock.today():
        raise PydanticCustomError("future", "the date is in the future")
    return value


def _phone(text: str) -> str:
    phone = text.strip()
    if sum(character.isdigit() for character in phone) < 5:  # noqa: PLR2004 - shortest service numbers
        raise PydanticCustomError("phone", "not a phone number")
    return phone


BirthDate = Annotated[Day, AfterValidator(_past)]
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
    postcode: Annotated[str, Field(pattern="^[0-9]{5}$")]
    istat_code: IstatCode


class HomeAddressRead(Out):
    street: str
    postcode: str
    istat_code: str


class BeneficiaryCreate(In):
    """A relative; `self` exists from the start."""

    given_name: Name
    family_name: Name
    relation: Relative
    birth_date: BirthDate
    fiscal_code: FiscalCode | None = None
    phone: Phone | None = None
    address: HomeAddress | None = None
    access_notes: Prose | None = None
    cohabitation: Periods = Field(default_factory=list)
    maintained: Periods = Field(default_factory=list)
    dependent_years: Years = Field(default_factory=list)
    certificates: Certificates = Field(default_factory=list)


class BeneficiaryUpdate(In):
    """Absent keeps, null clears."""

    given_name: Name = ABSENT
    family_name: Name = ABSENT
    relation: Relation = ABSENT
    birth_date: BirthDate = ABSENT
    fiscal_code: FiscalCode | None = None
    phone: Phone | None = None
    address: HomeAddress | None = None
    access_notes: Prose | None = None
    cohabitation: Periods = ABSENT
    maintained: Periods = ABSENT
    dependent_years: Years = ABSENT
    certificates: Certificates = ABSENT


class BeneficiaryRead(Out):
    id: ids.BeneficiaryId
    given_name: str
    family_name: str
    relation: Relation
    birth_date: Day
    fiscal_code: str | None
    phone: str | None
    address: HomeAddressRead | None
    access_notes: str | None
    cohabitation: list[PeriodRead]
    maintained: list[PeriodRead]
    dependent_years: list[int]
    certificates: list[CertificateRead]
    version: int = Field(description=VERSION)
