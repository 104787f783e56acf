"""The provider's day: requests by their deadline, today, the week, one booking, a month as bars."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated

from fastapi import Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.bookings import provider_endpoints as bookings
from app.bookings.schemas import (
    DeclineIn,
    ProviderBookingRead,
    ProviderCancelIn,
    UnitsIn,
    VisitRead,
    VisitResults,
    VisitsIn,
)
from app.edge.at import At, Place
from app.http import audiences
from app.http.filters import Days
from app.http.pagination import ordered
from app.ids import BookingId
from app.portal import forms, svg, towns
from app.portal.lists import ALL, listed
from app.portal.provider import DAYS, base, chosen, done, draw, monday, week
from app.portal.route import pages, to

provider = pages(audiences.provider_router())
VISITS = "/providers/{provider_id}/visits"
BOOKING = "/providers/{provider_id}/bookings/{booking_id}"
UNMARKED_DAYS = 30
"""How far back a visit is looked for that nobody has marked."""
ROWS = 50
EARNED = frozenset({"delivered", "completed"})
Asked = Annotated[str | None, Query()]


@provider.page("/visits", bookings.visit_list)
async def visits(at: At, request: Request, week_of: Annotated[str | None, Query(alias="week")] = None) -> Response:
    """Show what to answer first, what to mark, today and the week."""
    today, first = clock.today(), monday(week_of)
    by_start = await listed(request, "starts_at")
    past = Days(today - timedelta(days=UNMARKED_DAYS), today - timedelta(days=1))
    return draw(
        at,
        request,
        "visits.html",
        requests=await _requests(at, request),
        unmarked=(await bookings.visit_list(at, by_start, past, status=["confirmed"])).data,
        today=(await bookings.visit_list(at, by_start, Days(today, today))).data,
        found=await bookings.visit_list(
            at, await listed(request, "starts_at", limit=ROWS), Days(first, first + timedelta(days=DAYS - 1))
        ),
        days=week(first),
        before=first - timedelta(days=DAYS),
        after=first + timedelta(days=DAYS),
        towns=await towns.names(at, request),
        single=chosen(request, "unit_ids[]"),
    )


async def _requests(at: Place, request: Request) -> Sequence[ProviderBookingRead]:
    """Return the requests that wait for an answer, the most urgent first."""
    newest = await listed(request, "-created_at")
    found = await bookings.provider_booking_list(at, newest, Days(None, None), status=["requested"])
    return sorted(found.data, key=lambda row: row.confirm_by or row.created_at)


@provider.form("/visits/confirm", bookings.visit_confirm, page=VISITS)
async def confirm_many(at: At, request: Request) -> Response:
    """Accept the requests that were chosen."""
    results = await bookings.visit_confirm(at, await _chosen(request))
    return done(at, "/visits", _outcome(results, "confirmed"))


@provider.form("/visits/deliver", bookings.visit_deliver, page=VISITS)
async def deliver_many(at: At, request: Request) -> Response:
    """Mark the visits that were chosen."""
    results = await bookings.visit_deliver(at, await _chosen(request))
    return done(at, "/visits", _outcome(results, "delivered"))


async def _chosen(request: Request) -> VisitsIn:
    """Return the visits that were chosen: one alone is refused with its reason, of many the others are done."""
    form = forms.only(await request.form(), "unit_ids[]")
    return forms.parse(VisitsIn, form, mode="all" if len(form) == 1 else "each")


def _outcome(results: VisitResults, word: str) -> str:
    return word if all(row.done for row in results.results) else "partly"


@provider.page("/visits/month", bookings.visit_list)
async def month(at: At, request: Request, month: Asked = None) -> Response:
    """Show a month day by day: what took place, what is to come, and what is paid when."""
    first = _first_of(month)
    after = (first + timedelta(days=31)).replace(day=1)
    rows = await _all_of(at, request, Days(first, after - timedelta(days=1)))
    days = [first + timedelta(days=number) for number in range((after - first).days)]
    earned, planned = _by_day(rows, EARNED), _by_day(rows, frozenset({"confirmed"}))
    return draw(
        at,
        request,
        "month.html",
        first=first,
        before=(first - timedelta(days=1)).replace(day=1),
        after=after,
        days=[(day, earned[day], planned[day]) for day in days if earned[day] or planned[day]],
        columns=svg.columns([(str(day.day), earned[day], planned[day]) for day in days]),
        earned=earned.total(),
        planned=planned.total(),
        paid=_by_payment(rows),
        collected=sum(row.to_collect_cents for row in rows if row.status in EARNED),
    )


def _first_of(asked: str | None) -> date:
    today = clock.today()
    try:
        wanted = date.fromisoformat(f"{asked}-01") if asked else today
    except ValueError:
        wanted = today
    inside = clock.FIRST_YEAR < wanted.year < clock.LAST_YEAR
    return (wanted if inside else today).replace(day=1)


async def _all_of(at: Place, request: Request, days: Days) -> Sequence[VisitRead]:
    """Return every visit of some days, part by part."""
    rows: list[VisitRead] = []
    cursor = None
    while True:
        paging = await ordered("starts_at")(request, limit=ALL, cursor=cursor, order="starts_at", count=False)
        found = await bookings.visit_list(at, paging, days)
        rows += found.data
        cursor = found.next_cursor
        if cursor is None:
            return rows


def _by_day(rows: Sequence[VisitRead], states: frozenset[str]) -> Counter[date]:
    sums: Counter[date] = Counter()
    for row in rows:
        if row.status in states:
            sums[clock.day_of(row.starts_at)] += row.price_cents - row.refunded_cents
    return sums


def _by_payment(rows: Sequence[VisitRead]) -> Sequence[tuple[date, int]]:
    """Return what the platform pays on which day for what took place."""
    sums: Counter[date] = Counter()
    for row in rows:
        if row.status in EARNED and row.expected_payment_on is not None:
            sums[row.expected_payment_on] += row.price_cents - row.refunded_cents - row.to_collect_cents
    return sorted(sums.items())


@provider.page("/bookings/{booking_id}", bookings.provider_booking_get)
async def booking(at: At, request: Request, booking_id: BookingId) -> Response:
    found = await bookings.provider_booking_get(at, booking_id)
    known, typed = await towns.names(at, request), chosen(request, "unit_ids[]")
    return draw(at, request, "provider_booking.html", booking=found, towns=known, typed=typed)


@provider.form("/bookings/{booking_id}/confirm", bookings.booking_confirm, page=BOOKING)
async def confirm(at: At, booking_id: BookingId) -> Response:
    await bookings.booking_confirm(at, booking_id)
    return _shown(at, booking_id, "confirmed")


def _shown(at: Place, booking_id: ids.BookingId, word: str) -> Response:
    return done(at, f"/bookings/{ids.encode('bkg', booking_id)}", word)


@provider.form("/bookings/{booking_id}/decline", bookings.booking_decline, page=BOOKING)
async def decline(at: At, request: Request, booking_id: BookingId) -> Response:
    form = forms.only(await request.form(), "reason")
    await bookings.booking_decline(at, booking_id, forms.parse(DeclineIn, form))
    return _shown(at, booking_id, "declined")


@provider.form("/bookings/{booking_id}/deliver", bookings.booking_deliver, page=BOOKING)
async def deliver(at: At, request: Request, booking_id: BookingId) -> Response:
    await bookings.booking_deliver(at, booking_id, _units(await request.form()))
    return _shown(at, booking_id, "delivered")


@provider.form("/bookings/{booking_id}/no_show", bookings.booking_no_show, page=BOOKING)
async def no_show(at: At, request: Request, booking_id: BookingId) -> Response:
    """Mark that nobody was there: one visit from the list of the day, or those chosen on the booking's own page."""
    form = await request.form()
    await bookings.booking_no_show(at, booking_id, _units(form))
    return to(base(at) + "/visits", done="not_there") if "only" in form else _shown(at, booking_id, "not_there")


@provider.form("/bookings/{booking_id}/revert", bookings.booking_revert, page=BOOKING)
async def revert(at: At, request: Request, booking_id: BookingId) -> Response:
    await bookings.booking_revert(at, booking_id, _units(await request.form()))
    return _shown(at, booking_id, "reverted")


@provider.form("/bookings/{booking_id}/cancel", bookings.provider_booking_cancel, page=BOOKING)
async def cancel(at: At, request: Request, booking_id: BookingId) -> Response:
    form = forms.only(await request.form(), "unit_ids[]", "reason")
    await bookings.provider_booking_cancel(at, booking_id, forms.parse(ProviderCancelIn, form))
    return _shown(at, booking_id, "cancelled")


def _units(form: FormData) -> UnitsIn:
    """Return the one visit whose button was pressed, else those that were chosen (none: all that the verb fits)."""
    if "only" in form:
        return forms.parse(UnitsIn, FormData([("unit_ids[]", form["only"])]))
    return forms.parse(UnitsIn, forms.only(form, "unit_ids[]"))
