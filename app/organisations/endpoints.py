"""Routes about parties and their members: operator and organisation."""

from app.edge.at import At
from app.edge.permissions import REGISTRAR
from app.errors import StateConflict
from app.http.audiences import operator_router, organisation_router
from app.http.pagination import PagingDep
from app.http.schemas import Page
from app.identity.invitations import open_invitations
from app.ids import InvitationId, MembershipId, OrganisationId
from app.organisations import actions, members, onboarding, queries
from app.organisations.errors import LastAdministrator, TaxCodeTaken
from app.organisations.models import Organisation
from app.organisations.schemas import (
    AddressRead,
    InvitationRead,
    MemberInvite,
    MemberInvited,
    MemberRead,
    OrganisationCreate,
    OrganisationRead,
    OrganisationUpdate,
)

operator = operator_router()
organisation = organisation_router()


def _read(row: Organisation) -> OrganisationRead:
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


@operator.list("/organisations", "organisations:read")
async def organisation_list(at: At, paging: PagingDep) -> Page[OrganisationRead]:
    return paging.page_by_id(await queries.organisations(at.session, paging.after_id, paging.fetch), _read)


@operator.command("/organisations", "organisations:write", keyed=False, status=201, errors=[TaxCodeTaken])
async def organisation_create(at: At, body: OrganisationCreate) -> OrganisationRead:
    """Admit a legal party with the accounts its kinds need; its first administrator is invited separately."""
    row = await onboarding.create_organisation(at.session, at.actor, body)
    return at.tagged(row.version, _read(row))


@operator.read("/organisations/{organisation_id}", "organisations:read")
async def organisation_get(at: At, organisation_id: OrganisationId) -> OrganisationRead:
    row = await queries.organisation(at.session, organisation_id)
    return at.tagged(row.version, _read(row))


@operator.change("/organisations/{organisation_id}", "organisations:write", errors=[StateConflict], step_up="role")
async def organisation_update(at: At, organisation_id: OrganisationId, body: OrganisationUpdate) -> OrganisationRead:
    """Change name, address, references; an IBAN can be set here once."""
    row = await actions.update_organisation(at.session, at.actor, organisation_id, at.expected_version, body)
    return at.tagged(row.version, _read(row))


@operator.command(
    "/organisations/{organisation_id}/members", "organisations:write", keyed=False, status=201, step_up="role"
)
async def organisation_member_invite(at: At, organisation_id: OrganisationId, body: MemberInvite) -> MemberInvited:
    """Invite an organisation's first administrator."""
    await members.invite_member(at.session, at.actor, organisation_id, body.email, body.roles, bootstrap=True)
    return MemberInvited(email=body.email, roles=body.roles)


@organisation.list("/members", "members:read")
async def member_list(at: At, paging: PagingDep) -> Page[MemberRead]:
    found = await queries.members(at.session, at.tenant, paging.after_id, paging.fetch)
    return paging.page_by_id(found, MemberRead.model_validate)


@organisation.command("/members", "members:write", keyed=False, status=201, step_up="role")
async def member_invite(at: At, body: MemberInvite) -> MemberInvited:
    """Invite somebody to roles of this organisation; the answer does not tell whether the address has a login."""
    bootstrap = REGISTRAR in at.actor.roles
    await members.invite_member(at.session, at.actor, at.tenant, body.email, body.roles, bootstrap=bootstrap)
    return MemberInvited(email=body.email, roles=body.roles)


@organisation.command("/members/{membership_id}/end", "members:write", keyed=False, errors=[LastAdministrator])
async def member_end(at: At, membership_id: MembershipId) -> MemberRead:
    """End one role of one person, from the next request on."""
    return MemberRead.model_validate(await members.end_member(at.session, at.actor, at.tenant, membership_id))


@organisation.command(
    "/members/{membership_id}/confirm", "role_confirmations:write", keyed=False, errors=[StateConflict], step_up="role"
)
async def member_confirm(at: At, membership_id: MembershipId) -> MemberRead:
    """Let an approving role (`hr_approver`, `finance`) take effect before its time; only another who has it may."""
    return MemberRead.model_validate(await members.confirm_role(at.session, at.actor, at.tenant, membership_id))


@organisation.list("/invitations", "members:read")
async def invitation_list(at: At, paging: PagingDep) -> Page[InvitationRead]:
    """List the invitations to roles that may still be accepted, by whom they were sent."""
    found = await open_invitations(at.session, at.tenant, paging.after_id, paging.fetch)
    return paging.page_by_id(found, InvitationRead.model_validate)


@organisation.command("/invitations/{invitation_id}/withdraw", "members:write", keyed=False, errors=[StateConflict])
async def invitation_withdraw(at: At, invitation_id: InvitationId) -> InvitationRead:
    """Withdraw an invitation: its link works no more."""
    row = await members.withdraw_invitation(at.session, at.actor, at.tenant, invitation_id)
    return InvitationRead.model_validate(row)
