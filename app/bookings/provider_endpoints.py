"""The provider's routes: answer requests, mark delivery, cancel."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from app import clock
from app.audit import actions as audit
from app.bookings import provider_actions, queries, views, visits
from app.bookings.decisions import Loaded
from app.bookings.errors import UnitSettled
from app.bookings.models import BookingStatus, UnitStatus
from app.bookings.queries import BookingRow, Contact, UnitState
from app.bookings.schemas import (
    DeclineIn,
    ProviderBookingRead,
    ProviderCancelIn,
    SlotCancelIn,
    SlotCancelRead,
    UnitsIn,
    VisitRead,
    VisitResult,
    VisitResults,
    VisitsIn,
)
from app.capacity.errors import SlotClosed
from app.catalogue.errors import ProviderNotAccredited
from app.credit.errors import InsufficientCredit
from app.edge.at import At, Place
from app.errors import AlreadyResolved, StateConflict
from app.http.audiences import provider_router
from app.http.filters import DaysDep, UpdatedSince, any_of
from app.http.pagination import NewestFirst, Paging, ordered
from app.http.schemas import Page
from app.http.translation import translated
from app.ids import BookingId, OfferingId, SlotId

router = provider_router()
VERB_ERRORS = (AlreadyResolved, StateConflict, UnitSettled)
MARK_ERRORS = (*VERB_ERRORS, ProviderNotAccredited)


@router.list("/bookings", "bookings:read")
async def provider_booking_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    status: Annotated[list[BookingStatus] | None, Query(description="may be repeated")] = None,
    offering_id: Annotated[OfferingId | None, Query(description="of this offering only")] = None,
    updated_since: UpdatedSince = None,
) -> Page[ProviderBookingRead]:
    """List bookings, newest first; dates (both included, Rome) are those of their units."""
    now = clock.now()
    found = await queries.PROVIDER_BOOKINGS.page(
        at.session, paging.window, provider_id=at.tenant, now=now, statuses=any_of(status), offering_id=offering_id,
        starts_from=days.start, starts_before=days.end, updated_since=updated_since,
    )  # fmt: skip
    units, contacts = await _shown(at, found.rows)
    return paging.page(
        found,
        lambda row: views.provider_booking_read(Loaded(row, units[row.id], now), contacts.get(row.beneficiary_id)),
    )


@router.list("/visits", "bookings:read")
async def visit_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("starts_at", "-starts_at"))],
    days: DaysDep,
    status: Annotated[list[UnitStatus] | None, Query(description="may be repeated")] = None,
    offering_id: Annotated[OfferingId | None, Query(description="of this offering only")] = None,
) -> Page[VisitRead]:
    """List the visits of some days by their start: of today where no day is named, of one day where no second is."""
    now = clock.now()
    first = days.first or min(clock.today(), days.last or clock.today())
    found = await queries.VISITS.page(
        at.session, paging.window, provider_id=at.tenant, now=now, starts_from=clock.midnight(first),
        starts_before=clock.end_of(days.last or first), statuses=any_of(status), offering_id=offering_id,
    )  # fmt: skip
    units, contacts = await _shown(at, found.rows)
    return paging.page(
        found, lambda row: views.visit_read(row, Loaded(row, units[row.id], now), contacts.get(row.beneficiary_id))
    )


async def _shown(
    at: Place, rows: Sequence[BookingRow]
) -> tuple[dict[UUID, tuple[UnitState, ...]], dict[UUID, Contact]]:
    """Return units and contacts of bookings that a list shows, and record who saw them."""
    bookings = list(dict.fromkeys(row.id for row in rows))
    units = await queries.units_of(at.session, bookings)
    contacts = await queries.beneficiary_contacts(at.session, list({row.beneficiary_id for row in rows}))
    # The list has no object of its own: what was read is the provider's.
    await audit.record(at.session, at.actor, "booking.list", "provider", at.tenant, shown=bookings)
    return units, contacts


@router.command("/visits/confirm", "bookings:write", errors=VERB_ERRORS, audit="booking.confirm")
async def visit_confirm(at: At, body: VisitsIn) -> VisitResults:
    """Accept the requests that these visits belong to; a request is answered whole, with its visits on other days."""
    done = await visits.confirm(at.session, at.tenant, body.unit_ids, each=body.mode == "each")
    return _results(at, body, done)


@router.command("/visits/deliver", "bookings:write", errors=MARK_ERRORS, audit="booking.deliver")
async def visit_deliver(at: At, body: VisitsIn) -> VisitResults:
    """Mark visits delivered, once they have begun."""
    done = await visits.deliver(at.session, at.tenant, body.unit_ids, each=body.mode == "each")
    return _results(at, body, done)


def _results(at: Place, body: VisitsIn, done: visits.Done) -> VisitResults:
    at.showing(dict.fromkeys(done.bookings.values()))
    results = []
    for unit_id in body.unit_ids:
        error = done.refused.get(unit_id)
        detail = None if error is None else translated(error.detail, at.language)
        status, code = done.states.get(unit_id), None if error is None else error.code
        results.append(VisitResult(unit_id=unit_id, done=error is None, status=status, code=code, detail=detail))
    return VisitResults(results=results)


@router.read("/bookings/{booking_id}", "bookings:read", audit="booking.read")
async def provider_booking_get(at: At, booking_id: BookingId) -> ProviderBookingRead:
    """Show one booking as its provider sees it: never who pays."""
    return await provider_actions.read(at.session, at.tenant, booking_id)


@router.command("/bookings/{booking_id}/confirm", "bookings:write", errors=VERB_ERRORS, audit="booking.confirm")
async def booking_confirm(at: At, booking_id: BookingId) -> ProviderBookingRead:
    """Accept a request before `confirm_by`."""
    return await provider_actions.confirm(at.session, at.tenant, booking_id)


@router.command("/bookings/{booking_id}/decline", "bookings:write", errors=VERB_ERRORS, audit="booking.decline")
async def booking_decline(at: At, booking_id: BookingId, body: DeclineIn) -> ProviderBookingRead:
    """Refuse a request; everything reserved returns."""
    return await provider_actions.decline(at.session, at.tenant, booking_id, body.reason)


@router.command("/bookings/{booking_id}/deliver", "bookings:write", errors=MARK_ERRORS, audit="booking.deliver")
async def booking_deliver(at: At, booking_id: BookingId, body: UnitsIn | None = None) -> ProviderBookingRead:
    """Mark units delivered, once they have begun (all that have, when none is named)."""
    return await provider_actions.deliver(at.session, at.tenant, booking_id, body.unit_ids if body else None)


@router.command("/bookings/{booking_id}/no_show", "bookings:write", errors=MARK_ERRORS, audit="booking.no_show")
async def booking_no_show(at: At, booking_id: BookingId, body: UnitsIn | None = None) -> ProviderBookingRead:
    """Mark units whose beneficiary was not there."""
    return await provider_actions.no_show(at.session, at.tenant, booking_id, body.unit_ids if body else None)


@router.command(
    "/bookings/{booking_id}/revert",
    "bookings:write",
    errors=(*VERB_ERRORS, InsufficientCredit),
    audit="booking.revert",
)
async def booking_revert(at: At, booking_id: BookingId, body: UnitsIn | None = None) -> ProviderBookingRead:
    """Take back a mistaken delivery or no-show mark while nothing is owed for it."""
    return await provider_actions.revert(at.session, at.tenant, booking_id, body.unit_ids if body else None)


@router.command("/bookings/{booking_id}/cancel", "bookings:write", errors=VERB_ERRORS, audit="booking.cancel")
async def provider_booking_cancel(at: At, booking_id: BookingId, body: ProviderCancelIn) -> ProviderBookingRead:
    """Cancel from the provider's side: free for the employee."""
    return await provider_actions.cancel(at.session, at.tenant, booking_id, body.unit_ids, body.reason)


@router.command("/slots/{slot_id}/cancel", "bookings:write", errors=[*VERB_ERRORS, SlotClosed], audit="slot.cancel")
async def slot_cancel(at: At, slot_id: SlotId, body: SlotCancelIn | None = None) -> SlotCancelRead:
    """Cancel a slot and whoever booked it, free of charge."""
    touched = await provider_actions.cancel_slot(at.session, at.tenant, slot_id, body.reason if body else None)
    return SlotCancelRead(slot_id=slot_id, cancelled_bookings=touched)
