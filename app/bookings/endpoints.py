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
from app.catalogue.errors import ProviderNotAccredited
from app.credit import queries as credit
from app.credit.errors import InsufficientCredit
from app.credit.schemas import WalletEntryRead
from app.edge.at import At
from app.errors import AlreadyResolved, Invalid, StateConflict
from app.http.audiences import employee_router
from app.http.filters import DaysDep, ExternalId, UpdatedSince, any_of
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.ids import BeneficiaryId, BookingId, LotId, OfferingId, QuoteId
from app.rules.errors import RulesNotSigned

router = employee_router()
# In words: openapi-generator refuses a whole document over a link's `requestBody` that is no text.
BOOK_IT = {"operationId": "booking_create", "description": "Book it: `quote_id` is the `id` of this answer."}
VERB_ERRORS = (AlreadyResolved, StateConflict)


@router.command(
    "/quotes",
    "person",
    keyed=False,
    status=201,
    errors=[OfferingNotAvailable, ProviderNotAccredited, SlotClosed, SlotFull, BeneficiaryNotEligible, RulesNotSigned],
    responses={201: {"links": {"booking_create": BOOK_IT}}},
)
async def quote_create(at: At, body: QuoteCreate) -> QuoteRead:
    """Say what a booking would cost, who may pay it and why; binding for 15 minutes, reserves nothing."""
    if (body.credit.mode == "up_to") != (body.credit.max_cents is not None):
        raise Invalid("/credit/max_cents", "up_to_only", "max_cents goes with mode up_to, and only with it")
    return await quoting.quote(
        at.session,
        at.actor.user_id,
        offering_id=body.offering_id,
        beneficiary_id=body.beneficiary_id,
        slot_ids=body.slot_ids,
        credit=body.credit,
        language=at.language,
    )


@router.read("/quotes/{quote_id}", "person")
async def quote_get(at: At, quote_id: QuoteId) -> QuoteRead:
    """Read a quote again, as it was made; it is forgotten some time after it expired."""
    return quoting.quote_read(await queries.quote_of(at.session, at.actor.user_id, quote_id), at.language)


@router.list("/wallet/entries", "person")
async def wallet_entry_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    lot_id: Annotated[LotId | None, Query(description="on this lot only")] = None,
) -> Page[WalletEntryRead]:
    """List the movements on the person's lots, newest first, with the visit that each was for."""
    found = await credit.entries(
        at.session, at.actor.user_id, paging.window, lot_id=lot_id, booked_from=days.start, booked_before=days.end
    )
    causes = [row.cause_id for row in found.rows if row.cause_id is not None]
    visits = await queries.paid_for(at.session, at.actor.user_id, causes)
    return paging.page(found, lambda row: views.wallet_entry_read(row, visits.get(row.cause_id or row.id)))


@router.command(
    "/bookings",
    "person",
    status=201,
    errors=[
        InsufficientCredit,
        SlotFull,
        SlotClosed,
        QuoteExpired,
        OfferingNotAvailable,
        ProviderNotAccredited,
        BeneficiaryNotEligible,
        AlreadyResolved,
    ],
    audit="booking.create",
)
async def booking_create(at: At, body: BookingCreate) -> BookingRead:
    """Book a quote: reserves exactly its credit and seats, or nothing."""
    made = await booking.book(
        at.session,
        at.actor.user_id,
        body.quote_id,
        body.note,
        external_id=body.external_id,
        metadata=body.metadata,
    )
    return at.about(made.id, made)


@router.list("/bookings", "person")
async def booking_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    status: Annotated[list[BookingStatus] | None, Query(description="may be repeated")] = None,
    beneficiary_id: Annotated[BeneficiaryId | None, Query(description="for this beneficiary only")] = None,
    offering_id: Annotated[OfferingId | None, Query(description="of this offering only")] = None,
    external_id: ExternalId = None,
    updated_since: UpdatedSince = None,
) -> Page[BookingRead]:
    """List one's bookings, newest first; days are those of their visits."""
    now = clock.now()
    found = await queries.PERSON_BOOKINGS.page(
        at.session, paging.window, user_id=at.actor.user_id, now=now, statuses=any_of(status),
        beneficiary_id=beneficiary_id, offering_id=offering_id, external_id=external_id, starts_from=days.start,
        starts_before=days.end,
        updated_since=updated_since,
    )  # fmt: skip
    units = await queries.units_of(at.session, [row.id for row in found.rows])
    return paging.page(found, lambda row: views.booking_read(Loaded(row, units[row.id], now)))


@router.read("/bookings/{booking_id}", "person")
async def booking_get(at: At, booking_id: BookingId) -> BookingRead:
    """Show one booking with its units."""
    return await employee_actions.read(at.session, at.actor.user_id, booking_id)


@router.read("/bookings/{booking_id}/cancellation_preview", "person", errors=VERB_ERRORS)
async def cancellation_preview_get(
    at: At,
    booking_id: BookingId,
    unit_ids: Annotated[
        list[str] | None,
        Query(
            max_length=MAX_UNITS,
            description="these units: repeated or separated by commas; absent: all that can be cancelled",
        ),
    ] = None,
) -> CancellationPreviewRead:
    """Tell what cancelling now would cost. `unit_ids` may be repeated or separated by commas; absent means all."""
    wanted = _unit_ids(unit_ids)
    return await employee_actions.preview_cancellation(at.session, at.actor.user_id, booking_id, wanted)


@router.command("/bookings/{booking_id}/cancel", "person", errors=VERB_ERRORS, audit="booking.cancel")
async def booking_cancel(at: At, booking_id: BookingId, body: CancelIn | None = None) -> BookingRead:
    """Cancel units (all that still can be, when none is named) at the fee that the preview shows."""
    wanted = body or CancelIn()
    return await employee_actions.cancel(at.session, at.actor.user_id, booking_id, wanted.unit_ids, wanted.reason)


@router.command("/bookings/{booking_id}/acknowledge", "person", errors=VERB_ERRORS, audit="booking.acknowledge")
async def booking_acknowledge(at: At, booking_id: BookingId, body: UnitsIn | None = None) -> BookingRead:
    """Accept that units were delivered, before this happens by itself after five days."""
    unit_ids = body.unit_ids if body else None
    return await employee_actions.acknowledge(at.session, at.actor.user_id, booking_id, unit_ids)


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
