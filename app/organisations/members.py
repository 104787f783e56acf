"""Who acts for an organisation: inviting people to roles, admitting who accepts, ending roles and invitations."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
from app.audit import actions as audit
from app.edge.permissions import REGISTRAR, permissions_of
from app.edge.roles import ADMIN, of_two_people, roles_of_kinds
from app.errors import Forbidden, Invalid, StateConflict
from app.identity import invitations, lost_factors
from app.identity.errors import ReasonNeeded, TokenInvalid
from app.identity.granting import confirm_role as confirm
from app.identity.granting import end_role, give_roles, roles_of
from app.identity.invitations import Redeemed
from app.identity.lost_factors import Removal
from app.identity.models import Invitation
from app.identity.notices import tell_of_roles
from app.organisations import queries
from app.organisations.errors import LastAdministrator
from app.organisations.models import Organisation
from app.organisations.queries import MemberRow


async def invite_member(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    email: str,
    roles: Sequence[str],
    *,
    bootstrap: bool,
    reason: str | None = None,
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
    held = await queries.roles_of_email(session, organisation_id, email)
    if reason is None and of_two_people([*roles, *held]):
        raise ReasonNeeded
    await invitations.invite_member(
        session,
        email=email,
        organisation_id=organisation_id,
        organisation_name=organisation.name,
        roles=list(roles),
        invited_by=actor.id if actor.kind == "user" else None,
        reason=reason,
        locale=actor.locale,
    )
    await audit.record(session, actor, "member.invite", "organisation", organisation_id)


async def _may_bring_in(session: AsyncSession, organisation: Organisation, email: str) -> None:
    """Let the operator bring in others until an administrator is there, never herself or her colleagues.

    Else whoever operates could make herself HR of any company, or read any provider's bookings.
    """
    roles = await queries.other_roles(session, organisation.id)
    if any(_administers(role) for role in roles) or ("operator" in organisation.kinds and roles):
        raise Forbidden("This organisation has an administrator, who invites further members.")
    if await queries.works_for_operator(session, email):
        raise Forbidden("The operator's own people are invited by the organisation itself.")


async def admit(session: AsyncSession, redeemed: Redeemed) -> None:
    """Give the roles of an accepted invitation, if whoever invited may still give them; else it is as if withdrawn."""
    organisation_id = redeemed.organisation_id
    await queries.lock_members(session, organisation_id)
    administered = any(_administers(role) for role in await queries.other_roles(session, organisation_id))
    inviter = frozenset({REGISTRAR})
    if redeemed.invited_by is not None:
        inviter = await roles_of(session, redeemed.invited_by, organisation_id)
    if REGISTRAR in inviter:
        await _may_still_bring_in(session, redeemed)
    elif not (_administers(*inviter) and _covers(inviter, redeemed.roles)):
        raise TokenInvalid
    await give_roles(
        session,
        redeemed.user_id,
        organisation_id,
        redeemed.roles,
        granted_by=redeemed.invited_by,
        reason=redeemed.reason,
    )
    await tell_of_roles(session, redeemed)
    if redeemed.reason is not None:
        member = Actor("user", redeemed.user_id, organisation_id)
        await audit.record(session, member, "member.roles_with_reason", "organisation", organisation_id)
    if not administered and _administers(*redeemed.roles):
        await invitations.end_open_offers(session, organisation_id)


async def _may_still_bring_in(session: AsyncSession, redeemed: Redeemed) -> None:
    organisation = await queries.organisation(session, redeemed.organisation_id)
    email = (await queries.login(session, redeemed.user_id)).email
    try:
        await _may_bring_in(session, organisation, email)
    except Forbidden:
        raise TokenInvalid from None


def _administers(*roles: str) -> bool:
    return "members:write" in permissions_of(frozenset(roles))


def _covers(own: frozenset[str], roles: Iterable[str]) -> bool:
    """Tell whether these roles may be given with one's own: an administrator's few permissions give every role."""
    roles = frozenset(roles)
    return ADMIN in own or (ADMIN not in roles and permissions_of(roles) <= permissions_of(own))


def _may_manage(actor: Actor, roles: Iterable[str]) -> None:
    if not _covers(actor.roles, roles):
        raise Forbidden("Only an administrator gives or ends roles with more rights than your own.")


async def end_member(session: AsyncSession, actor: Actor, organisation_id: UUID, membership_id: UUID) -> MemberRow:
    """End a role: it fails on the very next request, and so do the links that its holder has sent."""
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
    await invitations.end_open_offers(session, organisation_id, row.user_id)
    await lost_factors.forget_asked_by(session, organisation_id, row.user_id)
    await audit.record(session, actor, "member.end", "membership", membership_id)
    return row


async def confirm_role(session: AsyncSession, actor: Actor, organisation_id: UUID, membership_id: UUID) -> MemberRow:
    """Let another's approving role take effect at once: whoever has the role, but not who gave it."""
    await queries.lock_members(session, organisation_id)
    row = await queries.member(session, organisation_id, membership_id)
    if row.role not in actor.roles or actor.id in {row.user_id, row.granted_by}:
        raise Forbidden("Another person who has this role confirms it.")
    if row.from_at <= clock.real():
        raise StateConflict("in_force")
    await confirm(session, membership_id, actor.user_id)
    await audit.record(session, actor, "member.confirm", "membership", membership_id)
    return await queries.member(session, organisation_id, membership_id)


async def withdraw_invitation(
    session: AsyncSession, actor: Actor, organisation_id: UUID, invitation_id: UUID
) -> Invitation:
    """End an invitation to roles that one could give; whoever only brings in ends her own."""
    row = await invitations.lock_invitation(session, organisation_id, invitation_id)
    _may_manage(actor, () if row.invited_by == actor.id else row.roles)
    await invitations.withdraw(session, invitation_id)
    await audit.record(session, actor, "invitation.withdraw", "invitation", invitation_id)
    return row


async def remove_second_factor(
    session: AsyncSession, actor: Actor, organisation_id: UUID, membership_id: UUID
) -> Removal:
    """Ask that a member's lost second factor go, or approve it; of who works elsewhere too the operator does."""
    row = await queries.member(session, organisation_id, membership_id)
    organisation = await queries.organisation(session, organisation_id)
    if "operator" in organisation.kinds or await queries.works_for_operator(session, row.email):
        raise Forbidden("For the operator's own people `beatrice remove-second-factor` does it.")
    if REGISTRAR not in actor.roles:
        held = await queries.roles_of_email(session, organisation_id, row.email)
        _may_manage(actor, held)
        if await lost_factors.has_roles_elsewhere(session, row.user_id, organisation_id):
            raise Forbidden("She works for another organisation too: the operator asks for it.")
    return await lost_factors.ask_or_approve(session, actor, organisation_id, row.user_id)
