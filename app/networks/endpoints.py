"""Routes of networks and alliances: public, operator, alliance."""

from app import ids
from app.errors import StateConflict
from app.http.access import access
from app.http.audiences import alliance_router, operator_router, public_router
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.networks import actions, queries
from app.networks.errors import AlreadyMember, NameTaken
from app.networks.schemas import (
    AllianceCreate,
    AllianceMembershipCreate,
    AllianceMembershipRead,
    AllianceRead,
    NetworkCreate,
    NetworkRead,
)

public = public_router()
operator = operator_router()
alliance = alliance_router()
CREATED = 201


@public.get("/alliances")
@access("public", errors=[BadCursor])
async def alliance_list(session: SessionDep, paging: PagingDep) -> Page[AllianceRead]:
    """List the local alliances with their territory."""
    found = await queries.alliances(session, paging.after, paging.fetch)
    return paging.page(found, AllianceRead.model_validate, lambda row: [row.name, str(row.id)])


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
