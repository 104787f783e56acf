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
from app.http.schemas import ABSENT, VERSION, Code, In, Metadata, Name, Out, Prose, Unique
from app.ids import AccreditationId, AllianceId, OfferingId, OrganisationId, PriceId, SiteId, UserId
from app.rules.rows import OfferingUnit, PaymentForm, RelativesCondition, RuleCode, Status
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
    late_fee_bps: money.BasisPoints = 5000
    no_show_fee_bps: money.BasisPoints = 10_000


class CancellationRead(Out):
    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int


class PublicOffering(Out):
    """An offering as anyone sees it; the price is the one valid today, VAT included."""

    id: OfferingId
    name: str
    description: str
    category: str
    mode: Mode
    unit: OfferingUnit
    price_cents: int
    provider_id: OrganisationId
    provider_name: str
    service_area: list[str] = Field(description="ISTAT codes of the municipalities served; empty means no restriction")
    min_age: int | None
    max_age: int | None
    confirmation: Confirmation
    cancellation: CancellationRead
    access: CareAccess


class PublicSite(Out):
    id: SiteId
    name: str
    street: str
    postcode: str
    istat_code: str


class SiteRead(PublicSite):
    """A site as its provider sees it."""

    external_id: str | None
    metadata: dict[str, str] = Field(validation_alias="metadata_")
    version: int = Field(description=VERSION)


class PublicProvider(Out):
    id: OrganisationId
    name: str
    description: str
    phone: str | None
    email: str | None
    sites: list[PublicSite]


class CategoryRead(Out):
    """A kind of care, with the rule codes that may pay for it today; without units it exists for claims only."""

    code: str
    name: str
    name_en: str
    rule_codes: list[RuleCode]
    units: list[OfferingUnit]


class RuleRead(Out):
    """One dated row of law; `valid_to` is the last day."""

    code: RuleCode
    name: str
    name_en: str
    payment_forms: list[PaymentForm]
    for_self: bool
    for_relatives: bool
    relatives_condition: RelativesCondition
    citation: str
    source: str
    status: Status
    valid_from: Day
    valid_to: Day | None


class SiteCreate(In):
    name: Name
    street: Name
    postcode: Postcode
    istat_code: IstatCode
    external_id: Code | None = Field(None, description="The site's id in your own system")
    metadata: Metadata = Field(default_factory=dict, description="Your own notes on it, up to 50 short texts")


class SiteUpdate(In):
    name: Name = ABSENT
    street: Name = ABSENT
    postcode: Postcode = ABSENT
    istat_code: IstatCode = ABSENT
    external_id: Code | None = None
    metadata: Metadata = ABSENT


class OfferingCreate(In):
    """A service to publish; its first price is valid from today."""

    name: Name
    description: Prose = ""
    category: Code
    mode: OpenMode
    unit: OfferingUnit
    price_cents: money.PositiveCents
    vat_code: VatCode
    site_id: SiteId | None = None
    service_area: ServiceArea = Field(default_factory=list)
    min_age: Age | None = None
    max_age: Age | None = None
    confirmation: Confirmation = "provider"
    response_hours: Annotated[int, Field(ge=1, le=720)] = 48
    min_notice_hours: Hours = 0
    cancellation: Cancellation = Cancellation()
    audience: Audience = "public"
    access: CareAccess = "free"
    external_id: Code | None = None
    metadata: Metadata = Field(default_factory=dict)


class OfferingUpdate(In):
    """What may change: not category, mode and unit (withdraw and publish anew), not the price (`/prices`)."""

    name: Name = ABSENT
    description: Prose = ABSENT
    vat_code: VatCode = ABSENT
    site_id: SiteId | None = None
    service_area: ServiceArea = ABSENT
    min_age: Age | None = None
    max_age: Age | None = None
    confirmation: Confirmation = ABSENT
    response_hours: Annotated[int, Field(ge=1, le=720)] = ABSENT
    min_notice_hours: Hours = ABSENT
    cancellation: Cancellation = ABSENT
    audience: Audience = ABSENT
    access: CareAccess = ABSENT
    status: OfferingStatus = ABSENT
    external_id: Code | None = None
    metadata: Metadata = ABSENT


class OfferingRead(Out):
    """An offering as its provider sees it."""

    id: OfferingId
    provider_id: OrganisationId
    name: str
    description: str
    category: str
    mode: Mode
    unit: OfferingUnit
    price_cents: int | None = Field(description="the price valid today, null when there is none")
    vat_code: VatCode
    site_id: SiteId | None
    service_area: list[str]
    min_age: int | None
    max_age: int | None
    confirmation: Confirmation
    response_hours: int
    min_notice_hours: int
    cancellation: CancellationRead
    audience: Audience
    access: CareAccess
    status: OfferingStatus
    external_id: str | None
    metadata: dict[str, str]
    version: int = Field(description=VERSION)
    created_at: Instant


class PriceCreate(In):
    """A price from a day on; `valid_to` is its last day, without one it is open-ended."""

    price_cents: money.PositiveCents
    valid_from: Day
    valid_to: Day | None = None


class PriceRead(Out):
    id: PriceId
    offering_id: OfferingId
    price_cents: int
    valid_from: Day
    valid_to: Day | None


class AccreditationCreate(In):
    """`categories` null: all that the provider offers; `valid_from` null: today."""

    alliance_id: AllianceId
    categories: Annotated[list[Code], Field(min_length=1, max_length=100), Unique] | None = None
    valid_from: Day | None = None
    valid_to: Day | None = Field(default=None, description="The first day on which it no longer holds")


class OperatorAccreditationCreate(AccreditationCreate):
    """The same, for the provider that is named."""

    provider_id: OrganisationId


class AccreditationRead(Out):
    """A provider takes credit while an accreditation and the admission that it was given in last."""

    id: AccreditationId
    alliance_id: AllianceId
    alliance_name: str
    provider_id: OrganisationId
    provider_name: str
    categories: list[str] | None
    valid_from: Day
    valid_to: Day | None = Field(description="The first day on which it no longer holds")
    status: AccreditationStatus
    admission_ended_on: Day | None = Field(description="The first day without the admission; it takes no credit then")
    requested_by: UserId | None
    requested_at: Instant
    decided_by: UserId | None
    decided_at: Instant | None
