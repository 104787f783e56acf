"""Routes about parties: public, operator, alliance and organisation; people are in people_endpoints."""

from typing import Annotated

from fastapi import Query, Response

from app import ids
from app.edge.permissions import REGISTRAR
from app.errors import StateConflict
from app.http.access import access
from app.http.audiences import alliance_router, operator_router, organisation_router, public_router
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.organisations import actions, queries
from app.organisations.errors import AlreadyMember, LastAdministrator, NameTaken
from app.organisations.models import Organisation
from app.organisations.schemas import (
    AddressRead,
    AllianceCreate,
    AllianceMembershipCreate,
    AllianceMembershipRead,
    AllianceRead,
    MemberInvite,
    MemberInvited,
    MemberRead,
    MunicipalityRead,
    NetworkCreate,
    NetworkRead,
    OrganisationRead,
    OrganisationUpdate,
)
from app.organisations.territory import search_key

public = public_router()
operator = operator_router()
alliance = alliance_router()
organisation = organisation_router()
CREATED = 201


def read_organisation(row: Organisation) -> OrganisationRead:
    """Return an organisation as the operator sees it."""
    return OrganisationRead(
        id=row.id,
        name=row.name,
        kinds=row.kinds,
        tax_code=row.tax_code,
        iban=row.iban,
        address=None if row.street is None else AddressRead.model_validate(row),
        external_id=row.external_id,
        metadata=row.metadata_,
        created_at=row.created_at,
    )


@public.get("/municipalities")
@access("public", errors=[BadCursor])
async def municipality_list(
    session: SessionDep,
    paging: PagingDep,
    q: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
) -> Page[MunicipalityRead]:
    """Search municipalities by a part of the name, accents and case aside; names that begin with it come first."""
    needle = search_key(q or "")
    if q is not None and not needle:
        return Page(data=[])
    found = await queries.search_municipalities(session, needle, paging.after, paging.fetch)
    return paging.page(found, MunicipalityRead.model_validate, lambda row: [row.rank, row.sort_key, row.istat_code])


@public.get("/alliances")
@access("public", errors=[BadCursor])
async def alliance_list(session: SessionDep, paging: PagingDep) -> Page[AllianceRead]:
    """List the local alliances with their territory."""
    found = await queries.alliances(session, paging.after, paging.fetch)
    return paging.page(found, AllianceRead.model_validate, lambda row: [row.name, str(row.id)])


@operator.get("/organisations")
@access("organisations:read", errors=[BadCursor])
async def organisation_list(session: SessionDep, paging: PagingDep) -> Page[OrganisationRead]:
    found = await queries.organisations(session, paging.after, paging.fetch)
    return paging.page(found, read_organisation, lambda row: [str(row.id)])


@operator.get("/organisations/{organisation_id}")
@access("organisations:read")
async def organisation_get(
    session: SessionDep, organisation_id: ids.OrganisationId, response: Response
) -> OrganisationRead:
    row = await queries.organisation(session, organisation_id)
    set_etag(response, row.version)
    return read_organisation(row)


@operator.patch("/organisations/{organisation_id}")
@access("organisations:write", errors=[StateConflict, MalformedPrecondition])
async def organisation_update(
    session: SessionDep,
    actor: ActorDep,
    organisation_id: ids.OrganisationId,
    version: ExpectedVersion,
    body: OrganisationUpdate,
    response: Response,
) -> OrganisationRead:
    """Change name, address, references; an IBAN can be set here once."""
    row = await actions.update_organisation(session, actor, organisation_id, version, body)
    set_etag(response, row.version)
    return read_organisation(row)


@operator.post("/organisations/{organisation_id}/members", status_code=CREATED)
@access("organisations:write")
async def organisation_member_invite(
    session: SessionDep, actor: ActorDep, organisation_id: ids.OrganisationId, body: MemberInvite
) -> MemberInvited:
    """Invite an organisation's first administrator."""
    await actions.invite_member(session, actor, organisation_id, body.email, body.roles, bootstrap=True)
    return MemberInvited(email=body.email, roles=body.roles)


@operator.get("/networks")
@access("organisations:read", errors=[BadCursor])
async def network_list(session: SessionDep, paging: PagingDep) -> Page[NetworkRead]:
    found = await queries.networks(session, paging.after, paging.fetch)
    return paging.page(found, NetworkRead.model_validate, lambda row: [str(row.id)])


@operator.post("/networks", status_code=CREATED)
@access("organisations:write", errors=[NameTaken])
async def network_create(session: SessionDep, actor: ActorDep, body: NetworkCreate) -> NetworkRead:
    return NetworkRead.model_validate(await actions.create_network(session, actor, body.name))


@operator.get("/alliances")
@access("organisations:read", errors=[BadCursor])
async def operator_alliance_list(session: SessionDep, paging: PagingDep) -> Page[AllianceRead]:
    found = await queries.alliances(session, paging.after, paging.fetch)
    return paging.page(found, AllianceRead.model_validate, lambda row: [row.name, str(row.id)])


@operator.post("/alliances", status_code=CREATED)
@access("organisations:write", errors=[NameTaken])
async def alliance_create(session: SessionDep, actor: ActorDep, body: AllianceCreate) -> AllianceRead:
    """Add an alliance with its territory and lead organisation."""
    return AllianceRead.model_validate(await actions.create_alliance(session, actor, body))


@operator.get("/alliances/{alliance_id}")
@access("organisations:read")
async def alliance_get(session: SessionDep, alliance_id: ids.AllianceId) -> AllianceRead:
    return AllianceRead.model_validate(await queries.alliance(session, alliance_id))


@alliance.get("/memberships")
@access("alliance:read", errors=[BadCursor])
async def alliance_membership_list(
    session: SessionDep, alliance_id: ids.AllianceId, paging: PagingDep
) -> Page[AllianceMembershipRead]:
    found = await queries.alliance_memberships(session, alliance_id, paging.after, paging.fetch)
    return paging.page(found, AllianceMembershipRead.model_validate, lambda row: [str(row.id)])


@alliance.post("/memberships", status_code=CREATED)
@access("alliance:write", errors=[AlreadyMember])
async def alliance_membership_create(
    session: SessionDep, actor: ActorDep, alliance_id: ids.AllianceId, body: AllianceMembershipCreate
) -> AllianceMembershipRead:
    """Admit an organisation to the alliance."""
    row = await actions.add_alliance_membership(session, actor, alliance_id, body.organisation_id, body.role)
    return AllianceMembershipRead.model_validate(row)


@alliance.post("/memberships/{membership_id}/end")
@access("alliance:write", errors=[StateConflict])
async def alliance_membership_end(
    session: SessionDep, actor: ActorDep, alliance_id: ids.AllianceId, membership_id: ids.MembershipId
) -> AllianceMembershipRead:
    row = await actions.end_alliance_membership(session, actor, alliance_id, membership_id)
    return AllianceMembershipRead.model_validate(row)


@organisation.get("/members")
@access("members:read", errors=[BadCursor])
async def member_list(session: SessionDep, organisation_id: ids.OrganisationId, paging: PagingDep) -> Page[MemberRead]:
    found = await queries.members(session, organisation_id, paging.after, paging.fetch)
    return paging.page(found, MemberRead.model_validate, lambda row: [str(row.id)])


@organisation.post("/members", status_code=CREATED)
@access("members:write")
async def member_invite(
    session: SessionDep, actor: ActorDep, organisation_id: ids.OrganisationId, body: MemberInvite
) -> MemberInvited:
    """Invite somebody to roles of this organisation; the answer does not tell whether the address has a login."""
    await actions.invite_member(
        session, actor, organisation_id, body.email, body.roles, bootstrap=REGISTRAR in actor.roles
    )
    return MemberInvited(email=body.email, roles=body.roles)


@organisation.post("/members/{membership_id}/end")
@access("members:write", errors=[LastAdministrator])
async def member_end(
    session: SessionDep, actor: ActorDep, organisation_id: ids.OrganisationId, membership_id: ids.MembershipId
) -> MemberRead:
    """End one role of one person, from the next request on."""
    row = await actions.end_member(session, actor, organisation_id, membership_id)
    return MemberRead.model_validate(row)


ROUTERS = (public, operator, alliance, organisation)
