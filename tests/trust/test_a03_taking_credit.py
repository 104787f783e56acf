"""A3: an invented provider takes no credit: it is admitted and accredited by others first, and never after the end."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from tests.catalogue.shop import OFFERING
from tests.people import join
from tests.settlements.books import open_books
from tests.world import Party, Person, World

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
VISIT = datetime(2026, 12, 1, 9, tzinfo=UTC)
GHOST = "ghost@evil.example"


class Scene:
    """An employee with credit for her mother, and a provider that the operator has just entered, alone."""

    def __init__(self, client: httpx.AsyncClient, world: World) -> None:
        self.client, self.world = client, world
        self.operator: Party
        self.person: Person
        self.manager: dict[str, str]
        self.provider_id = self.mother = self.alliance = self.offering = ""
        self.lot: Any = None

    async def post(self, path: str, headers: dict[str, str], body: Any = None, status: int = 201) -> Any:
        keyed = {**headers, "Idempotency-Key": ids.encode("evt", ids.new_id())}
        answer = await self.client.post(f"/v1{path}", json=body, headers=keyed)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def open(self) -> None:
        world = self.world
        self.operator = await world.operator()
        company = await world.company()
        self.person = await world.employee(company)
        self.alliance = ids.encode("all", await world.alliance())
        await world.set_now(NOW)
        self.lot = await world.lot(company, self.person, 300_00, date(2027, 5, 31))
        mother = await world.mother(self.person)
        self.mother = ids.encode("ben", mother)
        entered = {"name": "Fantasma", "kinds": ["provider"], "tax_code": "09991010167"}
        self.provider_id = (await self.post("/operator/organisations", self.as_operator, entered))["id"]
        path = f"/operator/organisations/{self.provider_id}/members"
        await self.post(path, self.as_operator, {"email": GHOST, "roles": ["admin", "manager"]})
        self.manager = await join(self.client, world, GHOST)
        base = f"/providers/{self.provider_id}/offerings"
        self.offering = (await self.post(base, self.manager, {**OFFERING, "confirmation": "instant"}))["id"]

    @property
    def as_operator(self) -> dict[str, str]:
        return self.operator.headers["operator"]

    async def slot(self, starts_at: datetime = VISIT) -> str:
        body = {"starts_at": starts_at.isoformat(), "ends_at": starts_at.replace(hour=10).isoformat(), "capacity": 3}
        path = f"/providers/{self.provider_id}/offerings/{self.offering}/slots"
        return str((await self.post(path, self.manager, body))["id"])

    async def quote(self, slot: str, status: int = 201, mode: str = "auto") -> Any:
        body = {
            "offering_id": self.offering, "beneficiary_id": self.mother, "slot_ids": [slot], "credit": {"mode": mode},
        }  # fmt: skip
        return await self.post("/me/quotes", self.person.headers, body, status)

    async def refused_quote(self, slot: str) -> None:
        quotes = "SELECT count(*) FROM care.quote"
        before = await self.world.scalar(quotes)
        assert (await self.quote(slot, 409))["code"] == "provider_not_accredited"
        assert await self.world.scalar(quotes) == before

    async def admit(self) -> str:
        body = {"organisation_id": self.provider_id, "role": "provider"}
        path = f"/alliances/{self.alliance}/memberships"
        return str((await self.post(path, self.world.coordinator, body))["id"])

    async def request(self, **more: Any) -> str:
        """Ask for the accreditation as the ghost does."""
        path = f"/providers/{self.provider_id}/accreditations"
        return str((await self.post(path, self.manager, {"alliance_id": self.alliance, **more}))["id"])

    async def decide(self, accreditation: str, verb: str = "approve", status: int = 200, who: Any = None) -> Any:
        path = f"/alliances/{self.alliance}/accreditations/{accreditation}/{verb}"
        return await self.post(path, who or self.world.coordinator, status=status)

    async def end(self, membership: str) -> None:
        path = f"/alliances/{self.alliance}/memberships/{membership}/end"
        await self.post(path, self.world.coordinator, status=200)

    async def accredited(self) -> str:
        membership = await self.admit()
        await self.decide(await self.request())
        return membership


@pytest.fixture
async def scene(client: httpx.AsyncClient, world: World) -> Scene:
    made = Scene(client, world)
    await made.open()
    return made


async def test_neither_alone_is_enough(scene: Scene) -> None:
    slot = await scene.slot()
    await scene.refused_quote(slot)
    accreditation = await scene.request()
    assert (await scene.decide(accreditation, status=409))["state"] == "not_admitted"
    await scene.refused_quote(slot)
    await scene.admit()
    await scene.refused_quote(slot)
    approved = await scene.decide(accreditation)
    assert (approved["status"], approved["valid_from"], approved["valid_to"]) == ("approved", "2026-11-23", None)
    quoted = await scene.quote(slot)
    assert quoted["credit_cents"] == 22_50
    booked = await scene.post("/me/bookings", scene.person.headers, {"quote_id": quoted["id"]})
    assert booked["status"] == "confirmed"
    assert await scene.world.balances(scene.lot) == (277_50, 22_50)


async def test_another_place_in_the_alliance_is_no_admission(scene: Scene) -> None:
    """A partner's or a municipality's own services are admitted as a provider's are."""
    body = {"organisation_id": scene.provider_id, "role": "partner"}
    await scene.post(f"/alliances/{scene.alliance}/memberships", scene.world.coordinator, body)
    accreditation = await scene.request()
    assert (await scene.decide(accreditation, status=409))["state"] == "not_admitted"
    await scene.refused_quote(await scene.slot())
    await scene.admit()
    assert (await scene.decide(accreditation))["status"] == "approved"


async def test_own_money_needs_no_accreditation(scene: Scene) -> None:
    quoted = await scene.quote(await scene.slot(), mode="none")
    assert (quoted["credit_cents"], quoted["own_money_cents"]) == (0, 22_50)


async def test_an_accreditation_is_for_its_categories_and_days(scene: Scene) -> None:
    await scene.admit()
    await scene.decide(await scene.request(categories=["physiotherapy"]))
    slot, later = await scene.slot(), await scene.slot(VISIT.replace(day=10))
    await scene.refused_quote(slot)
    await scene.decide(await scene.request(categories=["home_help"], valid_from="2026-12-02"))
    await scene.refused_quote(slot)
    assert (await scene.quote(later))["credit_cents"] == 22_50
    listed = await scene.client.get(f"/v1/alliances/{scene.alliance}/accreditations", headers=scene.world.coordinator)
    newest = listed.json()["data"][0]
    assert (await scene.decide(newest["id"], "end"))["valid_to"] == "2026-12-02"
    await scene.refused_quote(later)


async def test_whoever_made_or_serves_it_does_not_accredit_it(scene: Scene) -> None:
    """The operator who entered it becomes coordinator too, and so does the ghost: both are still who they are."""
    await scene.admit()
    lead = await scene.world.scalar("SELECT lead_organisation_id FROM alliance")
    ghost = await scene.world.scalar("SELECT id FROM user_account WHERE email = :email", email=GHOST)
    for user, headers in ((scene.operator.users["operator"], scene.as_operator), (ghost, scene.manager)):
        await scene.world.membership(user, lead, "coordinator")
        body = {"provider_id": scene.provider_id, "alliance_id": scene.alliance}
        asked = await scene.post("/operator/accreditations", scene.as_operator, body)
        refused = await scene.decide(asked["id"], status=403, who=headers)
        assert refused["code"] == "approver_is_maker"
        assert (await scene.decide(asked["id"], "refuse"))["status"] == "refused"
    assert await scene.world.scalar("SELECT count(*) FROM accreditation WHERE status = 'approved'") == 0
    await scene.refused_quote(await scene.slot())


async def test_nothing_after_the_admission_ended(scene: Scene) -> None:
    membership = await scene.accredited()
    await scene.world.set_now(datetime(2026, 11, 23, 22, 58, tzinfo=UTC))  # two minutes before midnight in Italy
    slot, later = await scene.slot(), await scene.slot(VISIT.replace(day=2))
    delivered = await scene.quote(slot)
    booked = await scene.post("/me/bookings", scene.person.headers, {"quote_id": delivered["id"]})
    waiting = await scene.quote(later)
    await scene.end(membership)
    await scene.world.set_now(datetime(2026, 11, 23, 23, 2, tzinfo=UTC))
    await scene.refused_quote(later)
    refused = await scene.post("/me/bookings", scene.person.headers, {"quote_id": waiting["id"]}, 409)
    assert refused["code"] == "provider_not_accredited"
    assert await scene.world.scalar("SELECT count(*) FROM care.booking") == 1
    assert await scene.world.balances(scene.lot) == (277_50, 22_50)
    await scene.world.set_now(datetime(2026, 12, 1, 11, tzinfo=UTC))
    path = f"/providers/{scene.provider_id}/bookings/{booked['id']}"
    for verb in ("deliver", "no_show"):
        assert (await scene.post(f"{path}/{verb}", scene.manager, {}, 409))["code"] == "provider_not_accredited"
    assert await scene.world.balances(scene.lot) == (277_50, 22_50)


async def test_who_comes_back_is_accredited_anew(scene: Scene) -> None:
    membership = await scene.accredited()
    await scene.end(membership)
    await scene.world.set_now(datetime(2026, 11, 25, 8, tzinfo=UTC))
    await scene.admit()
    await scene.refused_quote(await scene.slot())


async def _refused(scene: Scene, statement: str, guard: str, **values: Any) -> None:
    async with scene.world.database.session() as session:
        await session.execute(text("SET LOCAL ROLE beatrice_app"))
        with pytest.raises(DBAPIError) as refusal:
            await session.execute(text(statement), values)
        await session.rollback()
    diagnosis = getattr(refusal.value.orig, "diag", None)
    assert diagnosis is not None
    assert (diagnosis.constraint_name or "denied") == guard


async def test_the_database_refuses_too(scene: Scene) -> None:
    accreditation = ids.decode("acr", await scene.request())
    membership = ids.decode("mem", await scene.admit())
    approval = (
        "UPDATE accreditation SET status = 'approved', membership_id = :membership, decided_by = {by},"
        " decided_at = requested_at WHERE id = :id"
    )
    values = {"id": accreditation, "membership": membership}
    ghost = "requested_by"
    operator = f"'{scene.operator.users['operator']}'"
    await _refused(scene, approval.format(by=ghost), "accreditation_approver_is_apart", **values)
    await _refused(scene, approval.format(by=operator), "accreditation_approver_is_apart", **values)
    await _refused(scene, approval.format(by="NULL"), "accreditation_approver_is_apart", **values)
    await scene.world.provider()
    other = {**values, "membership": await scene.world.scalar(
        "SELECT id FROM alliance_membership WHERE id <> :id", id=membership
    )}  # fmt: skip
    await _refused(scene, approval.format(by="gen_random_uuid()"), "accreditation_needs_admission", **other)
    for change in ("categories = '{a}'", "provider_id = gen_random_uuid()"):
        await _refused(scene, f"UPDATE accreditation SET {change}", "denied")
    await _refused(
        scene,
        # Attack: born approved
        "INSERT INTO accreditation (id, alliance_id, provider_id, valid_from, status, requested_by, requested_at,"
        " decided_by, decided_at, membership_id) SELECT gen_random_uuid(), alliance_id, provider_id, valid_from,"
        " 'approved', gen_random_uuid(), requested_at, gen_random_uuid(), requested_at, :membership"
        " FROM accreditation WHERE id = :id",
        "accreditation_begins_requested",
        **values,
    )
    await _refused(scene, "DELETE FROM accreditation", "denied")
    await scene.decide(ids.encode("acr", accreditation))
    await _refused(scene, "UPDATE accreditation SET decided_by = gen_random_uuid()", "accreditation_transition")
    await scene.end(ids.encode("mem", membership))
    again = "UPDATE alliance_membership SET ended_on = NULL WHERE id = :membership"
    await _refused(scene, again, "alliance_membership_ends_once", membership=membership)


async def test_credit_is_refused_in_sql(world: World) -> None:
    books = await open_books(world)
    stranger = await world.provider(accredited=False)
    with pytest.raises(DBAPIError) as refusal:
        await books.units(stranger, [22_50])
    assert refusal.value.orig is not None
    assert refusal.value.orig.diag.constraint_name == "leg_provider_takes_credit"  # type: ignore[attr-defined]
    assert await world.scalar("SELECT count(*) FROM care.unit") == 0
