"""What goes in and out about networks, alliances and their members."""

from typing import Annotated

from pydantic import Field

from app import ids
from app.clock import Day, Instant
from app.http.schemas import In, Name, Out, Unique, example
from app.http.words import words
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
    """The alliance's name."""
    network_id: ids.NetworkId
    """The network that it belongs to."""
    network_name: str
    """The name of the network that it belongs to."""
    lead_organisation_name: str
    """The name of the organisation that leads it."""
    municipalities: list[str]
    """ISTAT codes of the municipalities it covers."""


class NetworkCreate(In):
    model_config = example(name="ATS della Montagna")

    name: Name
    """The network's name."""


class NetworkRead(Out):
    id: ids.NetworkId
    name: str
    """The network's name."""
    created_at: Instant
    """When it was made, in business time (UTC)."""


class AllianceCreate(In):
    network_id: ids.NetworkId
    """The network that it belongs to."""
    name: Name
    """The alliance's name."""
    lead_organisation_id: ids.OrganisationId
    """The organisation that leads it."""
    municipalities: Annotated[list[IstatCode], Field(min_length=1, max_length=2000), Unique]
    """ISTAT codes of the municipalities it covers."""


class AllianceMembershipCreate(In):
    """`company` and `provider` need an organisation of that kind; the lead is named with the alliance."""

    organisation_id: ids.OrganisationId
    """The organisation that joins."""
    role: AdmittedRole
    """As what it joins."""


class AllianceMembershipRead(Out):
    id: ids.MembershipId
    organisation_id: ids.OrganisationId
    """The organisation that is a member."""
    organisation_name: str
    """The organisation's name."""
    role: AllianceRole
    """As what it is a member."""
    joined_on: Day
    """The first day of the membership."""
    ended_on: Day | None
    """The first day without the membership; null while it lasts."""


class FirstPersonRead(Out):
    """Somebody whom the operator brought into an alliance's lead, or whom such a person invited there."""

    id: ids.MembershipId
    user_id: ids.UserId
    email: str
    """The e-mail address of the login."""
    role: str = Field(description="`admin` or `coordinator`")
    organisation_id: ids.OrganisationId
    organisation_name: str
    """The organisation's name."""
    granted_by: ids.UserId | None = Field(description="Who invited")
    granted_at: Instant
    """When the role was given, in real time (UTC)."""
    stands: bool = Field(description="Whether it rests on more than one person's word; if not, nothing is accredited")


class AllianceSettingRead(Out):
    """A setting as it holds in an alliance."""

    name: SettingName
    """Which setting."""
    unit: SettingUnit
    """What `value` counts."""
    value: int = Field(description="The value in force")
    level: SettingOrigin = Field(description="Where it comes from; `default` where nobody has set it")
    reason: str | None = Field(description="Why it was set; null for a default")
    valid_from: Day | None = Field(description="Since when; null for a default")


class SettingRead(AllianceSettingRead):
    """A setting as it holds for what was asked for, and what may be set."""

    value_id: ids.SettingValueId | None = Field(description="The entry of `/v1/operator/setting_values` that says so")
    default_value: int
    """What holds where nobody has set it, in the setting's unit."""
    least: int
    """The smallest value that may be set, in the setting's unit."""
    most: int
    """The largest value that may be set, in the setting's unit."""
    levels: list[SettingLevel] = Field(description="Where it may be set, the widest first; the narrowest wins")
    stricter: Stricter | None = Field(
        description="Which way it protects people or money more; a value less strict than any before takes two people"
    )


class SettingValueCreate(In):
    """Names at most one object, whose level this is; none: the whole platform."""

    model_config = example(
        name="quote_minutes", value=20, reason="Le famiglie chiedono più tempo", valid_from="2026-12-01"
    )

    name: SettingName
    """Which setting."""
    network_id: ids.NetworkId | None = None
    """The network for which it holds; null: not for one network."""
    alliance_id: ids.AllianceId | None = None
    """The alliance for which it holds; null: not for one alliance."""
    organisation_id: ids.OrganisationId | None = None
    """The organisation for which it holds; null: not for one organisation."""
    programme_id: ids.ProgrammeId | None = None
    """The programme for which it holds; null: not for one programme."""
    value: Annotated[int, Field(ge=0, le=MAX_CENTS)] | None = Field(
        description="In the setting's unit; null: from then on as the level above says"
    )
    reason: Name
    """Why it is set."""
    valid_from: Day = Field(description="The first day (Rome) on which it holds; not before today")


class SettingValueRead(Out):
    """What was said of a setting; entries stay, the last one of a level that has begun holds.

    What weakens a setting that protects people or money holds once `confirmed_by` is there.
    """

    id: ids.SettingValueId
    name: SettingName
    """Which setting."""
    level: SettingLevel
    """Where it was set."""
    network_id: ids.NetworkId | None
    """The network for which it holds; null: not for one network."""
    alliance_id: ids.AllianceId | None
    """The alliance for which it holds; null: not for one alliance."""
    organisation_id: ids.OrganisationId | None
    """The organisation for which it holds; null: not for one organisation."""
    programme_id: ids.ProgrammeId | None
    """The programme for which it holds; null: not for one programme."""
    value: int | None
    """The value in the setting's unit; null: from then on as the level above says."""
    reason: str
    """Why it was set."""
    valid_from: Day
    """The first day on which it holds."""
    set_by: ids.UserId
    """Who set it."""
    created_at: Instant
    """When it was made, in business time (UTC)."""
    needs_second: bool
    """Whether it holds only once another person has confirmed it."""
    confirmed_by: ids.UserId | None
    """Who confirmed it; null: nobody."""
    confirmed_at: Instant | None
    """When it was confirmed, in real time (UTC); null: it was not."""


ROLES = {
    "lead": "it leads the alliance",
    "partner": "it takes part: an association, a municipality",
    "company": "its employees spend their credit there",
    "provider": "its offerings are for the alliance's people",
}
words("AllianceRole", AllianceRole, **ROLES)
words("AdmittedRole", AdmittedRole, **ROLES)
words(
    "SettingName",
    SettingName,
    quote_minutes="how long a quote binds",
    acknowledge_hours="after how long a delivered unit counts as accepted",
    grace_days="how long credit lives on that was freed too late to be used",
    grace_window_days="how shortly before its end credit must be freed to live on",
    minimum_payout_cents="the smallest sum that is paid to a provider",
    least_people="to how many people a sum must belong that returns to a company",
    least_line_cents="the smallest line of a grant whose credit may return to the company",
    returns_quarters="over how many quarters credit that returns is summed up",
    top_up_limit_cents="above which a top-up is confirmed by two people",
    fee_cap_bps="the largest share of the gross that a fee may take",
)
words(
    "SettingUnit",
    SettingUnit,
    minutes="minutes",
    hours="hours",
    days="days",
    cents="cents of a euro",
    people="people",
    quarters="quarters of a year",
    basis_points="hundredths of a percent",
)
LEVELS = {
    "default": "nobody has set it",
    "platform": "the whole installation",
    "network": "one network of alliances",
    "alliance": "one alliance",
    "organisation": "one company or provider",
    "programme": "one welfare programme",
}
words("SettingLevel", SettingLevel, **LEVELS)
words("SettingOrigin", SettingOrigin, **LEVELS)
words("Stricter", Stricter, more="a larger value protects more", less="a smaller value protects more")
