"""The demo's bookings: a season of them, in every state, made by the product's own actions at instants of the past."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
from app.beneficiaries.schemas import BeneficiaryUpdate
from app.bookings import employee_actions, jobs, provider_actions, reviewing
from app.bookings.booking import book
from app.bookings.quoting import quote
from app.bookings.schemas import CreditChoice
from app.db import Query
from app.sandbox import demo_disputes
from app.sandbox.demo_catalogue import Offer, offers
from app.sandbox.demo_parties import World
from app.sandbox.demo_people import beneficiary_id
from app.sandbox.demo_rows import rome

End = Literal[
    "completed",
    "acknowledged",
    "delivered",
    "in_progress",
    "confirmed",
    "requested",
    "declined",
    "expired",
    "cancelled",
    "cancelled_late",
    "no_show",
    "disputed",
    "disputed_upheld",
    "disputed_in_part",
    "disputed_rejected",
    "needs_review",
]
OF_MOTHERS = 1
"""The story of families where a mother lives with them."""
NOTES = ("Preferibilmente la stessa persona, grazie.", "Citofono al secondo piano.", None, None, None)


@dataclass(frozen=True, slots=True)
class FreeSlot:
    """The first free slot of a day."""

    id: UUID
    starts_at: datetime
    ends_at: datetime


FREE_SLOTS = Query(FreeSlot, "sandbox.free_slots")


@dataclass(frozen=True)
class Course:
    """So many bookings with the same fate, spread over some days from `first_day` (counted from the start) on."""

    end: End
    count: int
    first_day: int
    within_days: int
    units: int = 1
    lead: timedelta = timedelta(days=6)
    """From the booking to the midnight before the first unit."""


BEFORE = (
    Course("acknowledged", 12, -63, 25, units=2),
    Course("completed", 14, -62, 24, units=3),
    Course("declined", 2, -49, 10),
    Course("expired", 2, -47, 10),
    Course("cancelled", 2, -46, 10, units=2),
    Course("cancelled_late", 4, -42, 10),
    Course("no_show", 4, -41, 10),
)
SINCE = (
    Course("acknowledged", 4, -20, 7, units=2),
    Course("completed", 4, -19, 6),
    Course("delivered", 4, -4, 1),
    Course("in_progress", 4, -11, 3, units=2),
    Course("declined", 1, -11, 1),
    Course("expired", 1, -7, 1),
    Course("cancelled", 2, 3, 4),
    Course("cancelled_late", 1, -6, 2),
    Course("no_show", 1, -5, 2),
    Course("disputed", 1, -5, 1),
    Course("disputed_upheld", 1, -9, 1),
    Course("disputed_in_part", 1, -10, 1, units=2),
    Course("disputed_rejected", 1, -11, 1),
    Course("confirmed", 8, 8, 14, units=2, lead=timedelta(days=30)),
    Course("requested", 6, 10, 10, lead=timedelta()),
    Course("needs_review", 1, 12, 1, units=2, lead=timedelta(days=30)),
)
BY_HAND = frozenset({"declined", "expired", "requested"})
STORIES: tuple[tuple[tuple[int, str, str], ...], ...] = (
    ((2, "tate-della-valle", "babysitting"), (2, "nido-arcobaleno", "nursery_half")),
    ((1, "cooperativa-serio", "home_help"), (1, "rsa-honio", "day_centre")),
    ((1, "cooperativa-serio", "home_help"), (0, "cooperativa-serio", "physiotherapy")),
    ((1, "ludoteca-girotondo", "after_school"), (1, "logos", "speech_therapy")),
    ((1, "infermieri-valle", "home_nursing"), (1, "fondazione-santa-lucia", "day_centre")),
    ((1, "cooperativa-serio", "physiotherapy_home"), (0, "fisio-movimento", "physiotherapy")),
)
"""By family (demo_people.FAMILIES): for whom (a place in the family), at which provider, what."""


@dataclass(frozen=True)
class Person:
    """An employee about to book: who, for whom, what."""

    company: str
    number: int
    position: int
    offer: Offer

    @property
    def email(self) -> str:
        return f"employee{self.number}@{self.company}.example"


@dataclass(frozen=True)
class Booked:
    """A booking with what its further steps need."""

    id: UUID
    user_id: UUID
    provider_id: UUID
    status: str
    starts_at: datetime
    first_ends_at: datetime
    ends_at: datetime
    booked_at: datetime


async def load(session: AsyncSession, world: World, courses: tuple[Course, ...], people: Iterator[Person]) -> int:
    """Make the bookings of some courses; return how many."""
    made = 0
    for course in courses:
        for index in range(course.count):
            person = next(people)
            while not _fits(course, person):
                person = next(people)
            booked = await _book(session, world, course, index, person)
            await _finish(session, world, booked, course.end)
            if course.end == "needs_review":
                await _moves_out(session, world, person, booked.user_id)
            made += 1
    return made


def _fits(course: Course, person: Person) -> bool:
    """Whether somebody's booking can have a fate: answered by hand, or for a mother under the strict reading."""
    if course.end == "needs_review":
        return person.company == "orobia-stampi" and person.number % len(STORIES) == OF_MOTHERS
    return course.end not in BY_HAND or person.offer.terms.confirmation == "provider"


async def _moves_out(session: AsyncSession, world: World, person: Person, user_id: UUID) -> None:
    """Let whom somebody booked for live elsewhere soon: credit may not pay for what comes after."""
    relative = beneficiary_id(person.company, person.number, person.position)
    until = {"from": "2020-01-01", "to": world.ago(-3).date().isoformat()}
    with clock.stopped_at(world.ago(1)):
        facts = BeneficiaryUpdate.model_validate({"cohabitation": [until]}, strict=False)
        await reviewing.change_facts(session, Actor("user", user_id), relative, 1, facts)


def people_in_turn() -> Iterator[Person]:
    """Give employees who book, two of the largest company for one of the next, never employee1 of the largest."""
    by_key = {(offer.provider, offer.service): offer for offer in offers()}
    turn = 0
    while True:
        turn += 1
        company = "seriana-moto" if turn % 3 == 0 else "orobia-stampi"
        number = turn // 3 % 40 + 1 if company == "seriana-moto" else turn * 2 // 3 % 58 + 2
        pair = STORIES[number % len(STORIES)]
        position, provider, service = pair[turn // 2 % 2]
        yield Person(company, number, position, by_key[provider, service])


async def sweep(session: AsyncSession, until: datetime) -> None:
    """Let deadlines up to an instant have their effect, as the worker would have."""
    with clock.stopped_at(until):
        for deadline in jobs.SWEEPS:
            await deadline.run(session, until)


async def _book(session: AsyncSession, world: World, course: Course, index: int, person: Person) -> Booked:
    day = world.start.date() + timedelta(days=course.first_day + course.within_days * index // course.count)
    booked_at = rome(day, time()) - course.lead + timedelta(hours=9, minutes=7 * index)
    if course.end == "requested":
        booked_at = world.start - timedelta(minutes=37 * (index + 1))
    slots = await _slots(session, world, person.offer, course, day)
    user_id = world.users[person.email]
    with clock.stopped_at(booked_at):
        offered = await quote(
            session,
            user_id,
            offering_id=person.offer.id,
            beneficiary_id=beneficiary_id(person.company, person.number, person.position),
            slot_ids=[slot.id for slot in slots],
            credit=CreditChoice(),
            language="it",
        )
        booking = await book(session, user_id, offered.id, NOTES[index % len(NOTES)])
    booked = Booked(
        booking.id,
        user_id,
        world.organisations[person.offer.provider],
        booking.status,
        slots[0].starts_at,
        slots[0].ends_at,
        slots[-1].ends_at,
        booked_at,
    )
    if booked.status == "requested" and course.end not in BY_HAND:
        with clock.stopped_at(booked_at + timedelta(hours=3)):
            await provider_actions.confirm(session, booked.provider_id, booked.id)
    return booked


async def _slots(session: AsyncSession, world: World, offer: Offer, course: Course, day: date) -> list[FreeSlot]:
    """Return free slots on the next days; of a booking in progress the second is still to come."""
    days = [day, world.ago(-10).date()] if course.end == "in_progress" else [day]
    found: list[FreeSlot] = []
    for after in days:
        count = course.units if len(days) == 1 else 1
        found += await FREE_SLOTS.all(session, offering_id=offer.id, after=rome(after, time()), count=count)
    return found


async def _finish(session: AsyncSession, world: World, booked: Booked, end: End) -> None:
    """Take a booking to its end; what deadlines do (completion, expiry) is left to the sweep."""
    hour = timedelta(hours=1)
    match end:
        case "completed" | "delivered" | "acknowledged":
            with clock.stopped_at(booked.ends_at + hour):
                await provider_actions.deliver(session, booked.provider_id, booked.id, None)
            if end == "acknowledged":
                with clock.stopped_at(booked.ends_at + 12 * hour):
                    await employee_actions.acknowledge(session, booked.user_id, booked.id, None)
        case "in_progress":
            with clock.stopped_at(booked.first_ends_at + hour):
                await provider_actions.deliver(session, booked.provider_id, booked.id, None)
        case "declined":
            with clock.stopped_at(booked.booked_at + 5 * hour):
                await provider_actions.decline(
                    session, booked.provider_id, booked.id, "Nessun operatore libero in quei giorni"
                )
        case "cancelled":
            with clock.stopped_at(min(world.start, booked.starts_at - 48 * hour)):
                await employee_actions.cancel(session, booked.user_id, booked.id, None, "Non serve più")
        case "cancelled_late":
            with clock.stopped_at(booked.starts_at - 15 * hour):
                await employee_actions.cancel(session, booked.user_id, booked.id, None, "Influenza")
        case "no_show":
            with clock.stopped_at(booked.ends_at):
                await provider_actions.no_show(session, booked.provider_id, booked.id, None)
        case "disputed" | "disputed_upheld" | "disputed_in_part" | "disputed_rejected":
            with clock.stopped_at(booked.ends_at + hour):
                await provider_actions.deliver(session, booked.provider_id, booked.id, None)
            await demo_disputes.dispute(session, world, booked.user_id, booked.id, booked.ends_at + 6 * hour, end)
        case "confirmed" | "requested" | "expired" | "needs_review":
            pass
