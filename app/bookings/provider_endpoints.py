"""The provider's routes: answer requests, mark delivery, cancel."""

from typing import Annotated

from fastapi import Query

from app import clock
from app.audit import actions as audit
from app.bookings import provider_actions, queries, views
from app.bookings.decisions import Loaded
from app.bookings.errors import UnitSettled
from app.bookings.models import BookingStatus
from app.bookings.schemas import (
    DeclineIn,
    ProviderBookingRead,
    ProviderCancelIn,
    SlotCancelIn,
    SlotCancelRead,
    UnitsIn,
)
from app.capacity.errors import SlotClosed
from app.catalogue.errors import ProviderNotAccredited
from app.clock import Day
from app.credit.errors import InsufficientCredit
from app.edge.at import At
from app.errors import AlreadyResolved, Invalid, StateConflict
from app.http.audiences import provider_router
from app.http.pagination import PagingDep
from app.http.schemas import Page
from app.ids import BookingId, SlotId

router = provider_router()
VERB_ERRORS = (AlreadyResolved, StateConflict, UnitSettled)
MARK_ERRORS = (*VERB_ERRORS, ProviderNotAccredited)


@router.list("/bookings", "bookings:read")
async def provider_booking_list(
    at: At,
    paging: PagingDep,
    status: Annotated[BookingStatus | None, Query(description="only those that stand like this")] = None,
    date_from: Annotated[Day | None, Query(description="with a unit on or after this Rome day")] = None,
    date_to: Annotated[Day | None, Query(description="with a unit on or before this Rome day")] = None,
) -> Page[ProviderBookingRead]:
    """List bookings, newest first; dates (both included, Rome) are those of their units."""
    if date_from is not None and date_to is not None and date_to < date_from:
        raise Invalid("/query/date_to", "before_date_from", "date_to is before date_from")
    now = clock.now()
    rows = await queries.PROVIDER_BOOKINGS.all(
        at.session,
        provider_id=at.tenant,
        now=now,
        status=status,
        starts_from=clock.midnight(date_from) if date_from is not None else None,
        starts_before=clock.end_of(date_to) if date_to is not None else None,
        after=paging.after_id,
        limit=paging.fetch,
    )
    units = await queries.units_of(at.session, [row.id for row in rows])
    contacts = await queries.beneficiary_contacts(at.session, [row.beneficiary_id for row in rows])
    # The list has no object of its own: what was read is the provider's.
    await audit.record(at.session, at.actor, "booking.list", "provider", at.tenant,
                       shown=[row.id for row in rows[: paging.limit]])  # fmt: skip
    return paging.page_by_id(
        rows,
        lambda row: views.provider_booking_read(Loaded(row, units[row.id], now), contacts.get(row.beneficiary_id)),
    )


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
