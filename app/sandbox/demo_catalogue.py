"""The demo's catalogue: sites, offerings with prices and areas, and the slots of twelve weeks."""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from uuid import UUID

import holidays
from sqlalchemy.ext.asyncio import AsyncSession

from app.capacity.models import Slot
from app.catalogue.models import Offering, OfferingArea, Price, Site
from app.money import share_bps
from app.sandbox.demo_data import ProviderEntry, ServiceEntry, providers, services
from app.sandbox.demo_parties import World
from app.sandbox.demo_rows import Row, make_id, rome, write

WEEKS = 12
HISTORY_DAYS = 70
"""So long before the start offerings with a history have slots: the bookings of the past are in them."""
SCALVE = ("016017", "016078", "016195", "016243")
HOLIDAYS: Container[date] = holidays.country_holidays("IT")


@dataclass(frozen=True)
class Offer:
    """One provider's offering of one service."""

    provider: str
    service: str
    place: str
    area: str
    price_bps: int
    has_history: bool

    @property
    def id(self) -> UUID:
        return make_id("offering", self.provider, self.service)

    @property
    def terms(self) -> ServiceEntry:
        return services()[self.service]

    @property
    def is_at_site(self) -> bool:
        return self.terms.here


def offers() -> Iterator[Offer]:
    """Give all offerings of all providers."""
    for provider in providers():
        for service in provider.offers:
            yield Offer(
                provider.slug,
                service,
                provider.istat,
                provider.area,
                provider.price_bps,
                service in provider.history,
            )


async def load(session: AsyncSession, world: World) -> int:
    """Write sites and offerings; return how many offerings."""
    made = list(offers())
    await write(session, Site, [_site(world, provider) for provider in providers()])
    await write(session, Offering, [_offering(world, offer) for offer in made])
    await write(
        session,
        OfferingArea,
        [{"offering_id": offer.id, "istat_code": code} for offer in made for code in _area(world, offer)],
    )
    await write(
        session,
        Price,
        [
            {
                "id": make_id("price", offer.provider, offer.service),
                "offering_id": offer.id,
                "price_cents": share_bps(offer.terms.price_cents, offer.price_bps) // 50 * 50,
                "valid_from": min(date(2026, 1, 1), world.founded.date()),
                "created_at": world.founded,
            }
            for offer in made
        ],
    )
    return len(made)


def _site(world: World, provider: ProviderEntry) -> Row:
    return {
        "id": make_id("site", provider.slug),
        "provider_id": world.organisations[provider.slug],
        "name": f"Sede di {world.places[provider.istat].name}",
        "street": f"{provider.street} {provider.number}",
        "postcode": world.places[provider.istat].postcode,
        "istat_code": provider.istat,
        "created_at": world.founded,
    }


def _offering(world: World, offer: Offer) -> Row:
    terms = offer.terms
    by_hand = terms.confirmation == "provider"
    return {
        "id": offer.id,
        "provider_id": world.organisations[offer.provider],
        "site_id": make_id("site", offer.provider) if offer.is_at_site else None,
        "name": f"{terms.name} ({world.places[offer.place].name})" if offer.is_at_site else terms.name,
        "description": terms.description,
        "category": terms.category,
        "mode": terms.mode,
        "unit": terms.unit,
        "vat_code": terms.vat,
        "min_age": terms.min_age,
        "max_age": terms.max_age,
        "confirmation": terms.confirmation,
        "response_hours": 48 if by_hand else 24,
        "min_notice_hours": 12 if terms.mode == "home_visit" else 2,
        "free_until_hours": 24,
        "late_fee_bps": 5000,
        "no_show_fee_bps": 10_000,
        "audience": "public",
        "access": terms.access,
        "metadata": {},
        "created_at": world.founded,
    }


def _area(world: World, offer: Offer) -> list[str]:
    """Return whom a home visit reaches; who comes to a site may come from anywhere."""
    if offer.is_at_site:
        return []
    if offer.area == "scalve":
        return list(SCALVE)
    district = offer.area.capitalize()
    return [code for code, place in world.places.items() if offer.area == "all" or place.district == district]


async def load_slots(session: AsyncSession, world: World) -> int:
    """Write the slots of the coming twelve weeks, and those of the season behind where there were bookings."""
    slots = [slot for offer in offers() for slot in _slots(world, offer)]
    await write(session, Slot, slots)
    return len(slots)


def _slots(world: World, offer: Offer) -> Iterator[Row]:
    terms = offer.terms
    for day in _days(world, offer):
        for written in terms.times:
            starts_at = rome(day, time.fromisoformat(written))
            yield {
                "id": slot_id(offer, day, written),
                "provider_id": world.organisations[offer.provider],
                "offering_id": offer.id,
                "starts_at": starts_at,
                "ends_at": starts_at + timedelta(minutes=terms.minutes),
                "capacity": terms.capacity,
                "created_at": world.founded,
            }


def slot_id(offer: Offer, day: date, written: str) -> UUID:
    """Return the id of an offering's slot on a day at a written time."""
    return make_id("slot", offer.provider, offer.service, day, written, at=rome(day, time()))


def _days(world: World, offer: Offer) -> Iterator[date]:
    """Give the working days on which an offering is open: no Italian holiday, no weekend."""
    terms = offer.terms
    first = terms.open_from or world.ago(HISTORY_DAYS if offer.has_history else 0).date()
    last = terms.open_to or world.start.date() + timedelta(weeks=WEEKS, days=-1)
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        if day.weekday() in terms.days and day not in HOLIDAYS:
            yield day
