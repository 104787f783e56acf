"""What an employer must not learn: people who book, come or stay away, cancel, contest, or let everything be.

The plan of every booking is drawn from one bag without putting back, so that whoever uses care at all has been through
every state of a booking within a few stops.
"""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from app import clock, ids
from tests.world import Party, Person


@dataclass(frozen=True)
class Step:
    """Who does what with a booking, so many hours after it was made or after its first start."""

    hours: int
    after: str
    who: str
    verb: str
    body: dict[str, Any] = field(default_factory=dict)


def at_once(who: str, verb: str, **body: Any) -> Step:
    return Step(1, "booking", who, verb, body)


def around(hours: int, who: str, verb: str, **body: Any) -> Step:
    return Step(hours, "start", who, verb, body)


REASON = {"reason": "Prova"}
CONFIRM, DELIVER = at_once("provider", "confirm"), around(2, "provider", "deliver")
CONTEST = around(30, "person", "disputes", **REASON)
PLANS: dict[str, tuple[Step, ...]] = {
    "silence": (),  # a request expires, what is confirmed is released after a month
    "quote only": (),
    "own money": (CONFIRM, DELIVER),
    "delivered": (CONFIRM, DELIVER),
    "acknowledged": (CONFIRM, DELIVER, around(26, "person", "acknowledge")),
    "reverted": (CONFIRM, DELIVER, around(3, "provider", "revert")),
    "not there": (CONFIRM, around(2, "provider", "no_show")),
    "not there, contested": (CONFIRM, around(2, "provider", "no_show"), CONTEST),
    "contested": (CONFIRM, DELIVER, CONTEST),
    "upheld": (CONFIRM, DELIVER, CONTEST, around(60, "operator", "resolve", outcome="upheld", **REASON)),
    "rejected": (CONFIRM, DELIVER, CONTEST, around(60, "operator", "resolve", outcome="rejected", **REASON)),
    "declined": (at_once("provider", "decline", **REASON),),
    "called off": (CONFIRM, around(-20, "provider", "cancel", **REASON)),
    "cancelled": (at_once("person", "cancel"),),
    "cancelled late": (CONFIRM, around(-2, "person", "cancel")),
    "two visits": (CONFIRM, around(1, "person", "cancel"), DELIVER),
    "a relative's": (CONFIRM, DELIVER),
}
CHILD = {"given_name": "Luca", "family_name": "Esempio", "relation": "child", "birth_date": "2020-03-01",
         "address": {"street": "Via Mazzini 2", "postcode": "24021", "istat_code": "016004"}}  # fmt: skip


@dataclass
class Care:
    """A provider, what it offers and when, and who decides what is contested: the same in every twin."""

    provider: Party
    operator: Party
    slots: dict[UUID, list[tuple[datetime, UUID]]]


@dataclass
class Event:
    """A step of a booking's plan at its instant."""

    at: datetime
    step: Step
    person: Person
    booked: dict[str, Any]


@dataclass
class UseOfCare:
    """One twin's use of care; `appetite` is the share of people who book before a stop."""

    care: Care
    persons: list[Person]
    client: httpx.AsyncClient
    chance: random.Random
    appetite: float
    bag: list[str] = field(default_factory=list)
    ahead: list[Event] = field(default_factory=list)
    history: list[str] = field(default_factory=list)

    async def book(self) -> None:
        """Let some people book what begins within the next weeks."""
        for person in self.persons:
            if self.chance.random() < self.appetite:
                if not self.bag:
                    self.bag = self.chance.sample(list(PLANS), len(PLANS))
                await self._book(person, self.bag.pop())

    async def _book(self, person: Person, plan: str) -> None:
        offering_id = self.chance.choice(list(self.care.slots))
        first = clock.now() + timedelta(hours=30)
        free = [slot for slot in self.care.slots[offering_id] if slot[0] > first][:6]
        if len(free) < 2:
            return
        chosen = sorted(self.chance.sample(free, 2 if plan == "two visits" else 1))
        beneficiary_id = ids.encode("ben", person.beneficiary_id)
        if plan == "a relative's":
            beneficiary_id = (await self._act(person.headers, "/v1/me/beneficiaries", CHILD))["id"]
        wanted = {
            "offering_id": ids.encode("off", offering_id),
            "beneficiary_id": beneficiary_id,
            "slot_ids": [ids.encode("slt", slot_id) for _, slot_id in chosen],
            "credit": {"mode": "none" if plan == "own money" else "auto"},
        }
        quote = await self._act(person.headers, "/v1/me/quotes", wanted)
        if plan == "quote only" or "id" not in quote:
            return
        booked = await self._act(person.headers, "/v1/me/bookings", {"quote_id": quote["id"]})
        since = {"booking": clock.now(), "start": chosen[0][0]}
        for step in PLANS[plan] if "id" in booked else ():
            if step is CONFIRM and booked["status"] == "confirmed":
                continue
            self.ahead.append(Event(since[step.after] + timedelta(hours=step.hours), step, person, booked))

    def due(self, upto: datetime) -> list[Event]:
        """Take what happens until an instant, in its order."""
        found = sorted((event for event in self.ahead if event.at <= upto), key=lambda event: event.at)
        self.ahead = [event for event in self.ahead if event.at > upto]
        return found

    async def happen(self, event: Event) -> None:
        """Let one step happen, or be refused: by then the booking may have ended otherwise."""
        provider, step, person, booked = self.care.provider, event.step, event.person, event.booked
        match step.who:
            case "provider":
                path = f"/v1/providers/{provider.public_id}/bookings/{booked['id']}"
                await self._act(provider.headers["manager"], f"{path}/{step.verb}", step.body)
            case "operator":
                path = f"/v1/operator/disputes/{booked.get('dispute_id')}"
                await self._act(self.care.operator.headers["operator"], f"{path}/{step.verb}", step.body)
            case _:
                some = {} if step.verb == "acknowledge" else {"unit_ids": [booked["units"][-1]["id"]]}
                made = await self._act(
                    person.headers, f"/v1/me/bookings/{booked['id']}/{step.verb}", {**step.body, **some}
                )
                if step.verb == "disputes":
                    booked["dispute_id"] = made.get("id")

    async def _act(self, headers: dict[str, str], path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.client.post(path, json=body, headers={**headers, "Idempotency-Key": uuid4().hex})
        assert answer.status_code < 500, answer.text
        done: dict[str, Any] = answer.json()
        self.history.append(f"{path.rpartition('/')[2]} {answer.status_code} {done.get('code', done.get('status'))}")
        return done
