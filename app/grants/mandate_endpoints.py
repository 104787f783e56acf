"""Routes of approval by mandate: a company appoints an alliance, whose coordinator then approves."""

from app import clock
from app.edge.at import At
from app.errors import StateConflict
from app.grants import mandates
from app.grants.errors import AgreementGivenAlready, AmountsIdentify, ApproverIsMaker, ProgrammeEnded
from app.grants.mandate_schemas import (
    AmountRead,
    ApprovalMandateCreate,
    ApprovalMandateRead,
    MandatedApprovalRead,
    MandatedGrantRead,
)
from app.grants.mandates import MandatedGrant, MandateRow
from app.grants.schemas import RevocationApproved
from app.http.audiences import alliance_router, organisation_router
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.ids import GrantId, MandateId

organisation = organisation_router()
alliance = alliance_router()


@organisation.list("/approval_mandates", "members:read")
async def approval_mandate_list(at: At, paging: NewestFirst) -> Page[ApprovalMandateRead]:
    """List which alliances' coordinators approve, or once approved, what this company's HR drafts; newest first."""
    found = await mandates.MANDATES.page(at.session, paging.window, company_id=at.tenant)
    return paging.page(found, _mandate)


@organisation.command(
    "/approval_mandates",
    "approval_mandates:write",
    keyed=False,
    status=201,
    errors=[StateConflict],
    audit="approval_mandate.create",
    step_up="role",
)
async def approval_mandate_create(at: At, body: ApprovalMandateCreate) -> ApprovalMandateRead:
    """Let the coordinator of an alliance to which the company belongs approve what its one person of HR drafts.

    It holds from a day later on, and all administrators are told. A consultant is invited with the role `hr_approver`
    instead.
    """
    given = await mandates.give_mandate(at.session, at.actor, at.tenant, body.alliance_id)
    return at.about(given.id, _mandate(given))


@organisation.command(
    "/approval_mandates/{mandate_id}/end",
    "approval_mandates:write",
    keyed=False,
    audit="approval_mandate.end",
    step_up="role",
)
async def approval_mandate_end(at: At, mandate_id: MandateId) -> ApprovalMandateRead:
    """End a mandate: it fails on the very next request."""
    return _mandate(await mandates.end_mandate(at.session, at.tenant, mandate_id))


def _mandate(row: MandateRow) -> ApprovalMandateRead:
    return ApprovalMandateRead.model_validate(row)


@alliance.list("/mandated_grants", "mandated_grants:read")
async def mandated_grant_list(at: At, paging: NewestFirst) -> Page[MandatedGrantRead]:
    """List what waits for the coordinator in the companies that appointed her: sums and numbers of people, no names."""
    found = await mandates.MANDATED_GRANTS.page(
        at.session, paging.window, alliance_id=at.tenant, id=None, real_now=clock.real()
    )
    return paging.page(found, _grant)


def _grant(row: MandatedGrant) -> MandatedGrantRead:
    return MandatedGrantRead(
        id=row.id,
        company_name=row.company_name,
        programme_name=row.programme_name,
        source=row.source,
        status=row.status,
        total_cents=row.total_cents,
        employee_count=row.employee_count,
        amounts=[
            AmountRead(amount_cents=cents, employee_count=people)
            for cents, people in zip(row.amounts, row.people, strict=True)
        ],
        generality_reason=row.generality_reason,
        generality_note=row.generality_note,
        created_at=row.created_at,
        revocation_reason=row.revocation_reason,
        revoked_people=row.revoked_people,
    )


@alliance.command(
    "/mandated_grants/{grant_id}/approve",
    "mandated_grants:write",
    errors=[ApproverIsMaker, StateConflict, ProgrammeEnded, AmountsIdentify, AgreementGivenAlready],
    audit="grant.approve",
    step_up="role",
)
async def mandated_grant_approve(at: At, grant_id: GrantId) -> MandatedApprovalRead:
    """Approve a grant for a company that appointed this alliance: all lots at once, or it waits for money."""
    approved = await mandates.approve_by_mandate(at.session, at.actor, at.tenant, grant_id)
    return MandatedApprovalRead(status=approved.status)


@alliance.command(
    "/mandated_grants/{grant_id}/approve_revocation",
    "mandated_grants:write",
    errors=[ApproverIsMaker, StateConflict],
    audit="grant.approve_revocation",
    step_up="role",
)
async def mandated_grant_approve_revocation(at: At, grant_id: GrantId) -> RevocationApproved:
    """Approve for a company that appointed this alliance that a grant be revoked; the people are told."""
    revoked_lots = await mandates.approve_revocation_by_mandate(at.session, at.actor, at.tenant, grant_id)
    return RevocationApproved(revoked_lots=revoked_lots)
