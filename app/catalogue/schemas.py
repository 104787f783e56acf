"""What the catalogue takes and shows: public, provider and operator schemas."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from app import money
from app.catalogue.models import (
    MAX_FREE_UNTIL_HOURS,
    AccreditationStatus,
    Audience,
    CareAccess,
    Confirmation,
    Mode,
    OfferingStatus,
    VatCode,
)
from app.clock import Day, Instant
from app.http.schemas import ABSENT, VERSION, Code, In, Metadata, Name, Out, Prose, Unique, example
from app.http.words import words
from app.ids import AccreditationId, AllianceId, OfferingId, OrganisationId, PriceId, SiteId, UserId
from app.rules.rows import OfferingUnit, RuleCode
from app.territory.schemas import IstatCode

OpenMode = Literal["appointment", "home_visit", "session"]
"""The modes that can be published so far; the others have no booking path yet."""

Postcode = Annotated[str, StringConstraints(pattern=r"^[0-9]{5}$"), Field(examples=["24021"])]
Age = Annotated[int, Field(ge=0, le=130)]
Hours = Annotated[int, Field(ge=0, le=8760)]
FreeUntilHours = Annotated[
    int, Field(ge=0, le=MAX_FREE_UNTIL_HOURS, description="Hours before the start until which cancelling is free")
]
ServiceArea = Annotated[list[IstatCode], Field(max_length=400)]


class Cancellation(In):
    """Free until so many hours before the start, then a share of the price in basis points."""

    free_until_hours: FreeUntilHours = 24
    """Hours before the start until which cancelling is free."""
    late_fee_bps: money.BasisPoints = 5000
    """The share of the price that a late cancellation costs, in basis points (10000 is all)."""
    no_show_fee_bps: money.BasisPoints = 10_000
    """The share of the price that not coming costs, in basis points (10000 is all)."""


class CancellationRead(Out):
    free_until_hours: int
    """Hours before the start until which cancelling is free."""
    late_fee_bps: int
    """The share of the price that a late cancellation costs, in basis points (10000 is all)."""
    no_show_fee_bps: int
    """The share of the price that not coming costs, in basis points (10000 is all)."""


class PublicOffering(Out):
    """An offering as anyone sees it; the price is the one valid today, VAT included."""

    id: OfferingId
    name: str
    """The offering's name."""
    description: str
    """What it is, in plain words."""
    category: str
    """What kind of care it is: a code of `GET /v1/categories`."""
    mode: Mode
    """How the care is given."""
    unit: OfferingUnit
    """What one price buys."""
    price_cents: int
    """The price of one unit that is valid today, VAT included, in cents."""
    provider_id: OrganisationId
    """The provider."""
    provider_name: str
    """The provider's name."""
    service_area: list[str] = Field(description="ISTAT codes of the municipalities served; empty means no restriction")
    min_age: int | None
    """The lowest age in years; null: no limit."""
    max_age: int | None
    """The highest age in years; null: no limit."""
    confirmation: Confirmation
    """Whether booking confirms at once or asks the provider."""
    cancellation: CancellationRead
    """What cancelling late costs."""
    access: CareAccess
    """What the beneficiary needs before booking."""


class PublicSite(Out):
    id: SiteId
    name: str
    """What the place is called."""
    street: str
    """Street and number."""
    postcode: str
    """The postcode."""
    istat_code: str
    """The municipality, by its ISTAT code of six digits."""


class SiteRead(PublicSite):
    """A site as its provider sees it."""

    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str] = Field(validation_alias="metadata_")
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    version: int = Field(description=VERSION)


class PublicProvider(Out):
    id: OrganisationId
    name: str
    """The provider's name."""
    description: str
    """How the provider presents itself to families."""
    phone: str | None
    """Where families can call; null where the provider shows none."""
    email: str | None
    """Where families can write; null where the provider shows none."""
    sites: list[PublicSite]
    """Where the provider is."""


class CategoryRead(Out):
    """A kind of care, with the rule codes that may pay for it today; without units it exists for claims only."""

    code: str
    """The stable code, which an offering's `category` names."""
    name: str
    """The Italian name."""
    name_en: str
    """The English name."""
    rule_codes: list[RuleCode]
    """The rules that may pay for it today."""
    units: list[OfferingUnit]
    """In which units it may be sold; empty: for claims only."""


class SiteCreate(In):
    model_config = example(name="Ambulatorio di Albino", street="Via Roma 1", postcode="24021", istat_code="016004")

    name: Name
    """What the place is called."""
    street: Name
    """Street and number."""
    postcode: Postcode
    """The postcode."""
    istat_code: IstatCode
    """The municipality, by its ISTAT code of six digits."""
    external_id: Code | None = Field(None, description="The site's id in your own system")
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class SiteUpdate(In):
    model_config = example(name="Ambulatorio")

    name: Name = ABSENT
    """What the place is called."""
    street: Name = ABSENT
    """Street and number."""
    postcode: Postcode = ABSENT
    """The postcode."""
    istat_code: IstatCode = ABSENT
    """The municipality, by its ISTAT code of six digits."""
    external_id: Code | None = None
    """Your own id for it; null clears it."""
    metadata: Metadata = ABSENT
    """Up to 50 entries of your own: short names, texts up to 500 characters."""


class OfferingCreate(In):
    """A service to publish; its first price is valid from today."""

    model_config = example(
        name="Igiene e cura a casa",
        category="home_help",
        mode="home_visit",
        unit="hour",
        price_cents=22_00,
        vat_code="exempt",
        service_area=["016004"],
    )

    name: Name
    """What families find it by."""
    description: Prose = ""
    """What it is, in plain words."""
    category: Code
    """What kind of care it is: a code of `GET /v1/categories`."""
    mode: OpenMode
    """How the care is given."""
    unit: OfferingUnit
    """What one price buys."""
    price_cents: money.PositiveCents
    """The price of one unit, VAT included, in cents."""
    vat_code: VatCode
    """The VAT that the price contains."""
    site_id: SiteId | None = None
    """Where it is given; null: at no place of the provider's."""
    service_area: ServiceArea = Field(default_factory=list)
    """ISTAT codes of the municipalities served; empty: no restriction."""
    min_age: Age | None = None
    """The lowest age in years; null: no limit."""
    max_age: Age | None = None
    """The highest age in years; null: no limit."""
    confirmation: Confirmation = "provider"
    """Whether booking confirms at once or asks the provider."""
    response_hours: Annotated[int, Field(ge=1, le=720)] = 48
    """Within so many hours the provider answers, where it is asked."""
    min_notice_hours: Hours = 0
    """How many hours before the start booking ends."""
    cancellation: Cancellation = Cancellation()
    """What cancelling late costs."""
    audience: Audience = "public"
    """Who may see and book the offering."""
    access: CareAccess = "free"
    """What the beneficiary needs before booking."""
    external_id: Code | None = None
    """Your own id for it; null when there is none."""
    metadata: Metadata = Field(default_factory=dict)
    """Up to 50 entries of your own: short names, texts up to 500 characters."""


class OfferingUpdate(In):
    """What may change: not category, mode and unit (withdraw and publish anew), not the price (`/prices`)."""

    model_config = example(response_hours=24)

    name: Name = ABSENT
    """What families find it by."""
    description: Prose = ABSENT
    """What it is, in plain words."""
    vat_code: VatCode = ABSENT
    """The VAT that the price contains."""
    site_id: SiteId | None = None
    """Where it is given; null: at no place of the provider's."""
    service_area: ServiceArea = ABSENT
    """ISTAT codes of the municipalities served; empty: no restriction."""
    min_age: Age | None = None
    """The lowest age in years; null: no limit."""
    max_age: Age | None = None
    """The highest age in years; null: no limit."""
    confirmation: Confirmation = ABSENT
    """Whether booking confirms at once or asks the provider."""
    response_hours: Annotated[int, Field(ge=1, le=720)] = ABSENT
    """Within so many hours the provider answers, where it is asked."""
    min_notice_hours: Hours = ABSENT
    """How many hours before the start booking ends."""
    cancellation: Cancellation = ABSENT
    """What cancelling late costs."""
    audience: Audience = ABSENT
    """Who may see and book the offering."""
    access: CareAccess = ABSENT
    """What the beneficiary needs before booking."""
    status: OfferingStatus = ABSENT
    """Whether it can be booked."""
    external_id: Code | None = None
    """Your own id for it; null when there is none."""
    metadata: Metadata = ABSENT
    """Up to 50 entries of your own: short names, texts up to 500 characters."""


class OfferingRead(Out):
    """An offering as its provider sees it."""

    id: OfferingId
    provider_id: OrganisationId
    """The provider."""
    name: str
    """What families find it by."""
    description: str
    """What it is, in plain words."""
    category: str
    """What kind of care it is: a code of `GET /v1/categories`."""
    mode: Mode
    """How the care is given."""
    unit: OfferingUnit
    """What one price buys."""
    price_cents: int | None = Field(description="the price valid today, null when there is none")
    vat_code: VatCode
    """The VAT that the price contains."""
    site_id: SiteId | None
    """Where it is given; null: at no place of the provider's."""
    service_area: list[str]
    """ISTAT codes of the municipalities served; empty: no restriction."""
    min_age: int | None
    """The lowest age in years; null: no limit."""
    max_age: int | None
    """The highest age in years; null: no limit."""
    confirmation: Confirmation
    """Whether booking confirms at once or asks the provider."""
    response_hours: int
    """Within so many hours the provider answers, where it is asked."""
    min_notice_hours: int
    """How many hours before the start booking ends."""
    cancellation: CancellationRead
    """What cancelling late costs."""
    audience: Audience
    """Who may see and book the offering."""
    access: CareAccess
    """What the beneficiary needs before booking."""
    status: OfferingStatus
    """Whether it can be booked."""
    external_id: str | None
    """Your own id for it; null when there is none."""
    metadata: dict[str, str]
    """Up to 50 entries of your own: short names, texts up to 500 characters."""
    version: int = Field(description=VERSION)
    created_at: Instant
    """When it was made, in business time (UTC)."""


class PriceCreate(In):
    """A price from a day on; `valid_to` is its last day, without one it is open-ended."""

    model_config = example(price_cents=42_00, valid_from="2027-01-01")

    price_cents: money.PositiveCents
    """The price of one unit, VAT included, in cents."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None = None
    """The last day on which it holds; null: no end."""


class PriceRead(Out):
    id: PriceId
    offering_id: OfferingId
    """The offering."""
    price_cents: int
    """The price of one unit, VAT included, in cents."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None
    """The last day on which it holds; null: no end."""


class AccreditationCreate(In):
    """`categories` null: all that the provider offers; `valid_from` null: today."""

    alliance_id: AllianceId
    """The alliance that is asked."""
    categories: Annotated[list[Code], Field(min_length=1, max_length=100), Unique] | None = None
    """Codes of `GET /v1/categories`; null: all that the provider offers."""
    valid_from: Day | None = None
    """The first day; null: today."""
    valid_to: Day | None = Field(default=None, description="The first day on which it no longer holds")


class OperatorAccreditationCreate(AccreditationCreate):
    """The same, for the provider that is named."""

    provider_id: OrganisationId
    """The provider."""


class AccreditationRead(Out):
    """A provider takes credit while an accreditation and the admission that it was given in last."""

    id: AccreditationId
    alliance_id: AllianceId
    """The alliance that accredits."""
    alliance_name: str
    """The alliance's name."""
    provider_id: OrganisationId
    """The provider."""
    provider_name: str
    """The provider's name."""
    categories: list[str] | None
    """Codes of `GET /v1/categories`; null: all that the provider offers."""
    valid_from: Day
    """The first day on which it holds."""
    valid_to: Day | None = Field(description="The first day on which it no longer holds")
    status: AccreditationStatus
    """Where it stands."""
    admission_ended_on: Day | None = Field(description="The first day without the admission; it takes no credit then")
    requested_by: UserId | None
    """Who asked; null where the installation did."""
    requested_at: Instant
    """When it was asked for (UTC)."""
    decided_by: UserId | None
    """Who decided; null while it is open."""
    decided_at: Instant | None
    """When it was decided; null while it is open."""


MODES = {
    "appointment": "at a time, at the provider's place",
    "home_visit": "at a time, at the beneficiary's home",
    "session": "a group meets at a time",
    "stay": "by nights",
    "enrolment": "by months",
    "on_request": "the provider proposes a time",
}
words("Mode", Mode, **MODES)
words("OpenMode", OpenMode, **MODES)
words(
    "OfferingUnit",
    OfferingUnit,
    visit="one visit, however long",
    hour="an hour",
    half_day="half a day",
    day="a day",
    night="a night",
    week="a week",
    month="a month",
    session="one meeting of a group",
    meal="a meal",
    ride="a ride",
    cycle="a whole cycle",
)
words(
    "VatCode",
    VatCode,
    exempt="exempt (art. 10 of the VAT law)",
    not_subject="outside the VAT law",
    vat_5="5 per cent",
    vat_10="10 per cent",
    vat_22="22 per cent",
)
words("Confirmation", Confirmation, instant="booking confirms at once", provider="the provider answers each request")
words(
    "Audience",
    Audience,
    public="everybody, without a login too",
    alliance="people employed by companies of the alliances of the provider",
    companies="people employed by a company here",
)
words(
    "CareAccess",
    CareAccess,
    free="nothing",
    assessment="an assessment of the need",
    prescription="a prescription",
)
words("OfferingStatus", OfferingStatus, active="it can be booked", inactive="withdrawn")
words(
    "AccreditationStatus",
    AccreditationStatus,
    requested="waits for the alliance",
    approved="the alliance said yes",
    refused="the alliance said no",
)
