"""Tables of the catalogue."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.rows import OfferingUnit

Mode = Literal["appointment", "home_visit", "session", "stay", "enrolment", "on_request"]
VatCode = Literal["exempt", "not_subject", "vat_5", "vat_10", "vat_22"]
Confirmation = Literal["instant", "provider"]
Audience = Literal["public", "alliance", "companies"]
CareAccess = Literal["free", "assessment", "prescription"]
OfferingStatus = Literal["active", "inactive"]
AccreditationStatus = Literal["requested", "approved", "refused"]
MAX_FREE_UNTIL_HOURS = 168
"""A week: a longer deadline would make bookings late from their first second."""
VAT_BPS: dict[VatCode, int] = {"exempt": 0, "not_subject": 0, "vat_5": 500, "vat_10": 1000, "vat_22": 2200}
SEARCH = (
    "setweight(to_tsvector('public.it_unaccent'::regconfig, name), 'A') ||"
    " setweight(to_tsvector('public.it_unaccent'::regconfig, description), 'B')"
)


class Site(Model):
    """A place where a provider delivers."""

    __tablename__ = "site"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        Index("site_external_id_idx", "provider_id", "external_id", postgresql_where="external_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"))
    name: Mapped[str] = mapped_column(Text)
    street: Mapped[str] = mapped_column(Text)
    postcode: Mapped[str] = mapped_column(Text)
    istat_code: Mapped[str] = mapped_column(ForeignKey("municipality.istat_code"), index=True)
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class Offering(Model):
    """What can be booked: a provider's service in a category."""

    __tablename__ = "offering"
    __table_args__ = (
        UniqueConstraint("provider_id", "id"),
        ForeignKeyConstraint(["provider_id", "site_id"], ["site.provider_id", "site.id"], name="offering_site_fkey"),
        CheckConstraint(one_of("mode", Mode), name="mode_known"),
        CheckConstraint(one_of("unit", OfferingUnit), name="unit_known"),
        CheckConstraint(one_of("vat_code", VatCode), name="vat_code_known"),
        CheckConstraint(one_of("confirmation", Confirmation), name="confirmation_known"),
        CheckConstraint(one_of("audience", Audience), name="audience_known"),
        CheckConstraint(one_of("access", CareAccess), name="access_known"),
        CheckConstraint(one_of("status", OfferingStatus), name="status_known"),
        CheckConstraint("min_age >= 0 AND max_age >= coalesce(min_age, 0)", name="ages"),
        CheckConstraint(
            "response_hours > 0 AND min_notice_hours >= 0 AND free_until_hours >= 0", name="hours_not_negative"
        ),
        CheckConstraint(f"free_until_hours <= {MAX_FREE_UNTIL_HOURS}", name="free_until_within_a_week"),
        CheckConstraint(
            "late_fee_bps BETWEEN 0 AND 10000 AND no_show_fee_bps BETWEEN 0 AND 10000", name="fees_within_price"
        ),
        Index("offering_site_idx", "provider_id", "site_id"),
        Index("offering_search_idx", "search", postgresql_using="gin"),
        Index("offering_category_idx", "category", "name_key", "id"),
        Index(
            "offering_name_trgm_idx", "name_key", postgresql_using="gin", postgresql_ops={"name_key": "gin_trgm_ops"}
        ),
        Index("offering_listed_idx", "name_key", "id", postgresql_where="status = 'active'"),
        Index("offering_external_id_idx", "provider_id", "external_id", postgresql_where="external_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"))
    site_id: Mapped[UUID | None] = mapped_column(Uuid)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    mode: Mapped[Mode] = mapped_column(Text)
    unit: Mapped[OfferingUnit] = mapped_column(Text)
    vat_code: Mapped[VatCode] = mapped_column(Text)
    min_age: Mapped[int | None] = mapped_column(Integer)
    max_age: Mapped[int | None] = mapped_column(Integer)
    confirmation: Mapped[Confirmation] = mapped_column(Text)
    response_hours: Mapped[int] = mapped_column(Integer)
    min_notice_hours: Mapped[int] = mapped_column(Integer)
    free_until_hours: Mapped[int] = mapped_column(Integer)
    late_fee_bps: Mapped[int] = mapped_column(Integer)
    no_show_fee_bps: Mapped[int] = mapped_column(Integer)
    audience: Mapped[Audience] = mapped_column(Text, server_default="public")
    access: Mapped[CareAccess] = mapped_column(Text, server_default="free")
    status: Mapped[OfferingStatus] = mapped_column(Text, server_default="active")
    name_key: Mapped[str] = mapped_column(Text(collation="C"), Computed("public.plain_text(name)", persisted=True))
    """Name in lower case without accents: the order of lists, and what near misses are compared with."""
    search: Mapped[str] = mapped_column(TSVECTOR, Computed(SEARCH, persisted=True))
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    updated_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When it was changed last; null: never since it was made."""
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class Accreditation(Model):
    """A provider's leave to take credit, given by an alliance within an admission, for some categories or all."""

    __tablename__ = "accreditation"
    __table_args__ = (
        CheckConstraint(one_of("status", AccreditationStatus), name="status_known"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="period"),
        CheckConstraint("cardinality(categories) > 0", name="categories_named"),
        CheckConstraint("(status = 'requested') = (decided_at IS NULL)", name="decided_when_not_requested"),
        CheckConstraint("(status = 'approved') = (membership_id IS NOT NULL)", name="of_an_admission"),
        CheckConstraint("status <> 'approved' OR decided_by <> requested_by", name="approver_is_not_requester"),
        Index(
            "accreditation_one_requested_key",
            "provider_id",
            "alliance_id",
            unique=True,
            postgresql_where="status = 'requested'",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    alliance_id: Mapped[UUID] = mapped_column(ForeignKey("alliance.id"), index=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.organisation_id"), index=True)
    membership_id: Mapped[UUID | None] = mapped_column(ForeignKey("alliance_membership.id"), index=True)
    """The admission that it ends with."""
    categories: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    """The first day without it."""
    status: Mapped[AccreditationStatus] = mapped_column(Text, server_default="requested")
    requested_by: Mapped[UUID | None] = mapped_column(Uuid)
    """Null where the provider was a member before there were accreditations."""
    requested_at: Mapped[datetime] = mapped_column(Timestamp)
    decided_by: Mapped[UUID | None] = mapped_column(Uuid)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)


class OfferingArea(Model):
    """A municipality that an offering serves; none at all means everywhere (for services at a site)."""

    __tablename__ = "offering_area"

    offering_id: Mapped[UUID] = mapped_column(ForeignKey("offering.id"), primary_key=True)
    istat_code: Mapped[str] = mapped_column(ForeignKey("municipality.istat_code"), primary_key=True, index=True)


class Price(Model):
    """What one unit costs, VAT included, from a day on (end exclusive)."""

    __tablename__ = "price"
    __table_args__ = (
        CheckConstraint("price_cents > 0", name="positive"),
        CheckConstraint("valid_to IS NULL OR valid_to > valid_from", name="period"),
        ExcludeConstraint(
            ("offering_id", "="),
            (func.daterange(text("valid_from"), text("valid_to"), text("'[)'")), "&&"),
            name="price_one_per_day",
            using="gist",
        ),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    offering_id: Mapped[UUID] = mapped_column(ForeignKey("offering.id"), index=True)
    price_cents: Mapped[int] = mapped_column(BigInteger)
    valid_from: Mapped[date] = mapped_column(Date)
    valid_to: Mapped[date | None] = mapped_column(Date)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
