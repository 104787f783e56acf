"""Routes of networks and alliances and of settings by level: public, operator, alliance."""

from typing import Annotated

from fastapi import Depends, Query

from app import clock
from app.edge.at import At
from app.errors import AlreadyResolved, StateConflict
from app.http.audiences import alliance_router, operator_router, public_router
from app.http.filters import Words, any_of, containing
from app.http.pagination import NewestFirst, OldestFirst, Paging, ordered
from app.http.schemas import Page
from app.ids import AllianceId, MembershipId, OrganisationId, ProgrammeId, SettingValueId
from app.networks import actions, first_people, queries
from app.networks import settings as network_settings
from app.networks.errors import (
    AlreadyMember,
    NameTaken,
    SettingConfirmerIsSetter,
    SettingLevelNotAllowed,
    SettingOutOfBounds,
    VoucherIsInviter,
)
from app.networks.models import AllianceRole, SettingName
from app.networks.schemas import (
    AllianceCreate,
    AllianceMembershipCreate,
    AllianceMembershipRead,
    AllianceRead,
    AllianceSettingRead,
    FirstPersonRead,
    NetworkCreate,
    NetworkRead,
    SettingRead,
    SettingValueCreate,
    SettingValueRead,
)

public = public_router()
operator = operator_router()
alliance = alliance_router()
ByName = Annotated[Paging, Depends(ordered("name", "-name"))]


@public.list("/alliances", "public", fresh_seconds=300)
async def alliance_list(at: At, paging: ByName, q: Words = None) -> Page[AllianceRead]:
    """List the local alliances with their territory."""
    found = await queries.alliances(at.session, paging.window, containing(q))
    return paging.page(found, AllianceRead.model_validate)


@operator.list("/networks", "organisations:read")
async def network_list(at: At, paging: OldestFirst) -> Page[NetworkRead]:
    """List the networks of alliances."""
    found = await queries.networks(at.session, paging.window)
    return paging.page(found, NetworkRead.model_validate)


@operator.command(
    "/networks",
    "organisations:write",
    keyed=False,
    status=201,
    errors=[NameTaken],
    audit="network.create",
    step_up="role",
)
async def network_create(at: At, body: NetworkCreate) -> NetworkRead:
    """Add a network, to which alliances belong."""
    row = await actions.create_network(at.session, body.name)
    return at.about(row.id, NetworkRead.model_validate(row))


@operator.list("/alliances", "organisations:read")
async def operator_alliance_list(at: At, paging: ByName, q: Words = None) -> Page[AllianceRead]:
    """List all alliances."""
    return await alliance_list(at, paging, q)


@operator.command(
    "/alliances",
    "organisations:write",
    keyed=False,
    status=201,
    errors=[NameTaken],
    audit="alliance.create",
    step_up="role",
)
async def alliance_create(at: At, body: AllianceCreate) -> AllianceRead:
    """Add an alliance with its territory and lead organisation."""
    row = await actions.create_alliance(at.session, body)
    return at.about(row.id, AllianceRead.model_validate(row))


@operator.read("/alliances/{alliance_id}", "organisations:read")
async def alliance_get(at: At, alliance_id: AllianceId) -> AllianceRead:
    """Show one alliance."""
    return AllianceRead.model_validate(await queries.alliance(at.session, alliance_id))


@operator.list("/first_people", "organisations:read")
async def first_person_list(at: At, paging: OldestFirst) -> Page[FirstPersonRead]:
    """List administrators and coordinators of alliances' leads for whom finance has still to vouch."""
    found = await queries.first_people(at.session, paging.window)
    return paging.page(found, FirstPersonRead.model_validate)


@operator.command(
    "/first_people/{membership_id}/vouch",
    "role_confirmations:write",
    keyed=False,
    errors=[StateConflict, VoucherIsInviter],
    audit="member.vouch",
    step_up="role",
)
async def first_person_vouch(at: At, membership_id: MembershipId) -> FirstPersonRead:
    """Vouch, after having asked the organisation itself, that this is its administrator or coordinator.

    Until then nothing that she, or whoever she invites, accredits counts: the operator alone founds no alliance.
    """
    return FirstPersonRead.model_validate(await first_people.vouch_for(at.session, at.actor, membership_id))


@operator.list("/settings", "settings:read")
async def setting_list(
    at: At,
    paging: ByName,
    on: Annotated[clock.Day | None, Query(description="the day (Rome); absent: today")] = None,
    alliance_id: Annotated[AllianceId | None, Query(description="in this alliance")] = None,
    organisation_id: Annotated[
        OrganisationId | None, Query(description="for it, in the alliance it joined first")
    ] = None,
    programme_id: Annotated[ProgrammeId | None, Query(description="for it; name its company too")] = None,
) -> Page[SettingRead]:
    """List settings with the value in force and where it comes from: the platform's, or those of what is named."""
    found = await queries.settings(
        at.session,
        on or clock.today(),
        paging.window,
        alliance_id=alliance_id,
        organisation_id=organisation_id,
        programme_id=programme_id,
    )
    return paging.page(found, SettingRead.model_validate)


@operator.list("/setting_values", "settings:read")
async def setting_value_list(
    at: At, paging: NewestFirst, name: Annotated[SettingName | None, Query(description="of this setting")] = None
) -> Page[SettingValueRead]:
    """List everything that was ever said of settings, newest first."""
    found = await queries.setting_values(at.session, name, paging.window)
    return paging.page(found, SettingValueRead.model_validate)


@operator.command(
    "/setting_values",
    "settings:write",
    keyed=False,
    status=201,
    errors=[SettingOutOfBounds, SettingLevelNotAllowed],
    audit="setting_value.create",
    step_up="role",
)
async def setting_value_create(at: At, body: SettingValueCreate) -> SettingValueRead:
    """Set a value at a level from a day on; what happened before keeps the terms that it had.

    Where `needs_second` is true it waits for another person (`/setting_values/{id}/confirm`).
    """
    row = await network_settings.set_value(at.session, at.actor, body)
    return at.about(row.id, SettingValueRead.model_validate(row))


@operator.command(
    "/setting_values/{value_id}/confirm",
    "setting_confirmations:write",
    keyed=False,
    errors=[AlreadyResolved, StateConflict, SettingConfirmerIsSetter],
    audit="setting_value.confirm",
    step_up="role",
)
async def setting_value_confirm(at: At, value_id: SettingValueId) -> SettingValueRead:
    """Confirm, as another person, a value that protects people or money less: it holds from its first day on."""
    return SettingValueRead.model_validate(await network_settings.confirm_value(at.session, at.actor, value_id))


@alliance.list("/settings", "alliance:read")
async def alliance_setting_list(at: At, paging: ByName) -> Page[AllianceSettingRead]:
    """List the settings as they hold in this alliance today, and where each comes from."""
    found = await queries.settings(at.session, clock.today(), paging.window, alliance_id=at.tenant)
    return paging.page(found, AllianceSettingRead.model_validate)


@alliance.list("/memberships", "alliance:read")
async def alliance_membership_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("created_at", "-created_at", "organisation_name", "-organisation_name"))],
    q: Words = None,
    role: Annotated[list[AllianceRole] | None, Query(description="may be repeated")] = None,
    ended: Annotated[bool | None, Query(description="true: ended ones only; false: the others")] = None,
) -> Page[AllianceMembershipRead]:
    """List who belongs or belonged to the alliance, in which role."""
    found = await queries.alliance_memberships(
        at.session, at.tenant, paging.window, roles=any_of(role), ended=ended, words=containing(q)
    )
    return paging.page(found, AllianceMembershipRead.model_validate)


@alliance.command(
    "/memberships",
    "alliance:write",
    keyed=False,
    status=201,
    errors=[AlreadyMember],
    audit="alliance_membership.create",
    step_up="role",
)
async def alliance_membership_create(at: At, body: AllianceMembershipCreate) -> AllianceMembershipRead:
    """Admit an organisation to the alliance."""
    row = await actions.add_alliance_membership(at.session, at.tenant, body.organisation_id, body.role)
    return at.about(row.id, AllianceMembershipRead.model_validate(row))


@alliance.command(
    "/memberships/{membership_id}/end",
    "alliance:write",
    keyed=False,
    errors=[StateConflict],
    audit="alliance_membership.end",
    step_up="role",
)
async def alliance_membership_end(at: At, membership_id: MembershipId) -> AllianceMembershipRead:
    """End a membership from today; a provider takes no more credit in the alliance."""
    row = await actions.end_alliance_membership(at.session, at.tenant, membership_id)
    return AllianceMembershipRead.model_validate(row)
