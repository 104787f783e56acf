"""What a quote allows, refuses and explains."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest

from app import ids
from tests.bookings.scene import NOW, Scene
from tests.production import ENVIRONMENT, changed, in_force

December = Callable[[int], datetime]


async def test_own_money_when_credit_is_not_wanted(scene: Scene, december: December) -> None:
    quote = (await scene.quote([await scene.slot(december(2))], credit={"mode": "none"})).json()
    assert (quote["credit_cents"], quote["own_money_cents"]) == (0, 22_50)
    assert quote["units"][0]["funding"] == [
        {"source": "own_money", "source_id": None, "amount_cents": 22_50, "rule_code": None}
    ]
    booking = await scene.book([await scene.slot(december(3))], credit={"mode": "none"})
    assert booking["own_money_due_cents"] == 22_50
    assert await scene.lots() == ((120_00, 0), (300_00, 0))


@pytest.fixture
def own_keys() -> Iterator[None]:
    """What is sealed here can be read in production."""
    with changed(BEATRICE_SECRET_KEYS=ENVIRONMENT["BEATRICE_SECRET_KEYS"]):
        yield


@pytest.mark.usefixtures("own_keys")
async def test_production_lets_no_credit_pay_on_rows_that_nobody_signed(scene: Scene, december: December) -> None:
    slot = await scene.slot(december(2))
    with in_force():
        refused = await scene.quote([slot])
        own = await scene.quote([slot], credit={"mode": "none"})
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (409, "rules_not_signed")
    assert problem["rows"] == [
        "rule/C2_F_TER/2016-01-01",
        "category/home_help/C2_F_TER/2016-01-01",
        "relation/parent/2025-01-01",
        "limit/elderly_age/2016-01-01",
    ]
    assert (own.json()["own_money_cents"], own.json()["decisions"][0]["code"]) == (22_50, "rule_unsigned")
    assert await scene.world.scalar("SELECT count(*) FROM care.quote") == 1


async def test_a_quote_lives_as_long_as_its_provider_agreed(scene: Scene, december: December) -> None:
    by, slots = scene.provider.users["manager"], [await scene.slot(december(2))]
    await scene.world.say(by, "quote_minutes", 5, NOW.date())
    await scene.world.say(by, "quote_minutes", 30, NOW.date(), organisation_id=scene.provider.id)
    quote_id = ids.decode("qte", (await scene.quote(slots)).json()["id"])
    life = await scene.world.scalar("SELECT expires_at - created_at FROM care.quote WHERE id = :id", id=quote_id)
    assert life == timedelta(minutes=30)


async def test_up_to_pays_whole_units_only(scene: Scene, december: December) -> None:
    slots = [await scene.slot(december(day)) for day in (2, 3, 4)]
    quote = (await scene.quote(slots, credit={"mode": "up_to", "max_cents": 50_00})).json()
    assert (quote["credit_cents"], quote["own_money_cents"]) == (45_00, 22_50)
    odd = await scene.quote(slots, credit={"mode": "up_to"})
    assert (odd.status_code, odd.json()["errors"][0]["pointer"]) == (422, "/credit/max_cents")


async def test_a_relative_living_elsewhere_is_refused_under_the_strict_reading(
    scene: Scene, december: December
) -> None:
    aunt = await scene.world.beneficiary(scene.person.user_id, "parent", date(1940, 1, 1))
    body = {
        "offering_id": ids.encode("off", scene.offering_id),
        "beneficiary_id": ids.encode("ben", aunt),
        "slot_ids": [await scene.slot(december(2))],
    }
    answer = await scene.client.post(
        "/v1/me/quotes", json=body, headers=scene.person.headers | {"Accept-Language": "en"}
    )
    quote = answer.json()
    assert quote["credit_cents"] == 0
    assert quote["decisions"][0]["allowed"] is False
    assert quote["decisions"][0]["code"] == "relative_not_eligible"


async def test_age_and_territory_are_refused(scene: Scene, december: December) -> None:
    nursery = await scene.world.offering(
        scene.provider, category="nursery", mode="session", unit="month", service_area=(), max_age=3
    )
    slot = ids.encode("slt", await scene.world.slot(scene.provider, nursery, december(2)))
    body = {
        "offering_id": ids.encode("off", nursery),
        "beneficiary_id": ids.encode("ben", scene.mother_id),
        "slot_ids": [slot],
    }
    answer = await scene.client.post("/v1/me/quotes", json=body, headers=scene.person.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "beneficiary_not_eligible")
    far = await scene.world.beneficiary(scene.person.user_id, "parent", date(1940, 1, 1), istat_code="058091")
    home = body | {
        "offering_id": ids.encode("off", scene.offering_id),
        "beneficiary_id": ids.encode("ben", far),
        "slot_ids": [await scene.slot(december(2))],
    }
    answer = await scene.client.post("/v1/me/quotes", json=home, headers=scene.person.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "beneficiary_not_eligible")


async def test_slots_that_cannot_be_booked(scene: Scene, december: December) -> None:
    past = await scene.slot(NOW - timedelta(hours=1))
    answer = await scene.quote([past])
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_closed")
    full = await scene.slot(december(2))
    await scene.book([full])
    answer = await scene.quote([full])
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_full")
    answer = await scene.quote([full, full])
    assert answer.status_code == 422
    foreign = ids.encode("slt", ids.new_id())
    assert (await scene.quote([foreign])).status_code == 404


async def test_anothers_beneficiary_is_absent(scene: Scene, december: December) -> None:
    other = await scene.world.employee(scene.company)
    body = {
        "offering_id": ids.encode("off", scene.offering_id),
        "beneficiary_id": ids.encode("ben", other.beneficiary_id),
        "slot_ids": [await scene.slot(december(2))],
    }
    answer = await scene.client.post("/v1/me/quotes", json=body, headers=scene.person.headers)
    assert answer.status_code == 404


async def test_a_quote_dies_after_a_quarter_of_an_hour(scene: Scene, december: December) -> None:
    quote = (await scene.quote([await scene.slot(december(2))])).json()
    await scene.world.set_now(NOW + timedelta(minutes=16))
    answer = await scene.client.post(
        "/v1/me/bookings", json={"quote_id": quote["id"]}, headers=scene.person.headers | scene.key()
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "quote_expired")


async def test_changed_facts_void_the_quote(scene: Scene, december: December) -> None:
    quote = (await scene.quote([await scene.slot(december(2))])).json()
    await scene.world.execute("UPDATE care.beneficiary SET version = version + 1 WHERE relation = 'parent'")
    answer = await scene.client.post(
        "/v1/me/bookings", json={"quote_id": quote["id"]}, headers=scene.person.headers | scene.key()
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "beneficiary_not_eligible")


async def test_credit_gone_since_the_quote(scene: Scene, december: December) -> None:
    dear = await scene.world.offering(scene.provider, price_cents=250_00)
    bodies = []
    for day in (2, 3):
        slot = ids.encode("slt", await scene.world.slot(scene.provider, dear, december(day)))
        answer = await scene.client.post(
            "/v1/me/quotes",
            json={
                "offering_id": ids.encode("off", dear),
                "beneficiary_id": ids.encode("ben", scene.mother_id),
                "slot_ids": [slot],
            },
            headers=scene.person.headers,
        )
        bodies.append({"quote_id": answer.json()["id"]})
    first, second = [
        await scene.client.post("/v1/me/bookings", json=body, headers=scene.person.headers | scene.key())
        for body in bodies
    ]
    assert first.status_code == 201
    assert (second.status_code, second.json()["code"]) == (409, "insufficient_credit")
    assert second.json()["available_cents"] == 170_00
    assert await scene.lots() == ((0, 120_00), (170_00, 130_00))
    assert await scene.world.scalar("SELECT sum(taken) FROM slot") == 1


async def test_a_slot_is_asked_for_once(scene: Scene, december: Callable[[int], datetime]) -> None:
    slot = await scene.slot(december(2), 2)
    answer = await scene.quote([slot, slot])
    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/slot_ids", "not_distinct")]


async def test_what_is_for_companies_needs_a_present_employment(scene: Scene, december: December) -> None:
    await scene.world.execute("UPDATE offering SET audience = 'companies'")
    slots = [await scene.slot(december(2))]
    assert (await scene.quote(slots)).status_code == 201
    for hired, ended in (("2020-01-01", "2026-11-22"), ("2026-11-24", None)):
        await scene.world.execute(
            "UPDATE employee SET hired_on = CAST(:hired AS date), ended_on = CAST(:ended AS date)",
            hired=hired, ended=ended,
        )  # fmt: skip
        refused = await scene.quote(slots)
        assert (refused.status_code, refused.json()["code"]) == (409, "offering_not_available")
