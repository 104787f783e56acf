"""What goes in and out about networks, alliances and their members."""

from typing import Annotated

from pydantic import Field

from app import ids
from app.clock import Day, Instant
from app.http.schemas import In, Name, Out, Unique
from app.networks.models import AdmittedRole, AllianceRole
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
