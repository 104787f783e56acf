"""What anyone sees: the search, an offering with its week, a provider, the rules."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import chain
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.beneficiaries import endpoints as relatives
from app.capacity import endpoints as capacity
from app.catalogue import endpoints as catalogue
from app.catalogue.models import Mode
from app.catalogue.schemas import CategoryRead
from app.credit import endpoints as credit
from app.edge.at import At, Place
from app.errors import Invalid
from app.http import audiences
from app.http.schemas import Code, In
from app.ids import AllianceId, OfferingId, OrganisationId
from app.networks import endpoints as networks
from app.networks.schemas import AllianceRead
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.pages import choosing
from app.portal.pages.maps import alliance_map
from app.portal.route import pages
from app.search import endpoints as search
from app.territory import endpoints as territory
from app.territory.schemas import IstatCode

public = pages(audiences.public_router())
DAYS = 7


class Asked(In):
    """What the search form holds."""

    q: Annotated[str, Field(max_length=200)] | None = None
    category: Code | None = None
    municipality: IstatCode | None = None
    age: Annotated[int, Field(ge=0, le=130)] | None = None
    date_from: clock.Day | None = None
    date_to: clock.Day | None = None
    mode: Mode | None = None


@public.page("/", search.offering_search)
async def home(at: At, request: Request) -> Response:
    return await search_page(at, request)


@public.page("/offerings", search.offering_search)
async def search_page(
    at: At, request: Request, alliance: Annotated[AllianceId | None, Query(description="whose map is shown")] = None
) -> Response:
    """Search, and say of each hit whether credit of the person could pay for it."""
    refused, status = None, 200
    try:
        asked = forms.parse(Asked, forms.only(request.query_params, *Asked.model_fields))
        most = forms.cents(request.query_params, "max_price")
    except Invalid as error:
        refused, status, asked, most = forms.Refused(error), error.status, Asked(), None
    wanted = asked.model_dump(exclude_none=True)
    categories = (await catalogue.category_list(await listed(request, "code"))).data
    alliances = (await networks.alliance_list(at, await listed(request, "name"))).data
    near = _near(alliances, alliance, asked.municipality)
    found = await search.offering_search(
        at, await listed(request, "relevance", limit=24), max_price_cents=most, **wanted
    )
    return render.page(
        request,
        "search.html",
        status=status,
        asked=asked,
        most=most,
        found=found,
        refused=refused,
        categories=categories,
        towns=(await search.offering_municipality_list(at, await listed(request, "name"))).data,
        payable=await _payable(at, categories),
        alliances=alliances,
        near=near,
        map=near and await alliance_map(at, request, near.id, _at_municipality(request), asked.municipality),
    )


def _near(alliances: Sequence[AllianceRead], asked: UUID | None, municipality: str | None) -> AllianceRead | None:
    """Return the alliance whose map is shown: the one asked for, else of the municipality, else the first."""
    wanted = (one for one in alliances if one.id == asked)
    around = (one for one in alliances if municipality in one.municipalities)
    return next(chain(wanted, around, alliances), None)


def _at_municipality(request: Request) -> Callable[[str], str]:
    """Return the address of the same search in a municipality."""
    kept = [(name, value) for name, value in request.query_params.items() if name not in {"municipality", "cursor"}]
    return lambda code: "/offerings?" + urlencode([*kept, ("municipality", code)])


async def _payable(at: Place, categories: Sequence[CategoryRead]) -> frozenset[str]:
    """Return the categories for which the person has credit left: a first answer, the quote gives the last."""
    if at.actor.kind != "user":
        return frozenset()
    codes = {code for lot in (await credit.wallet_get(at)).lots if lot.available_cents for code in lot.rule_codes}
    return frozenset(row.code for row in categories if codes.intersection(row.rule_codes))


@public.page("/offerings/{offering_id}", catalogue.offering_get)
async def offering(at: At, request: Request, offering_id: OfferingId) -> Response:
    """Show an offering with a week of free times; anybody chooses times, who is logged in a relative too."""
    found = await catalogue.offering_get(at, offering_id)
    chosen = choosing.chosen(request, ids.encode("off", offering_id))
    first = _first_day(chosen.first("week"))
    last = first + timedelta(days=DAYS - 1)
    person = at.actor.kind == "user"
    free = (await capacity.slot_search(at, await listed(request, "starts_at"), offering_id, first, last)).data
    shown = {ids.encode("slt", slot.id) for slot in free}
    return render.page(
        request,
        "offering.html",
        offering=found,
        provider=await catalogue.provider_get(at, found.provider_id),
        days=[first + timedelta(days=number) for number in range(DAYS)],
        slots=free,
        elsewhere=[slot for slot in chosen.slots if slot not in shown],
        chosen=chosen,
        first=first,
        before=first - timedelta(days=DAYS) if first > clock.today() else None,
        after=last + timedelta(days=1),
        relatives=(await relatives.beneficiary_list(at, await listed(request))).data if person else [],
        wallet=await credit.wallet_get(at) if person else None,
        category=await _category(request, found.category),
    )


async def _category(request: Request, code: str) -> object:
    categories = await catalogue.category_list(await listed(request, "code"))
    return next((row for row in categories.data if row.code == code), None)


def _first_day(asked: str | None) -> date:
    """Return the first day to show: today, or the day that was asked for where it is one to come."""
    today = clock.today()
    try:
        wanted = date.fromisoformat(asked) if asked else today
    except ValueError:
        return today
    return min(max(wanted, today), today + timedelta(days=730))


@public.page("/providers/{provider_id}", catalogue.provider_get)
async def provider(at: At, request: Request, provider_id: OrganisationId) -> Response:
    found = await catalogue.provider_get(at, provider_id)
    offered = await search.offering_search(at, await listed(request, "name"), provider_id=provider_id)
    return render.page(request, "provider.html", provider=found, offered=offered.data)


@public.page("/rules", catalogue.rule_list)
async def rules(request: Request) -> Response:
    """Tell in plain words what credit may pay, with the law behind it."""
    return render.page(
        request,
        "rules.html",
        rules=(await catalogue.rule_list(await listed(request, "code"))).data,
        categories=(await catalogue.category_list(await listed(request, "code"))).data,
    )


@public.page("/municipalities", territory.municipality_list)
async def municipalities(at: At, request: Request, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Look a municipality up by its name, for forms that need its code."""
    found = await territory.municipality_list(at, await listed(request, "relevance"), q=q) if q.strip() else None
    return render.page(request, "municipalities.html", q=q, found=found.data if found else [])


@public.page("/accessibility")
async def accessibility(request: Request) -> Response:
    return render.page(request, "accessibility.html")


@public.page("/help")
async def help_page(request: Request) -> Response:
    """Tell how a visit is found, booked, paid and cancelled, and whom to ask."""
    return render.page(request, "help.html")


@public.page("/privacy")
async def privacy(request: Request) -> Response:
    return render.page(request, "privacy.html")
