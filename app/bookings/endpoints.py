"""The employee's routes: quote, book, cancel, acknowledge."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app import clock, ids
from app.bookings import booking, employee_actions, queries, quoting, views
from app.bookings.decisions import Loaded
from app.bookings.errors import BeneficiaryNotEligible, OfferingNotAvailable, QuoteExpired
from app.bookings.models import BookingStatus
from app.bookings.schemas import (
    MAX_UNITS,
    BookingCreate,
    BookingRead,
    CancelIn,
    CancellationPreviewRead,
    QuoteCreate,
    QuoteRead,
    UnitsIn,
)
from app.capacity.errors import SlotClosed, SlotFull
from app.credit.errors import InsufficientCredit
from app.errors import AlreadyResolved, Invalid, StateConflict
from app.http.access import access
from app.http.audiences import employee_router
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, LanguageDep, SessionDep
from app.ids import BookingId

router = employee_router()
VERB_ERRORS = (AlreadyResolved, StateConflict)


@router.post("/quotes", status_code=201, response_model=QuoteRead)
@access("person", errors=[OfferingNotAvailable, SlotClosed, SlotFull, BeneficiaryNotEligible])
async def quote_create(body: QuoteCreate, session: SessionDep, actor: ActorDep, language: LanguageDep) -> QuoteRead:
    """Say what a booking would cost, who may pay it and why; binding for 15 minutes, reserves nothing."""
    if (body.credit.mode == "up_to") != (body.credit.max_cents is not None):
        raise Invalid("/credit/max_cents", "up_to_only", "max_cents goes with mode up_to, and only with it")
    return await quoting.quote(
        session,
        actor.user_id,
        offering_id=body.offering_id,
        beneficiary_id=body.beneficiary_id,
        slot_ids=body.slot_ids,
        credit=body.credit,
        language=language,
    )


@router.post("/bookings", status_code=201, response_model=BookingRead)
@access(
    "person",
    idempotent=True,
    errors=[
        InsufficientCredit,
        SlotFull,
        SlotClosed,
        QuoteExpired,
        OfferingNotAvailable,
        BeneficiaryNotEligible,
        AlreadyResolved,
    ],
)
async def booking_create(body: BookingCreate, session: SessionDep, actor: ActorDep) -> BookingRead:
    """Book a quote: reserves exactly its credit and seats, or nothing."""
    return await booking.book(session, actor.user_id, body.quote_id, body.note)


@router.get("/bookings", response_model=Page[BookingRead])
@access("person", errors=[BadCursor])
async def booking_list(
    session: SessionDep, actor: ActorDep, paging: PagingDep, status: Annotated[BookingStatus | None, Query()] = None
) -> Page[BookingRead]:
    """List one's bookings, newest first."""
    now = clock.now()
    rows = await queries.PERSON_BOOKINGS.all(
        session, user_id=actor.user_id, now=now, status=status, after=_after(paging.after), limit=paging.fetch
    )
    units = await queries.units_of(session, [row.id for row in rows])
    return paging.page(
        rows, lambda row: views.booking_read(Loaded(row, units[row.id], now)), lambda row: (str(row.id),)
    )


@router.get("/bookings/{booking_id}", response_model=BookingRead)
@access("person")
async def booking_get(booking_id: BookingId, session: SessionDep, actor: ActorDep) -> BookingRead:
    return await employee_actions.read(session, actor.user_id, booking_id)


@router.get("/bookings/{booking_id}/cancellation_preview", response_model=CancellationPreviewRead)
@access("person", errors=VERB_ERRORS)
async def cancellation_preview_get(
    booking_id: BookingId,
    session: SessionDep,
    actor: ActorDep,
    unit_ids: Annotated[list[str] | None, Query(max_length=MAX_UNITS)] = None,
) -> CancellationPreviewRead:
    """Tell what cancelling now would cost. `unit_ids` may be repeated or separated by commas; absent means all."""
    return await employee_actions.preview_cancellation(session, actor.user_id, booking_id, _unit_ids(unit_ids))


@router.post("/bookings/{booking_id}/cancel", response_model=BookingRead)
@access("person", idempotent=True, errors=VERB_ERRORS)
async def booking_cancel(
    booking_id: BookingId, session: SessionDep, actor: ActorDep, body: CancelIn | None = None
) -> BookingRead:
    """Cancel units (all that still can be, when none is named) at the fee that the preview shows."""
    return await employee_actions.cancel(
        session, actor.user_id, booking_id, body.unit_ids if body else None, body.reason if body else None
    )


@router.post("/bookings/{booking_id}/acknowledge", response_model=BookingRead)
@access("person", idempotent=True, errors=VERB_ERRORS)
async def booking_acknowledge(
    booking_id: BookingId, session: SessionDep, actor: ActorDep, body: UnitsIn | None = None
) -> BookingRead:
    """Accept that units were delivered, before this happens by itself after five days."""
    return await employee_actions.acknowledge(session, actor.user_id, booking_id, body.unit_ids if body else None)


def _unit_ids(values: list[str] | None) -> list[UUID] | None:
    if values is None:
        return None
    try:
        decoded = [ids.decode("unt", part) for value in values for part in value.split(",")]
    except ValueError:
        raise Invalid("/query/unit_ids", "type_id", "malformed id") from None
    if len(set(decoded)) != len(decoded) or len(decoded) > MAX_UNITS:
        raise Invalid("/query/unit_ids", "not_distinct", "each id may be given once")
    return decoded


def _after(after: tuple[str, ...] | None) -> UUID | None:
    return UUID(after[0]) if after else None
