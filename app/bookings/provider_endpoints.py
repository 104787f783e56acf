"""The provider's routes: answer requests, mark delivery, cancel."""

from typing import Annotated
from uuid import UUID

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
from app.clock import Day
from app.credit.errors import InsufficientCredit
from app.errors import AlreadyResolved, Invalid, StateConflict
from app.http.access import access
from app.http.audiences import provider_router
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.ids import BookingId, OrganisationId, SlotId

router = provider_router()
VERB_ERRORS = (AlreadyResolved, StateConflict, UnitSettled)


@router.get("/bookings", response_model=Page[ProviderBookingRead])
@access("bookings:read", errors=[BadCursor])
async def provider_booking_list(
    provider_id: OrganisationId,
    session: SessionDep,
    actor: ActorDep,
    paging: PagingDep,
    status: Annotated[BookingStatus | None, Query()] = None,
    date_from: Annotated[Day | None, Query()] = None,
    date_to: Annotated[Day | None, Query()] = None,
) -> Page[ProviderBookingRead]:
    """List bookings, newest first; dates (both included, Rome) are those of their units."""
    if date_from is not None and date_to is not None and date_to < date_from:
        raise Invalid("/query/date_to", "before_date_from", "date_to is before date_from")
    now = clock.now()
    rows = await queries.PROVIDER_BOOKINGS.all(
        session,
        provider_id=provider_id,
        now=now,
        status=status,
        starts_from=clock.midnight(date_from) if date_from is not None else None,
        starts_before=clock.end_of(date_to) if date_to is not None else None,
        after=UUID(paging.after[0]) if paging.after else None,
        limit=paging.fetch,
    )
    units = await queries.units_of(session, [row.id for row in rows])
    contacts = await queries.beneficiary_contacts(session, [row.beneficiary_id for row in rows])
    await audit.record(session, actor, "booking.list", "provider", provider_id)
    return paging.page(
        rows,
        lambda row: views.provider_booking_read(Loaded(row, units[row.id], now), contacts.get(row.beneficiary_id)),
        lambda row: (str(row.id),),
    )


@router.get("/bookings/{booking_id}", response_model=ProviderBookingRead)
@access("bookings:read")
async def provider_booking_get(
    provider_id: OrganisationId, booking_id: BookingId, session: SessionDep, actor: ActorDep
) -> ProviderBookingRead:
    return await provider_actions.read(session, actor, provider_id, booking_id)


@router.post("/bookings/{booking_id}/confirm", response_model=ProviderBookingRead)
@access("bookings:write", idempotent=True, errors=VERB_ERRORS)
async def booking_confirm(
    provider_id: OrganisationId, booking_id: BookingId, session: SessionDep, actor: ActorDep
) -> ProviderBookingRead:
    """Accept a request before `confirm_by`."""
    await audit.record(session, actor, "booking.confirm", "booking", booking_id)
    return await provider_actions.confirm(session, provider_id, booking_id)


@router.post("/bookings/{booking_id}/decline", response_model=ProviderBookingRead)
@access("bookings:write", idempotent=True, errors=VERB_ERRORS)
async def booking_decline(
    provider_id: OrganisationId, booking_id: BookingId, body: DeclineIn, session: SessionDep, actor: ActorDep
) -> ProviderBookingRead:
    """Refuse a request; everything reserved returns."""
    await audit.record(session, actor, "booking.decline", "booking", booking_id)
    return await provider_actions.decline(session, provider_id, booking_id, body.reason)


@router.post("/bookings/{booking_id}/deliver", response_model=ProviderBookingRead)
@access("bookings:write", idempotent=True, errors=VERB_ERRORS)
async def booking_deliver(
    provider_id: OrganisationId,
    booking_id: BookingId,
    session: SessionDep,
    actor: ActorDep,
    body: UnitsIn | None = None,
) -> ProviderBookingRead:
    """Mark units delivered, once they have begun (all that have, when none is named)."""
    await audit.record(session, actor, "booking.deliver", "booking", booking_id)
    return await provider_actions.deliver(session, provider_id, booking_id, body.unit_ids if body else None)


@router.post("/bookings/{booking_id}/no_show", response_model=ProviderBookingRead)
@access("bookings:write", idempotent=True, errors=VERB_ERRORS)
async def booking_no_show(
    provider_id: OrganisationId,
    booking_id: BookingId,
    session: SessionDep,
    actor: ActorDep,
    body: UnitsIn | None = None,
) -> ProviderBookingRead:
    """Mark units whose beneficiary was not there."""
    await audit.record(session, actor, "booking.no_show", "booking", booking_id)
    return await provider_actions.no_show(session, provider_id, booking_id, body.unit_ids if body else None)


@router.post("/bookings/{booking_id}/revert", response_model=ProviderBookingRead)
@access("bookings:write", idempotent=True, errors=(*VERB_ERRORS, InsufficientCredit))
async def booking_revert(
    provider_id: OrganisationId,
    booking_id: BookingId,
    session: SessionDep,
    actor: ActorDep,
    body: UnitsIn | None = None,
) -> ProviderBookingRead:
    """Take back a mistaken delivery or no-show mark while nothing is owed for it."""
    await audit.record(session, actor, "booking.revert", "booking", booking_id)
    return await provider_actions.revert(session, provider_id, booking_id, body.unit_ids if body else None)


@router.post("/bookings/{booking_id}/cancel", response_model=ProviderBookingRead)
@access("bookings:write", idempotent=True, errors=VERB_ERRORS)
async def provider_booking_cancel(
    provider_id: OrganisationId, booking_id: BookingId, body: ProviderCancelIn, session: SessionDep, actor: ActorDep
) -> ProviderBookingRead:
    """Cancel from the provider's side: free for the employee."""
    await audit.record(session, actor, "booking.cancel", "booking", booking_id)
    return await provider_actions.cancel(session, provider_id, booking_id, body.unit_ids, body.reason)


@router.post("/slots/{slot_id}/cancel", response_model=SlotCancelRead)
@access("bookings:write", idempotent=True, errors=[*VERB_ERRORS, SlotClosed])
async def slot_cancel(
    provider_id: OrganisationId, slot_id: SlotId, session: SessionDep, actor: ActorDep, body: SlotCancelIn | None = None
) -> SlotCancelRead:
    """Cancel a slot and whoever booked it, free of charge."""
    await audit.record(session, actor, "slot.cancel", "slot", slot_id)
    touched = await provider_actions.cancel_slot(session, provider_id, slot_id, body.reason if body else None)
    return SlotCancelRead(slot_id=slot_id, cancelled_bookings=touched)
