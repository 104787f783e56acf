"""What a provider offers: offerings, prices, slots, places and its public profile."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.bookings import provider_endpoints as bookings
from app.bookings.schemas import SlotCancelIn
from app.capacity import endpoints as capacity
from app.capacity.schemas import MAX_BATCH, Capacity, SlotBatch, SlotUpdate
from app.catalogue import endpoints as catalogue
from app.catalogue.schemas import OfferingCreate, OfferingUpdate, PriceCreate, SiteCreate, SiteUpdate
from app.edge.at import At, Place
from app.errors import Invalid
from app.http import audiences
from app.http.schemas import In
from app.ids import OfferingId, SiteId, SlotId
from app.organisations.schemas import ProviderUpdate
from app.portal import forms, towns
from app.portal.lists import ALL, listed
from app.portal.provider import DAYS, chosen, done, draw, istat_codes, monday, seen_version, week
from app.portal.route import pages

provider = pages(audiences.provider_router())
OFFERING = "/providers/{provider_id}/offerings/{offering_id}"
SITES = "/providers/{provider_id}/sites"
TERMS = (
    "name",
    "description",
    "vat_code",
    "site_id",
    "min_age",
    "max_age",
    "confirmation",
    "response_hours",
    "min_notice_hours",
    "cancellation.free_until_hours",
    "cancellation.late_fee_bps",
    "cancellation.no_show_fee_bps",
    "audience",
    "access",
)
"""What may be changed of an offering as well."""
Clock = Annotated[time, Field(strict=False)]


@provider.page("/offerings", catalogue.provider_offering_list)
async def offerings(at: At, request: Request) -> Response:
    found = await catalogue.provider_offering_list(at, await listed(request, "created_at", limit=ALL - 1))
    return draw(at, request, "provider_offerings.html", found=found)


@provider.page("/offerings/new", catalogue.provider_offering_list)
async def offering_new(at: At, request: Request) -> Response:
    return draw(
        at,
        request,
        "provider_offering_new.html",
        categories=(await catalogue.category_list(await listed(request, "code"))).data,
        sites=await _sites(at, request),
    )


async def _sites(at: Place, request: Request) -> list[tuple[str, str]]:
    """Return the provider's places to choose from."""
    found = await catalogue.site_list(at, await listed(request))
    return [(ids.encode("ste", row.id), row.name) for row in found.data]


@provider.form("/offerings", catalogue.offering_create, page="/providers/{provider_id}/offerings/new")
async def offering_create(at: At, request: Request) -> Response:
    form = await request.form()
    terms = forms.only(form, *TERMS, "category", "mode", "unit")
    area = await istat_codes(at, request, form, "service_area")
    made = await catalogue.offering_create(
        at, forms.parse(OfferingCreate, terms, service_area=area, **_price(form, "price_cents"))
    )
    return done(at, f"/offerings/{ids.encode('off', made.id)}", "published")


def _price(form: forms.Typed, name: str) -> dict[str, object]:
    """Return an amount that was typed; none, where the field was left empty."""
    cents = forms.cents(form, name)
    return {} if cents is None else {name: cents}


@provider.page("/offerings/{offering_id}", catalogue.provider_offering_get)
async def offering(at: At, request: Request, offering_id: OfferingId) -> Response:
    """Show an offering with its terms to change and its prices."""
    return draw(
        at,
        request,
        "provider_offering.html",
        offering=await catalogue.provider_offering_get(at, offering_id),
        prices=(await catalogue.price_list(at, await listed(request, "valid_from"), offering_id)).data,
        sites=await _sites(at, request),
        towns=await towns.names(at, request),
        tomorrow=clock.today() + timedelta(days=1),
    )


@provider.form("/offerings/{offering_id}", catalogue.offering_update, page=OFFERING)
async def offering_update(at: At, request: Request, offering_id: OfferingId) -> Response:
    """Change the terms for bookings to come; a field that was emptied is cleared."""
    form = await request.form()
    at.expected = seen_version(form)
    cleared = {name: None for name in ("site_id", "min_age", "max_age") if not str(form.get(name, "")).strip()}
    changed = forms.parse(
        OfferingUpdate,
        forms.only(form, *TERMS),
        service_area=await istat_codes(at, request, form, "service_area"),
        description=str(form.get("description", "")).strip(),
        **cleared,
    )
    await catalogue.offering_update(at, offering_id, changed)
    return _changed(at, offering_id, "saved")


def _changed(at: Place, offering_id: ids.OfferingId, word: str) -> Response:
    return done(at, f"/offerings/{ids.encode('off', offering_id)}", word)


@provider.form("/offerings/{offering_id}/status", catalogue.offering_update, page=OFFERING)
async def offering_status(at: At, request: Request, offering_id: OfferingId) -> Response:
    """Withdraw an offering, or publish it again."""
    form = await request.form()
    at.expected = seen_version(form)
    changed = await catalogue.offering_update(at, offering_id, forms.parse(OfferingUpdate, forms.only(form, "status")))
    return _changed(at, offering_id, "published" if changed.status == "active" else "withdrawn")


@provider.form("/offerings/{offering_id}/prices", catalogue.price_create, page=OFFERING)
async def price_create(at: At, request: Request, offering_id: OfferingId) -> Response:
    form = await request.form()
    days = forms.only(form, "valid_from", "valid_to")
    await catalogue.price_create(at, offering_id, forms.parse(PriceCreate, days, **_price(form, "price_cents")))
    return _changed(at, offering_id, "price_set")


@provider.page("/offerings/{offering_id}/slots", capacity.slot_list)
async def slots(
    at: At, request: Request, offering_id: OfferingId, week_of: Annotated[str | None, Query(alias="week")] = None
) -> Response:
    """Show a week of an offering's slots, with the form that adds some."""
    first = monday(week_of)
    paging = await listed(request, "starts_at", limit=ALL - 1)
    return draw(
        at,
        request,
        "provider_slots.html",
        offering=await catalogue.provider_offering_get(at, offering_id),
        found=await capacity.slot_list(at, paging, offering_id, first, first + timedelta(days=DAYS - 1)),
        days=week(first),
        before=first - timedelta(days=DAYS),
        after=first + timedelta(days=DAYS),
        from_day=max(first, clock.today() + timedelta(days=1)),
        chosen=chosen(request, "weekdays[]"),
    )


class Pattern(In):
    """Slots as a calendar repeats them: on some weekdays from a day to a day, one after another in some hours."""

    first_day: clock.Day
    last_day: clock.Day | None = None
    weekdays: list[Annotated[int, Field(ge=0, lt=DAYS, strict=False)]] = Field(default_factory=list)
    from_hour: Clock
    to_hour: Clock
    minutes: Annotated[int, Field(ge=5, le=24 * 60)]
    capacity: Capacity


@provider.form(
    "/offerings/{offering_id}/slots",
    capacity.slot_create_batch,
    page=OFFERING + "/slots",
    max_bytes=capacity.MAX_BATCH_BYTES,
)
async def slots_create(at: At, request: Request, offering_id: OfferingId) -> Response:
    """Publish one slot or a series of them."""
    pattern = forms.parse(Pattern, await request.form())
    batch = forms.parse(SlotBatch, FormData(), slots=_slots(pattern))
    await capacity.slot_create_batch(at, offering_id, batch)
    shown = f"/offerings/{ids.encode('off', offering_id)}/slots"
    return done(at, shown, "slots_made", week=pattern.first_day.isoformat())


def _slots(pattern: Pattern) -> list[dict[str, object]]:
    """Return the slots of a pattern; Invalid where there is none, or more than one request may hold."""
    last, length = pattern.last_day or pattern.first_day, timedelta(minutes=pattern.minutes)
    found: list[dict[str, object]] = []
    day = pattern.first_day
    while day <= last and len(found) <= MAX_BATCH:
        if not pattern.weekdays or day.weekday() in pattern.weekdays:
            start, end = _instant(day, pattern.from_hour), _instant(day, pattern.to_hour)
            while start + length <= end:
                found.append({"starts_at": start, "ends_at": start + length, "capacity": pattern.capacity})
                start += length
        day += timedelta(days=1)
    if not found:
        raise Invalid("/minutes", "no_slots", "no slot fits into these days and hours")
    if len(found) > MAX_BATCH:
        raise Invalid("/last_day", "too_many_slots", f"at most {MAX_BATCH} slots at once")
    return found


def _instant(day: date, hour: time) -> datetime:
    """Return an hour of a Rome day, in UTC: a slot of an hour lasts one on the nights when clocks change too."""
    return datetime.combine(day, hour, clock.ROME).astimezone(UTC)


@provider.page("/slots/{slot_id}", capacity.slot_get)
async def slot(at: At, request: Request, slot_id: SlotId) -> Response:
    found = await capacity.slot_get(at, slot_id)
    return draw(
        at,
        request,
        "provider_slot.html",
        slot=found,
        offering=await catalogue.provider_offering_get(at, found.offering_id),
    )


@provider.form("/slots/{slot_id}", capacity.slot_update, page="/providers/{provider_id}/slots/{slot_id}")
async def slot_update(at: At, request: Request, slot_id: SlotId) -> Response:
    form = await request.form()
    at.expected = seen_version(form)
    await capacity.slot_update(at, slot_id, forms.parse(SlotUpdate, forms.only(form, "capacity")))
    return done(at, f"/slots/{ids.encode('slt', slot_id)}", "saved")


@provider.form("/slots/{slot_id}/cancel", bookings.slot_cancel, page="/providers/{provider_id}/slots/{slot_id}")
async def slot_cancel(at: At, request: Request, slot_id: SlotId) -> Response:
    """Cancel a slot; whoever booked it is told and pays nothing."""
    form = forms.only(await request.form(), "reason")
    await bookings.slot_cancel(at, slot_id, forms.parse(SlotCancelIn, form))
    return done(at, f"/slots/{ids.encode('slt', slot_id)}", "slot_cancelled")


@provider.page("/sites", catalogue.site_list)
async def sites(at: At, request: Request) -> Response:
    """Show the public profile and the places, each with its form."""
    profile = await catalogue.provider_get(at, at.tenant)
    return draw(
        at,
        request,
        "provider_sites.html",
        profile=profile,
        version=at.version,
        sites=(await catalogue.site_list(at, await listed(request))).data,
        towns=await towns.names(at, request),
    )


@provider.form("", catalogue.provider_update, page=SITES)
async def profile_update(at: At, request: Request) -> Response:
    form = await request.form()
    at.expected = seen_version(form)
    cleared = {name: None for name in ("phone", "email") if not str(form.get(name, "")).strip()}
    description = str(form.get("description", "")).strip()
    changed = forms.parse(ProviderUpdate, forms.only(form, "phone", "email"), description=description, **cleared)
    await catalogue.provider_update(at, changed)
    return done(at, "/sites", "saved")


@provider.form("/sites", catalogue.site_create, page=SITES)
async def site_create(at: At, request: Request) -> Response:
    form = await request.form()
    await catalogue.site_create(
        at, forms.parse(SiteCreate, forms.only(form, "name", "street", "postcode"), **await _town(at, request, form))
    )
    return done(at, "/sites", "saved")


async def _town(at: Place, request: Request, form: forms.Typed) -> dict[str, object]:
    """Return the one municipality that the form names; nothing, where it names none."""
    codes = await istat_codes(at, request, form, "istat_code")
    if len(codes) > 1:
        raise Invalid("/istat_code", "municipality", "not one municipality")
    return {"istat_code": codes[0]} if codes else {}


@provider.page("/sites/{site_id}", catalogue.site_get)
async def site(at: At, request: Request, site_id: SiteId) -> Response:
    found = await catalogue.site_get(at, site_id)
    return draw(at, request, "provider_site.html", site=found, towns=await towns.names(at, request))


@provider.form("/sites/{site_id}", catalogue.site_update, page=SITES + "/{site_id}")
async def site_update(at: At, request: Request, site_id: SiteId) -> Response:
    form = await request.form()
    at.expected = seen_version(form)
    changed = forms.parse(SiteUpdate, forms.only(form, "name", "street", "postcode"), **await _town(at, request, form))
    await catalogue.site_update(at, site_id, changed)
    return done(at, "/sites", "saved")
