"""Tables of networks and alliances."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Date, ForeignKey, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of

AdmittedRole = Literal["partner", "company", "provider"]
AllianceRole = Literal["lead", AdmittedRole]
SettingName = Literal[
    "quote_minutes",
    "acknowledge_hours",
    "grace_days",
    "grace_window_days",
    "minimum_payout_cents",
    "least_people",
    "least_line_cents",
    "returns_quarters",
    "top_up_limit_cents",
    "fee_cap_bps",
]
"""What may be set by level; unit, default, bounds and levels of each stand in sql/settings.sql."""
SettingLevel = Literal["platform", "network", "alliance", "organisation", "programme"]
SettingOrigin = Literal["default", SettingLevel]
SettingUnit = Literal["minutes", "hours", "days", "cents", "people", "quarters", "basis_points"]
Stricter = Literal["more", "less"]
"""Which way a setting that protects people or money becomes stricter; the other way takes two people."""


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


class SettingValue(Model):
    """A setting's value at a level from a day on; the last one said holds, none (null) means as the level above."""

    __tablename__ = "setting_value"
    __table_args__ = (
        CheckConstraint(one_of("name", SettingName), name="name_known"),
        CheckConstraint(one_of("level", SettingLevel), name="level_known"),
        CheckConstraint(
            "num_nonnulls(network_id, alliance_id, organisation_id, programme_id) = CASE level WHEN 'platform' THEN 0"
            " ELSE 1 END AND CASE level WHEN 'network' THEN network_id WHEN 'alliance' THEN alliance_id"
            " WHEN 'organisation' THEN organisation_id WHEN 'programme' THEN programme_id ELSE id END IS NOT NULL",
            name="level_names_its_object",
        ),
        CheckConstraint("reason <> ''", name="reason_given"),
        CheckConstraint("valid_from >= (created_at AT TIME ZONE 'Europe/Rome')::date", name="never_in_the_past"),
        CheckConstraint("confirmed_by <> set_by", name="confirmed_by_another"),
        CheckConstraint("(confirmed_by IS NULL) = (confirmed_at IS NULL)", name="confirmed_whole"),
        CheckConstraint("needs_second OR confirmed_by IS NULL", name="confirmed_where_needed"),
        CheckConstraint("valid_from >= (confirmed_at AT TIME ZONE 'Europe/Rome')::date", name="confirmed_in_time"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    name: Mapped[SettingName] = mapped_column(Text, index=True)
    level: Mapped[SettingLevel] = mapped_column(Text)
    network_id: Mapped[UUID | None] = mapped_column(ForeignKey("network.id"), index=True)
    alliance_id: Mapped[UUID | None] = mapped_column(ForeignKey("alliance.id"), index=True)
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    programme_id: Mapped[UUID | None] = mapped_column(ForeignKey("programme.id"), index=True)
    value: Mapped[int | None] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    valid_from: Mapped[date] = mapped_column(Date)
    set_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    needs_second: Mapped[bool] = mapped_column(Boolean, server_default="false")
    """Whether it weakens something, so that it holds once another person has confirmed it; a trigger says so."""
    confirmed_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"), index=True)
    confirmed_at: Mapped[datetime | None] = mapped_column(Timestamp)
