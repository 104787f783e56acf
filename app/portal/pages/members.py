"""Who may do what in an organisation: its people and its keys."""

from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.edge.at import At, Place
from app.edge.permissions import APPROVING_ROLES
from app.edge.roles import ROLES_OF_KIND, roles_of_kinds, scopes_to_give
from app.employees import endpoints as employees
from app.grants import mandate_endpoints as mandates
from app.grants.mandate_schemas import ApprovalMandateCreate
from app.http import audiences
from app.identity import endpoints as identity
from app.identity.schemas import ApiKeyCreate, ApiKeyRotate
from app.ids import ApiKeyId, InvitationId, MandateId, MembershipId
from app.networks import endpoints as networks
from app.organisations import endpoints as organisations
from app.organisations.schemas import MemberInvite
from app.portal import forms
from app.portal.lists import listed
from app.portal.pages.shown import organisation_page
from app.portal.route import may, pages, to

organisation = pages(audiences.organisation_router())
MEMBERS = "/organisations/{organisation_id}/members"
KEYS = "/organisations/{organisation_id}/api_keys"


@organisation.page("/members", organisations.member_list)
async def members(at: At, request: Request) -> Response:
    """Show each person with all roles, whether they hold already, and who was invited."""
    kinds = await _kinds(at)
    appointing = "company" in kinds and may(at, mandates.approval_mandate_create)
    return organisation_page(
        at,
        request,
        "members.html",
        members=await organisations.member_list(at, await listed(request, "email")),
        invited=(await organisations.invitation_list(at, await listed(request))).data,
        roles=sorted(roles_of_kinds(kinds or ROLES_OF_KIND)),
        approving=APPROVING_ROLES,
        real=clock.real(),
        mandates=(await mandates.approval_mandate_list(at, await listed(request))).data if appointing else None,
        alliances=(await networks.alliance_list(at, await listed(request, "name"))).data if appointing else [],
    )


async def _kinds(at: Place) -> list[str]:
    """Return what this organisation is; nothing where the person has no role of its own here."""
    me = await employees.me_get(at)
    return [kind for one in me.memberships if one.organisation_id == at.tenant for kind in one.kinds]


def _members(at: Place, done: str) -> Response:
    return to(f"/organisations/{ids.encode('org', at.tenant)}/members", done=done)


@organisation.form("/approval_mandates", mandates.approval_mandate_create, page=MEMBERS)
async def approval_mandate_create(at: At, request: Request) -> Response:
    await mandates.approval_mandate_create(at, forms.parse(ApprovalMandateCreate, await request.form()))
    return _members(at, "mandate_given")


@organisation.form("/approval_mandates/{mandate_id}/end", mandates.approval_mandate_end, page=MEMBERS)
async def approval_mandate_end(at: At, mandate_id: MandateId) -> Response:
    await mandates.approval_mandate_end(at, mandate_id)
    return _members(at, "mandate_ended")


@organisation.form("/members", organisations.member_invite, page=MEMBERS)
async def member_invite(at: At, request: Request) -> Response:
    await organisations.member_invite(at, forms.parse(MemberInvite, await request.form()))
    return _members(at, "member_invited")


@organisation.form("/members/{membership_id}/end", organisations.member_end, page=MEMBERS)
async def member_end(at: At, membership_id: MembershipId) -> Response:
    await organisations.member_end(at, membership_id)
    return _members(at, "role_ended")


@organisation.form("/members/{membership_id}/confirm", organisations.member_confirm, page=MEMBERS)
async def member_confirm(at: At, membership_id: MembershipId) -> Response:
    await organisations.member_confirm(at, membership_id)
    return _members(at, "role_confirmed")


@organisation.form(
    "/members/{membership_id}/remove_second_factor", organisations.member_remove_second_factor, page=MEMBERS
)
async def member_remove_second_factor(at: At, membership_id: MembershipId) -> Response:
    """Ask that a lost second factor go, or approve that another person asked."""
    await organisations.member_remove_second_factor(at, membership_id)
    return _members(at, "factor_removal")


@organisation.form("/invitations/{invitation_id}/withdraw", organisations.invitation_withdraw, page=MEMBERS)
async def invitation_withdraw(at: At, invitation_id: InvitationId) -> Response:
    await organisations.invitation_withdraw(at, invitation_id)
    return _members(at, "invitation_withdrawn")


@organisation.page("/api_keys", identity.api_key_list)
async def api_keys(at: At, request: Request) -> Response:
    return organisation_page(
        at,
        request,
        "api_keys.html",
        keys=await identity.api_key_list(at, await listed(request, "-created_at", limit=25)),
        scopes=sorted(scopes_to_give(await _kinds(at), at.actor.roles)),
        real=clock.real(),
    )


@organisation.form("/api_keys", identity.api_key_create, page=KEYS)
async def api_key_create(at: At, request: Request) -> Response:
    """Make a key and show it this once: the answer itself, which is kept nowhere."""
    made = await identity.api_key_create(at, forms.parse(ApiKeyCreate, await request.form()))
    return organisation_page(at, request, "api_key.html", made=made, hours=None)


@organisation.form("/api_keys/{api_key_id}/rotate", identity.api_key_rotate, page=KEYS)
async def api_key_rotate(at: At, request: Request, api_key_id: ApiKeyId) -> Response:
    asked = forms.parse(ApiKeyRotate, forms.only(await request.form(), "overlap_hours"))
    made = await identity.api_key_rotate(at, api_key_id, asked)
    return organisation_page(at, request, "api_key.html", made=made, hours=asked.overlap_hours)


@organisation.form("/api_keys/{api_key_id}/revoke", identity.api_key_revoke, page=KEYS)
async def api_key_revoke(at: At, api_key_id: ApiKeyId) -> Response:
    await identity.api_key_revoke(at, api_key_id)
    return to(f"/organisations/{ids.encode('org', at.tenant)}/api_keys", done="key_revoked")
