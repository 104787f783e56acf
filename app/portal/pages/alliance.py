"""The coordinator's pages: who belongs to the alliance, which provider is accredited, where care reaches."""

from typing import Annotated, cast, get_args

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.catalogue import accreditation_endpoints as accreditations
from app.catalogue.models import AccreditationStatus
from app.credit import endpoints as credit
from app.edge.at import At, Place
from app.employees import endpoints as employees
from app.grants import mandate_endpoints as mandates
from app.http import audiences
from app.ids import AccreditationId, AllianceId, GrantId, MembershipId
from app.networks import endpoints as networks
from app.networks.schemas import AllianceMembershipCreate, AllianceRead
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.pages.maps import alliance_map
from app.portal.route import may, pages, to

public = pages(audiences.public_router())
alliance = pages(audiences.alliance_router())
HERE = "/alliances/{alliance_id}"
ACCREDITATIONS = HERE + "/accreditations"
LEADING = frozenset({"coordinator", "care_manager"})


@public.page("/alliances", networks.alliance_list)
async def alliances(at: At, request: Request) -> Response:
    """Show the alliances; who has a role in one goes on to it."""
    found = await networks.alliance_list(at, await listed(request, "name"))
    leads, observes = await _own(at)
    return render.page(request, "alliances.html", alliances=found.data, leads=leads, observes=observes)


async def _own(at: Place) -> tuple[frozenset[str], bool]:
    """Return the names of the organisations that the person leads an alliance for, and whether she observes one."""
    if at.actor.kind != "user":
        return frozenset(), False
    memberships = (await employees.me_get(at)).memberships
    leads = frozenset(row.organisation_name for row in memberships if LEADING.intersection(row.roles))
    return leads, any("observer" in row.roles for row in memberships)


@alliance.page("", networks.alliance_membership_list)
async def members(at: At, request: Request, alliance_id: AllianceId) -> Response:
    """Show who belongs to the alliance, those that ended last."""
    found = await networks.alliance_membership_list(at, await listed(request, "organisation_name"))
    asked = await accreditations.alliance_accreditation_list(
        at, await listed(request, "-created_at", limit=1, count=True), status=["requested"]
    )
    return render.page(
        request,
        "alliance.html",
        alliance=await _named(at, request, alliance_id),
        alliance_id=alliance_id,
        map=await alliance_map(at, request, alliance_id, "/offerings?municipality={}".format),
        members=sorted(found.data, key=lambda row: row.ended_on is not None),
        next_cursor=found.next_cursor,
        waiting=asked.total or 0,
        fund=await credit.solidarity_fund_get(at) if may(at, credit.solidarity_fund_get) else None,
        writes=may(at, networks.alliance_membership_create),
    )


async def _named(at: Place, request: Request, alliance_id: AllianceId) -> AllianceRead | None:
    found = await networks.alliance_list(at, await listed(request, "name"))
    return next((row for row in found.data if row.id == alliance_id), None)


@alliance.form("/memberships", networks.alliance_membership_create, page=HERE)
async def membership_create(at: At, request: Request, alliance_id: AllianceId) -> Response:
    await networks.alliance_membership_create(at, forms.parse(AllianceMembershipCreate, await request.form()))
    return _shown(alliance_id, done="admitted")


@alliance.form("/memberships/{membership_id}/end", networks.alliance_membership_end, page=HERE)
async def membership_end(at: At, alliance_id: AllianceId, membership_id: MembershipId) -> Response:
    await networks.alliance_membership_end(at, membership_id)
    return _shown(alliance_id, done="membership_ended")


def _shown(alliance_id: AllianceId, more: str = "", *, done: str) -> Response:
    return to(f"/alliances/{ids.encode('all', alliance_id)}{more}", done=done)


@alliance.page("/accreditations", accreditations.alliance_accreditation_list)
async def accreditation_list(
    at: At,
    request: Request,
    alliance_id: AllianceId,
    status: Annotated[str | None, Query(max_length=20)] = None,
) -> Response:
    chosen = status if status in get_args(AccreditationStatus) else None
    found = await accreditations.alliance_accreditation_list(
        at,
        await listed(request, "-created_at", limit=25),
        status=[cast("AccreditationStatus", chosen)] if chosen else None,
    )
    return render.page(
        request,
        "accreditations.html",
        found=found,
        chosen=chosen,
        alliance_id=alliance_id,
        me=at.actor.id,
        writes=may(at, accreditations.accreditation_approve),
    )


@alliance.form("/accreditations/{accreditation_id}/approve", accreditations.accreditation_approve, page=ACCREDITATIONS)
async def accreditation_approve(at: At, alliance_id: AllianceId, accreditation_id: AccreditationId) -> Response:
    await accreditations.accreditation_approve(at, accreditation_id)
    return _shown(alliance_id, "/accreditations", done="accredited")


@alliance.form("/accreditations/{accreditation_id}/refuse", accreditations.accreditation_refuse, page=ACCREDITATIONS)
async def accreditation_refuse(at: At, alliance_id: AllianceId, accreditation_id: AccreditationId) -> Response:
    await accreditations.accreditation_refuse(at, accreditation_id)
    return _shown(alliance_id, "/accreditations", done="accreditation_refused")


@alliance.form("/accreditations/{accreditation_id}/end", accreditations.accreditation_end, page=ACCREDITATIONS)
async def accreditation_end(at: At, alliance_id: AllianceId, accreditation_id: AccreditationId) -> Response:
    await accreditations.accreditation_end(at, accreditation_id)
    return _shown(alliance_id, "/accreditations", done="accreditation_ended")


@alliance.page("/mandated_grants", mandates.mandated_grant_list)
async def mandated_grants(at: At, request: Request, alliance_id: AllianceId) -> Response:
    """Show what companies that appointed the coordinator wait for: sums and numbers of people, no names."""
    found = await mandates.mandated_grant_list(at, await listed(request))
    return render.page(request, "mandated_grants.html", found=found, alliance_id=alliance_id)


@alliance.form("/mandated_grants/{grant_id}/approve", mandates.mandated_grant_approve, page=HERE + "/mandated_grants")
async def mandated_grant_approve(at: At, alliance_id: AllianceId, grant_id: GrantId) -> Response:
    await mandates.mandated_grant_approve(at, grant_id)
    return to(f"/alliances/{ids.encode('all', alliance_id)}/mandated_grants", done="mandated")


@alliance.form(
    "/mandated_grants/{grant_id}/approve_revocation",
    mandates.mandated_grant_approve_revocation,
    page=HERE + "/mandated_grants",
)
async def mandated_grant_approve_revocation(at: At, alliance_id: AllianceId, grant_id: GrantId) -> Response:
    await mandates.mandated_grant_approve_revocation(at, grant_id)
    return to(f"/alliances/{ids.encode('all', alliance_id)}/mandated_grants", done="grant_revoked")
