"""Who acts for an organisation: inviting people to roles, ending them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.actor import Actor
from app.audit import actions as audit
from app.edge.permissions import REGISTRAR, permissions_of
from app.errors import Forbidden, Invalid
from app.identity import invitations
from app.identity.granting import end_role
from app.identity.roles import ADMIN, roles_of_kinds
from app.organisations import queries
from app.organisations.errors import LastAdministrator
from app.organisations.models import Organisation
from app.organisations.queries import MemberRow


async def invite_member(
    session: AsyncSession, actor: Actor, organisation_id: UUID, email: str, roles: Sequence[str], *, bootstrap: bool
) -> None:
    """Invite somebody to roles that fit the organisation; only an administrator gives more than the own rights."""
    organisation = await queries.organisation(session, organisation_id)
    possible = roles_of_kinds(organisation.kinds, in_alliance=await queries.in_alliance(session, organisation_id))
    for index, role in enumerate(roles):
        if role not in possible:
            raise Invalid(f"/roles/{index}", "role", "this organisation has no such role")
    if not bootstrap:
        _may_manage(actor, roles)
    else:
        await _may_bring_in(session, organisation, email)
    await invitations.invite_member(
        session,
        email=email,
        organisation_id=organisation_id,
        organisation_name=organisation.name,
        roles=list(roles),
        invited_by=actor.id if actor.kind == "user" else None,
        locale=actor.locale,
    )
    await audit.record(session, actor, "member.invite", "organisation", organisation_id)


async def _may_bring_in(session: AsyncSession, organisation: Organisation, email: str) -> None:
    """Let the operator bring in others until an administrator is there, never herself or her colleagues.

    Else whoever operates could make herself HR of any company, or read any provider's bookings.
    """
    roles = await queries.other_roles(session, organisation.id, ids.new_id())
    if any(_administers(role) for role in roles) or ("operator" in organisation.kinds and roles):
        raise Forbidden("This organisation has an administrator, who invites further members.")
    if await queries.works_for_operator(session, email):
        raise Forbidden("The operator's own people are invited by the organisation itself.")


def _administers(role: str) -> bool:
    return "members:write" in permissions_of(frozenset({role}))


def _may_manage(actor: Actor, roles: Sequence[str]) -> None:
    own = permissions_of(actor.roles)
    # An administrator's permissions are few, but they give every other role.
    if ADMIN not in actor.roles and (ADMIN in roles or not permissions_of(frozenset(roles)) <= own):
        raise Forbidden("Only an administrator gives or ends roles with more rights than your own.")


async def end_member(session: AsyncSession, actor: Actor, organisation_id: UUID, membership_id: UUID) -> MemberRow:
    """End a membership: it fails on the very next request."""
    await queries.lock_members(session, organisation_id)
    row = await queries.member(session, organisation_id, membership_id)
    _may_manage(actor, [row.role])
    if REGISTRAR in actor.roles:
        raise Forbidden
    if _administers(row.role) and row.user_id == actor.id:
        others = await queries.other_roles(session, organisation_id, membership_id)
        if not any(_administers(role) for role in others):
            raise LastAdministrator
    await end_role(session, membership_id)
    await audit.record(session, actor, "member.end", "membership", membership_id)
    return row
