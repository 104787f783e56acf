"""Tables of organisations, territory, employments and (schema care) beneficiaries."""

from datetime import date, datetime
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Date,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.beneficiary import Relation
from app.rules.decisions import Reading

Kind = Literal["company", "provider", "municipality", "association", "operator"]
AdmittedRole = Literal["partner", "company", "provider"]
AllianceRole = Literal["lead", AdmittedRole]
Contract = Literal["permanent", "fixed_term", "agency"]


class Municipality(Model):
    """An Italian municipality (ISTAT list; the migration names date and source)."""

    __tablename__ = "municipality"
    __table_args__ = (
        CheckConstraint("istat_code ~ '^[0-9]{6}$'", name="istat_code_form"),
        Index(
            "municipality_sort_key_trgm_idx",
            "sort_key",
            postgresql_using="gin",
            postgresql_ops={"sort_key": "gin_trgm_ops"},
        ),
    )

    istat_code: Mapped[str] = mapped_column(Text, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    sort_key: Mapped[str] = mapped_column(Text(collation="C"), index=True)
    """Name in lower case without accents: order and search do not hang on a collation."""
    province: Mapped[str] = mapped_column(Text)
    province_name: Mapped[str] = mapped_column(Text)
    region: Mapped[str] = mapped_column(Text)
    cadastral_code: Mapped[str] = mapped_column(Text)
    latitude: Mapped[float | None] = mapped_column(Float)
    longitude: Mapped[float | None] = mapped_column(Float)


class Organisation(Model):
    """A legal party; it may be company, provider, municipality, association and operator at once."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint(
            f"cardinality(kinds) > 0 AND kinds <@ ARRAY[{', '.join(map(repr, get_args(Kind)))}]::text[]",
            name="kinds_known",
        ),
        CheckConstraint("country ~ '^[A-Z]{2}$'", name="country_form"),
        Index("organisation_operator_idx", "id", postgresql_where="'operator' = ANY (kinds)"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    kinds: Mapped[list[Kind]] = mapped_column(ARRAY(Text))
    tax_code: Mapped[str] = mapped_column(Text, unique=True)
    iban: Mapped[str | None] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(Text)
    street_number: Mapped[str | None] = mapped_column(Text)
    postcode: Mapped[str | None] = mapped_column(Text)
    town: Mapped[str | None] = mapped_column(Text)
    country: Mapped[str] = mapped_column(Text, server_default="IT")
    external_id: Mapped[str | None] = mapped_column(Text)
    metadata_: Mapped[dict[str, str]] = mapped_column("metadata", JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class Company(Model):
    """An organisation that employs people and funds credit, with its ledger account."""

    __tablename__ = "company"
    __table_args__ = (CheckConstraint(one_of("relatives_reading", Reading), name="relatives_reading_known"),)

    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    relatives_reading: Mapped[Reading] = mapped_column(Text, server_default="strict")


class Network(Model):
    """A rete territoriale under an ATS."""

    __tablename__ = "network"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class Alliance(Model):
    """An alleanza locale inside a network, with its lead organisation (capofila)."""

    __tablename__ = "alliance"

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    network_id: Mapped[UUID] = mapped_column(ForeignKey("network.id"), index=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    lead_organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"), index=True)
    solidarity_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), unique=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class AllianceMunicipality(Model):
    """The territory of an alliance."""

    __tablename__ = "alliance_municipality"

    alliance_id: Mapped[UUID] = mapped_column(ForeignKey("alliance.id"), primary_key=True)
    istat_code: Mapped[str] = mapped_column(ForeignKey("municipality.istat_code"), primary_key=True, index=True)


class AllianceMembership(Model):
    """An organisation's place in an alliance; ended memberships stay as history."""

    __tablename__ = "alliance_membership"
    __table_args__ = (
        CheckConstraint(one_of("role", AllianceRole), name="role_known"),
        CheckConstraint("ended_on IS NULL OR ended_on > joined_on", name="period"),
        Index(
            "alliance_membership_live_key",
            "alliance_id",
            "organisation_id",
            "role",
            unique=True,
            postgresql_where="ended_on IS NULL",
        ),
        Index("alliance_membership_alliance_id_idx", "alliance_id"),
        Index("alliance_membership_organisation_id_idx", "organisation_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    alliance_id: Mapped[UUID] = mapped_column(ForeignKey("alliance.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisation.id"))
    role: Mapped[AllianceRole] = mapped_column(Text)
    joined_on: Mapped[date] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)


class Employee(Model):
    """A person's employment at a company.

    `email` is where HR had the invitation sent; it is emptied at activation, when contact becomes the person's own.
    """

    __tablename__ = "employee"
    __table_args__ = (
        UniqueConstraint("company_id", "id"),
        UniqueConstraint("company_id", "fiscal_code_index", "hired_on", name="employee_same_hiring_key"),
        Index(
            "employee_employed_once_key",
            "company_id",
            "fiscal_code_index",
            unique=True,
            postgresql_where="ended_on IS NULL",
        ),
        Index(
            "employee_external_id_key",
            "company_id",
            "external_id",
            unique=True,
            postgresql_where="ended_on IS NULL AND external_id IS NOT NULL",
        ),
        Index("employee_category_idx", "company_id", "category"),
        Index("employee_user_id_idx", "user_id"),
        CheckConstraint(one_of("contract", Contract), name="contract_known"),
        CheckConstraint("ended_on IS NULL OR ended_on >= hired_on", name="period"),
        CheckConstraint("user_id IS NULL OR email IS NULL", name="contact_is_the_persons"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    email: Mapped[str | None] = mapped_column(Text)
    given_name: Mapped[str] = mapped_column(Text)
    family_name: Mapped[str] = mapped_column(Text)
    sealed_fiscal_code: Mapped[bytes] = mapped_column(LargeBinary)
    fiscal_code_index: Mapped[bytes] = mapped_column(LargeBinary)
    """HMAC of the code as issued: omocodia exists because two people would share one, so it is not undone here."""
    external_id: Mapped[str | None] = mapped_column(Text)
    category: Mapped[str] = mapped_column(Text)
    hired_on: Mapped[date] = mapped_column(Date)
    ended_on: Mapped[date | None] = mapped_column(Date)
    contract: Mapped[Contract] = mapped_column(Text, server_default="permanent")
    contract_ends_on: Mapped[date | None] = mapped_column(Date)
    probation_ends_on: Mapped[date | None] = mapped_column(Date)
    unpaid_leave: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default="[]")
    agreement_code: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")


class Beneficiary(Model):
    """The person who receives the care: the employee (`self`) or a relative; belongs to a login, not to a job."""

    __tablename__ = "beneficiary"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        CheckConstraint(one_of("relation", Relation), name="relation_known"),
        Index("beneficiary_self_key", "user_id", unique=True, postgresql_where="relation = 'self'"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    relation: Mapped[Relation] = mapped_column(Text)
    given_name: Mapped[str] = mapped_column(Text)
    family_name: Mapped[str] = mapped_column(Text)
    birth_date: Mapped[date] = mapped_column(Date)
    sealed_fiscal_code: Mapped[bytes | None] = mapped_column(LargeBinary)
    phone: Mapped[str | None] = mapped_column(Text)
    street: Mapped[str | None] = mapped_column(Text)
    postcode: Mapped[str | None] = mapped_column(Text)
    istat_code: Mapped[str | None] = mapped_column(ForeignKey("municipality.istat_code"), index=True)
    sealed_access_notes: Mapped[bytes | None] = mapped_column(LargeBinary)
    cohabitation: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB, server_default="[]")
    maintained: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB, server_default="[]")
    dependent_years: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default="{}")
    certificates: Mapped[list[dict[str, str | None]]] = mapped_column(JSONB, server_default="[]")
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    version: Mapped[int] = mapped_column(Integer, server_default="1")
