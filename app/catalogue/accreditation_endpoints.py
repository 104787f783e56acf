"""Routes of accreditation: providers and the operator ask, the alliance's coordinator decides."""

from typing import Annotated

from fastapi import Query

from app.catalogue import accreditations, queries
from app.catalogue.errors import AccreditationApproverIsMaker, AccreditationRequested, ApproverNotVouched
from app.catalogue.models import AccreditationStatus
from app.catalogue.schemas import AccreditationCreate, AccreditationRead, OperatorAccreditationCreate
from app.edge.at import At
from app.errors import AlreadyResolved, StateConflict
from app.http.audiences import alliance_router, operator_router, provider_router
from app.http.filters import any_of
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.ids import AccreditationId, OrganisationId

provider = provider_router()
alliance = alliance_router()
operator = operator_router()
Statuses = Annotated[list[AccreditationStatus] | None, Query(description="may be repeated")]
OfProvider = Annotated[OrganisationId | None, Query(description="of this provider only")]


@provider.list("/accreditations", "provider:read")
async def accreditation_list(at: At, paging: NewestFirst) -> Page[AccreditationRead]:
    """List the accreditations that the provider has or asked for, newest first."""
    found = await queries.accreditations(at.session, paging.window, provider_id=at.tenant)
    return paging.page(found, AccreditationRead.model_validate)


@provider.command(
    "/accreditations",
    "provider:write",
    keyed=False,
    status=201,
    errors=[AccreditationRequested],
    audit="accreditation.request",
)
async def accreditation_request(at: At, body: AccreditationCreate) -> AccreditationRead:
    """Ask an alliance for accreditation: without one a provider takes no credit."""
    row = await accreditations.request_accreditation(at.session, at.actor, at.tenant, body)
    return at.about(row.id, AccreditationRead.model_validate(row))


@operator.list("/accreditations", "organisations:read")
async def operator_accreditation_list(
    at: At,
    paging: NewestFirst,
    status: Statuses = None,
    provider_id: OfProvider = None,
) -> Page[AccreditationRead]:
    """List accreditations of all alliances, newest first."""
    found = await queries.accreditations(at.session, paging.window, provider_id=provider_id, statuses=any_of(status))
    return paging.page(found, AccreditationRead.model_validate)


@operator.command(
    "/accreditations",
    "accreditation_requests:write",
    keyed=False,
    status=201,
    errors=[AccreditationRequested],
    audit="accreditation.request",
)
async def operator_accreditation_request(at: At, body: OperatorAccreditationCreate) -> AccreditationRead:
    """Ask an alliance for the accreditation of a provider; the alliance's coordinator decides."""
    row = await accreditations.request_accreditation(at.session, at.actor, body.provider_id, body)
    return at.about(row.id, AccreditationRead.model_validate(row))


@alliance.list("/accreditations", "alliance:read")
async def alliance_accreditation_list(
    at: At, paging: NewestFirst, status: Statuses = None, provider_id: OfProvider = None
) -> Page[AccreditationRead]:
    """List requested, approved and refused accreditations of the alliance, newest first."""
    found = await queries.accreditations(
        at.session, paging.window, alliance_id=at.tenant, provider_id=provider_id, statuses=any_of(status)
    )
    return paging.page(found, AccreditationRead.model_validate)


@alliance.command(
    "/accreditations/{accreditation_id}/approve",
    "alliance:write",
    keyed=False,
    errors=[AlreadyResolved, StateConflict, AccreditationApproverIsMaker, ApproverNotVouched],
    audit="accreditation.approve",
    step_up="role",
)
async def accreditation_approve(at: At, accreditation_id: AccreditationId) -> AccreditationRead:
    """Accredit an admitted provider: it takes credit from `valid_from` on, as long as this admission lasts."""
    row = await accreditations.approve_accreditation(at.session, at.actor, at.tenant, accreditation_id)
    return AccreditationRead.model_validate(row)


@alliance.command(
    "/accreditations/{accreditation_id}/refuse",
    "alliance:write",
    keyed=False,
    errors=[AlreadyResolved],
    audit="accreditation.refuse",
    step_up="role",
)
async def accreditation_refuse(at: At, accreditation_id: AccreditationId) -> AccreditationRead:
    """Turn a request down."""
    row = await accreditations.refuse_accreditation(at.session, at.actor, at.tenant, accreditation_id)
    return AccreditationRead.model_validate(row)


@alliance.command(
    "/accreditations/{accreditation_id}/end",
    "alliance:write",
    keyed=False,
    errors=[StateConflict],
    audit="accreditation.end",
    step_up="role",
)
async def accreditation_end(at: At, accreditation_id: AccreditationId) -> AccreditationRead:
    """End an accreditation; `valid_to` is the first day without it, today at the earliest."""
    row = await accreditations.end_accreditation(at.session, at.tenant, accreditation_id)
    return AccreditationRead.model_validate(row)
