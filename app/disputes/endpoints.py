"""Routes of disputes: the employee contests, the operator decides."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from app.audit import actions as audit
from app.bookings.errors import DisputeWindowOver
from app.disputes import actions, queries, views
from app.disputes.models import DisputeStatus
from app.disputes.schemas import DisputeCreate, DisputeRead, DisputeResolve, OperatorDisputeRead
from app.edge.at import At
from app.errors import AlreadyResolved, StateConflict
from app.http.audiences import employee_router, operator_router
from app.http.filters import DaysDep, any_of
from app.http.pagination import Paging, ordered
from app.http.schemas import Page
from app.ids import BookingId, DisputeId, OrganisationId

employee = employee_router()
operator = operator_router()
Deadlines = Annotated[Paging, Depends(ordered("-created_at", "created_at", "decide_by", "-decide_by"))]
Statuses = Annotated[list[DisputeStatus] | None, Query(description="may be repeated")]


@employee.command(
    "/bookings/{booking_id}/disputes",
    "person",
    made_in="/v1/me/disputes",
    status=201,
    errors=[AlreadyResolved, StateConflict, DisputeWindowOver],
    audit="dispute.create",
)
async def dispute_create(at: At, booking_id: BookingId, body: DisputeCreate) -> DisputeRead:
    """Contest units that were marked delivered or missed, or cost a fee; they are frozen until it is decided."""
    opened = await actions.open_dispute(at.session, at.actor.user_id, booking_id, body.unit_ids, body.reason)
    return at.about(opened.id, views.dispute_read(opened))


@employee.list("/disputes", "person")
async def dispute_list(at: At, paging: Deadlines, status: Statuses = None) -> Page[DisputeRead]:
    """List one's disputes, newest first."""
    found = await queries.disputes(at.session, paging.window, user_id=at.actor.user_id, statuses=any_of(status))
    return paging.page(found, views.dispute_read)


@employee.read("/disputes/{dispute_id}", "person")
async def dispute_get(at: At, dispute_id: DisputeId) -> DisputeRead:
    """One dispute of one's own."""
    return views.dispute_read(await queries.dispute(at.session, dispute_id, user_id=at.actor.user_id))


@operator.list("/disputes", "disputes:read")
async def operator_dispute_list(
    at: At,
    paging: Deadlines,
    days: DaysDep,
    status: Statuses = None,
    provider_id: Annotated[OrganisationId | None, Query(description="about this provider only")] = None,
) -> Page[OperatorDisputeRead]:
    """List disputes, newest first; days are those on which they were opened."""
    found = await queries.disputes(
        at.session, paging.window, user_id=None, statuses=any_of(status), provider_id=provider_id,
        opened_from=days.start, opened_before=days.end,
    )  # fmt: skip
    units = await queries.units_of(at.session, found.rows)
    # The list has no object of its own.
    await audit.record(at.session, at.actor, "dispute.list", "dispute", None)
    return paging.page(found, lambda row: views.operator_dispute_read(row, units[row.id]))


@operator.read("/disputes/{dispute_id}", "disputes:read", audit="dispute.read")
async def operator_dispute_get(at: At, dispute_id: DisputeId) -> OperatorDisputeRead:
    """One dispute with its units and what the employee wrote."""
    return await _shown(at, dispute_id)


@operator.command(
    "/disputes/{dispute_id}/resolve",
    "disputes:write",
    errors=[AlreadyResolved],
    audit="dispute.resolve",
    step_up="role",
)
async def dispute_resolve(at: At, dispute_id: DisputeId, body: DisputeResolve) -> OperatorDisputeRead:
    """Decide a dispute: what is given back returns to the lots that paid, the rest goes to the provider."""
    await actions.resolve(at.session, at.actor, dispute_id, body.outcome, body.refund_cents, body.reason)
    return await _shown(at, dispute_id)


async def _shown(at: At, dispute_id: UUID) -> OperatorDisputeRead:
    row = await queries.dispute(at.session, dispute_id)
    return views.operator_dispute_read(row, (await queries.units_of(at.session, [row]))[row.id])
