"""What goes in and out about networks, alliances and their members."""

from typing import Annotated

from pydantic import Field

from app import ids
from app.clock import Day, Instant
from app.http.schemas import In, Name, Out, Unique
from app.money import MAX_CENTS
from app.networks.models import (
    AdmittedRole,
    AllianceRole,
    SettingLevel,
    SettingName,
    SettingOrigin,
    SettingUnit,
    Stricter,
)
from app.territory.schemas import IstatCode


class AllianceRead(Out):
    id: ids.AllianceId
    name: str
    network_id: ids.NetworkId
    network_name: str
    lead_organisation_name: str
    municipalities: list[str]


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
    municipalities: Annotated[list[IstatCode], Field(min_length=1, max_length=2000), Unique]


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


class FirstPersonRead(Out):
    """Somebody whom the operator brought into an alliance's lead, or whom such a person invited there."""

    id: ids.MembershipId
    user_id: ids.UserId
    email: str
    role: str = Field(description="`admin` or `coordinator`")
    organisation_id: ids.OrganisationId
    organisation_name: str
    granted_by: ids.UserId | None = Field(description="Who invited")
    granted_at: Instant
    stands: bool = Field(description="Whether it rests on more than one person's word; if not, nothing is accredited")


class AllianceSettingRead(Out):
    """A setting as it holds in an alliance."""

    name: SettingName
    unit: SettingUnit
    value: int = Field(description="The value in force")
    level: SettingOrigin = Field(description="Where it comes from; `default` where nobody has set it")
    reason: str | None = Field(description="Why it was set; null for a default")
    valid_from: Day | None = Field(description="Since when; null for a default")


class SettingRead(AllianceSettingRead):
    """A setting as it holds for what was asked for, and what may be set."""

    value_id: ids.SettingValueId | None = Field(description="The entry of `/v1/operator/setting_values` that says so")
    default_value: int
    least: int
    most: int
    levels: list[SettingLevel] = Field(description="Where it may be set, the widest first; the narrowest wins")
    stricter: Stricter | None = Field(
        description="Which way it protects people or money more; a value less strict than any before takes two people"
    )


class SettingValueCreate(In):
    """Names at most one object, whose level this is; none: the whole platform."""

    name: SettingName
    network_id: ids.NetworkId | None = None
    alliance_id: ids.AllianceId | None = None
    organisation_id: ids.OrganisationId | None = None
    programme_id: ids.ProgrammeId | None = None
    value: Annotated[int, Field(ge=0, le=MAX_CENTS)] | None = Field(
        description="In the setting's unit; null: from then on as the level above says"
    )
    reason: Name
    valid_from: Day = Field(description="The first day (Rome) on which it holds; not before today")


class SettingValueRead(Out):
    """What was said of a setting; entries stay, the last one of a level that has begun holds.

    What weakens a setting that protects people or money holds once `confirmed_by` is there.
    """

    id: ids.SettingValueId
    name: SettingName
    level: SettingLevel
    network_id: ids.NetworkId | None
    alliance_id: ids.AllianceId | None
    organisation_id: ids.OrganisationId | None
    programme_id: ids.ProgrammeId | None
    value: int | None
    reason: str
    valid_from: Day
    set_by: ids.UserId
    created_at: Instant
    needs_second: bool = Field(description="Whether it holds only once another person has confirmed it")
    confirmed_by: ids.UserId | None
    confirmed_at: Instant | None
