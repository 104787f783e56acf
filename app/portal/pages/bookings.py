"""The person's way from a quote to a booking and through it."""

from typing import Annotated, cast, get_args

from fastapi import Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.beneficiaries import endpoints as relatives
from app.bookings import endpoints as bookings
from app.bookings.models import BookingStatus
from app.bookings.schemas import BookingCreate, CancelIn, CreditChoice, QuoteCreate, QuoteRead, UnitsIn
from app.catalogue import endpoints as catalogue
from app.disputes import endpoints as disputes
from app.disputes.schemas import DisputeCreate
from app.edge.at import At, Place
from app.errors import Invalid
from app.http import audiences
from app.http.filters import Days
from app.ids import BookingId, QuoteId
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.pages.choosing import SLOTS, Chosen
from app.portal.route import pages, to

person = pages(audiences.employee_router())
BOOKING = "/me/bookings/{booking_id}"


@person.form("/quotes/{offering_id}", bookings.quote_create, page="/offerings/{offering_id}")
async def quote(at: At, request: Request, offering_id: ids.OfferingId) -> Response:
    """Ask for a binding price; the answer is a page to check before anything is booked."""
    form = await request.form()
    _check_chosen(form)
    most = forms.cents(form, "max_credit")
    mode = "up_to" if most is not None else "none" if form.get("credit") == "none" else "auto"
    asked = forms.parse(
        QuoteCreate,
        forms.only(form, "beneficiary_id", "slot_ids[]"),
        offering_id=ids.encode("off", offering_id),
        credit=CreditChoice.model_validate({"mode": mode, "max_cents": most}),
    )
    made = await bookings.quote_create(at, asked)
    return to(f"/me/quotes/{ids.encode('qte', made.id)}")


def _check_chosen(form: FormData) -> None:
    """Say what is still to be chosen, in the words of who chooses."""
    missing = [
        (f"/{name}", code, said)
        for name, field, code, said in (
            ("slot_ids", "slot_ids[]", "no_time", "choose at least one time"),
            ("beneficiary_id", "beneficiary_id", "no_person", "choose whom the care is for"),
        )
        if not form.get(field)
    ]
    if missing:
        raise Invalid(*missing[0], *missing[1:])


@person.page("/quotes/{quote_id}", bookings.quote_get)
async def quote_page(at: At, request: Request, quote_id: QuoteId) -> Response:
    """Show what will be booked before it is: price, who pays, why, until when."""
    found = await bookings.quote_get(at, quote_id)
    people = await relatives.beneficiary_list(at, await listed(request))
    return render.page(
        request,
        "quote.html",
        quote=found,
        offering=await catalogue.offering_get(at, found.offering_id),
        whom=next((one for one in people.data if one.id == found.beneficiary_id), None),
        chosen=_chosen_again(found),
    )


def _chosen_again(found: QuoteRead) -> Chosen:
    """Return what the quote was made of: the way back to its times has them chosen."""
    rows = [("week", clock.day_of(found.units[0].starts_at).isoformat())]
    rows += [("beneficiary_id", ids.encode("ben", found.beneficiary_id))]
    rows += [(SLOTS, ids.encode("slt", unit.slot_id)) for unit in found.units if unit.slot_id is not None]
    return Chosen(ids.encode("off", found.offering_id), tuple(rows))


@person.form("/quotes/{quote_id}/book", bookings.booking_create, page="/me/quotes/{quote_id}")
async def book(at: At, request: Request, quote_id: QuoteId) -> Response:
    form = forms.only(await request.form(), "note")
    made = await bookings.booking_create(at, forms.parse(BookingCreate, form, quote_id=ids.encode("qte", quote_id)))
    return _shown(made.id, "booked")


def _shown(booking_id: ids.BookingId, done: str) -> Response:
    return to(f"/me/bookings/{ids.encode('bkg', booking_id)}", done=done)


@person.page("/bookings", bookings.booking_list)
async def booking_list(
    at: At,
    request: Request,
    status: Annotated[str | None, Query()] = None,
) -> Response:
    chosen = cast("BookingStatus | None", status if status in get_args(BookingStatus) else None)
    found = await bookings.booking_list(
        at, await listed(request, "-created_at", limit=25), Days(None, None), status=chosen and [chosen]
    )
    return render.page(request, "bookings.html", found=found, chosen=chosen, names=await _names(at, request))


async def _names(at: Place, request: Request) -> dict[object, str]:
    """Return what the person calls whom she books for."""
    people = await relatives.beneficiary_list(at, await listed(request))
    return {row.id: row.given_name for row in people.data}


@person.page("/bookings/{booking_id}", bookings.booking_get)
async def booking(at: At, request: Request, booking_id: BookingId) -> Response:
    found = await bookings.booking_get(at, booking_id)
    return render.page(request, "booking.html", booking=found, names=await _names(at, request))


@person.page("/bookings/{booking_id}/cancel", bookings.cancellation_preview_get)
async def cancellation(
    at: At, request: Request, booking_id: BookingId, unit_ids: Annotated[list[str] | None, Query()] = None
) -> Response:
    """Show the fee first: to the cent, before anything is cancelled."""
    chosen = unit_ids or _typed_units(request)
    return render.page(
        request,
        "cancel.html",
        booking=await bookings.booking_get(at, booking_id),
        preview=await bookings.cancellation_preview_get(at, booking_id, chosen),
        chosen=chosen or [],
    )


def _typed_units(request: Request) -> list[str] | None:
    refused: forms.Refused | None = getattr(request.state, "refused", None)
    return refused.values.get("unit_ids[]") if refused else None


@person.form("/bookings/{booking_id}/cancel", bookings.booking_cancel, page=BOOKING + "/cancel")
async def cancel(at: At, request: Request, booking_id: BookingId) -> Response:
    await bookings.booking_cancel(at, booking_id, forms.parse(CancelIn, await request.form()))
    return _shown(booking_id, "cancelled")


@person.form("/bookings/{booking_id}/acknowledge", bookings.booking_acknowledge, page=BOOKING)
async def acknowledge(at: At, request: Request, booking_id: BookingId) -> Response:
    await bookings.booking_acknowledge(at, booking_id, forms.parse(UnitsIn, await request.form()))
    return _shown(booking_id, "acknowledged")


@person.page("/disputes", disputes.dispute_list)
async def dispute_list(at: At, request: Request) -> Response:
    found = await disputes.dispute_list(at, await listed(request, "-created_at", limit=25))
    return render.page(request, "disputes.html", found=found)


@person.form("/bookings/{booking_id}/disputes", disputes.dispute_create, page=BOOKING)
async def dispute(at: At, request: Request, booking_id: BookingId) -> Response:
    """Say that something did not happen as it was marked: its money stands still until somebody decides."""
    await disputes.dispute_create(at, booking_id, forms.parse(DisputeCreate, await request.form()))
    return _shown(booking_id, "disputed")
