"""What becomes of a person's credit if she books no more, and what she could still use it for."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
from app.beneficiaries import queries as beneficiaries
from app.beneficiaries.queries import BeneficiaryRow
from app.bookings import queries
from app.catalogue.queries import viewer_of
from app.config import settings
from app.credit import queries as credit
from app.credit.queries import Held, WalletLot
from app.credit.schemas import ForecastDayRead, PayableServiceRead, WalletForecastRead
from app.listing import Window
from app.rules.book import RuleBook, book_in_force
from app.rules.decisions import Question, decide
from app.search.queries import PAYABLE

MOST_HELD = Window("created_at", limit=10_000)
"""More than anybody has booked at once."""


async def forecast(session: AsyncSession, actor: Actor) -> WalletForecastRead:
    """Say what expires when, and what of the first could be used where she or hers live."""
    today = clock.today()
    living = [lot for lot in await credit.wallet(session, actor.user_id) if not lot.over(today)]
    held = (await credit.HELD.page(session, MOST_HELD, user_id=actor.user_id)).rows
    visits = await queries.paid_for(session, actor.user_id, [one.cause_id for one in held if one.cause_id])
    days = expiries(living, held, {unit_id: visit.service_on for unit_id, visit in visits.items()})
    first = next((day for day in days if day.amount_cents), None)
    services = [] if first is None else await _services(session, actor, living, first)
    return WalletForecastRead(expiries=days, services=services)


def expiries(lots: Iterable[WalletLot], held: Iterable[Held], days: Mapping[UUID, date]) -> list[ForecastDayRead]:
    """Return what expires on each last day; `days` are those of the units that credit is held for."""
    found = []
    for on, group in groupby(sorted(lots, key=lambda lot: lot.last_day), key=lambda lot: lot.last_day):
        together = {lot.id: lot for lot in group}
        available = sum(lot.posted_cents - lot.held_cents for lot in together.values())
        reserved = sum(lot.held_cents for lot in together.values())
        if available or reserved:
            later = (one for one in held if one.lot_id in together and one.cause_id and days.get(one.cause_id, on) > on)
            found.append(
                ForecastDayRead(
                    on=on,
                    amount_cents=available,
                    held_cents=reserved,
                    held_later_cents=sum(one.amount_cents for one in later),
                )
            )
    return found


async def _services(
    session: AsyncSession, actor: Actor, lots: Sequence[WalletLot], first: ForecastDayRead
) -> list[PayableServiceRead]:
    family = (await beneficiaries.beneficiaries(session, actor.user_id, Window("created_at"))).rows
    homes = sorted({one.istat_code for one in family if one.istat_code is not None})
    expiring = [lot for lot in lots if lot.last_day == first.on and lot.posted_cents > lot.held_cents]
    categories = payable(expiring, family, clock.today(), book_in_force(), refuse_unsigned=not settings().sandbox)
    if not homes or not categories:
        return []
    viewer = await viewer_of(session, actor)
    found = await PAYABLE.all(
        session,
        municipalities=homes,
        categories=categories,
        max_cents=first.amount_cents,
        today=clock.today(),
        now=clock.now(),
        before=clock.end_of(first.on),
        employed=viewer.employed,
        allied_providers=viewer.allied_providers,
    )
    return [
        PayableServiceRead(
            offering_id=one.id,
            offering_name=one.name,
            provider_name=one.provider_name,
            category=one.category,
            unit=one.unit,
            price_cents=one.price_cents,
        )
        for one in found
    ]


def payable(
    lots: Iterable[WalletLot], family: Sequence[BeneficiaryRow], on: date, book: RuleBook, *, refuse_unsigned: bool
) -> list[str]:
    """Return the categories that some of these lots may pay for somebody of the family; never as a fringe benefit."""
    facts = [beneficiaries.facts_of(one) for one in family]
    terms = {
        (frozenset(lot.rule_codes), lot.relatives_reading, None if lot.categories is None else tuple(lot.categories))
        for lot in lots
    }
    return sorted(
        {
            category.code
            for category in book.categories_on(on)
            for rule_codes, reading, limited in terms
            if (limited is None or category.code in limited) and rule_codes & set(category.rule_codes)
            for beneficiary in facts
            if decide(
                Question(
                    category=category.code,
                    beneficiary=beneficiary,
                    payment_form="direct",
                    on=on,
                    reading=reading,
                    refuse_unsigned=refuse_unsigned,
                    rule_codes=rule_codes,
                ),
                book,
            )[0].allowed
        }
    )
