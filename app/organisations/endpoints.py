"""Routes about parties and their members: operator and organisation."""

from fastapi import Response

from app import ids
from app.edge.permissions import REGISTRAR
from app.errors import StateConflict
from app.http.access import access
from app.http.audiences import operator_router, organisation_router
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.organisations import actions, members, onboarding, queries
from app.organisations.errors import LastAdministrator, TaxCodeTaken
from app.organisations.models import Organisation
from app.organisations.schemas import (
    AddressRead,
    MemberInvite,
    MemberInvited,
    MemberRead,
    OrganisationCreate,
    OrganisationRead,
    OrganisationUpdate,
)

operator = operator_router()
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


@operator.get("/organisations")
@access("organisations:read", errors=[BadCursor])
async def organisation_list(session: SessionDep, paging: PagingDep) -> Page[OrganisationRead]:
    found = await queries.organisations(session, paging.after, paging.fetch)
    return paging.page(found, read_organisation, lambda row: [str(row.id)])


@operator.post("/organisations", response_model=OrganisationRead, status_code=201)
@access("organisations:write", errors=[TaxCodeTaken])
async def organisation_create(
    session: SessionDep, actor: ActorDep, response: Response, body: OrganisationCreate
) -> OrganisationRead:
    """Admit a legal party with the accounts its kinds need; its first administrator is invited separately."""
    row = await onboarding.onboard(session, actor, body)
    set_etag(response, row.version)
    return read_organisation(row)


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
    await members.invite_member(session, actor, organisation_id, body.email, body.roles, bootstrap=True)
    return MemberInvited(email=body.email, roles=body.roles)


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
    await members.invite_member(
        session, actor, organisation_id, body.email, body.roles, bootstrap=REGISTRAR in actor.roles
    )
    return MemberInvited(email=body.email, roles=body.roles)


@organisation.post("/members/{membership_id}/end")
@access("members:write", errors=[LastAdministrator])
async def member_end(
    session: SessionDep, actor: ActorDep, organisation_id: ids.OrganisationId, membership_id: ids.MembershipId
) -> MemberRead:
    """End one role of one person, from the next request on."""
    row = await members.end_member(session, actor, organisation_id, membership_id)
    return MemberRead.model_validate(row)
