"""The provider's day: visits by start, many confirmed or delivered at once; what the person reads again of her own."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app import ids
from tests.bookings.scene import Scene

December = Callable[[int], datetime]


class Day:
    """The visits as the manager sees them."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.path = f"/v1/providers/{scene.provider.public_id}/visits"
        self.headers = scene.provider.headers["manager"]

    async def read(self, **query: Any) -> list[dict[str, Any]]:
        answer = await self.scene.client.get(self.path, params=query, headers=self.headers)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    async def units(self, **query: Any) -> list[str]:
        return [visit["id"] for visit in await self.read(**query)]

    async def do(self, verb: str, unit_ids: list[str], **more: Any) -> httpx.Response:
        body = {"unit_ids": unit_ids, **more}
        headers = self.headers | self.scene.key()
        return await self.scene.client.post(f"{self.path}/{verb}", json=body, headers=headers)


@pytest.fixture
def day(scene: Scene) -> Day:
    return Day(scene)


def unit(booking: dict[str, Any], index: int = 0) -> str:
    return str(booking["units"][index]["id"])


async def test_visits_of_days_by_start(scene: Scene, day: Day, december: December) -> None:
    late, early = december(2) + timedelta(hours=3), december(2)
    series = await scene.book([await scene.slot(late), await scene.slot(december(5))])
    single = await scene.confirmed([await scene.slot(early)])
    assert await day.units(date_from="2026-12-02") == [unit(single), unit(series)]
    assert await day.units(date_from="2026-12-02", order="-starts_at") == [unit(series), unit(single)]
    assert await day.units(date_from="2026-12-02", date_to="2026-12-05") == [
        unit(single), unit(series), unit(series, 1)
    ]  # fmt: skip
    assert await day.units(date_from="2026-12-02", status="requested") == [unit(series)]
    assert await day.units(date_from="2026-12-02", status=["requested", "confirmed"]) == [unit(single), unit(series)]
    assert await day.units(date_from="2026-12-02", offering_id=ids.encode("off", ids.new_id())) == []
    assert await day.units() == []
    await scene.world.set_now(early)
    (shown, _) = await day.read()
    assert (shown["booking_id"], shown["status"], shown["confirm_by"]) == (single["id"], "confirmed", None)
    assert (shown["beneficiary"]["given_name"], shown["site_name"]) != (None, "")
    assert "funding" not in shown


async def test_a_day_is_marked_delivered_at_once_or_not_at_all(scene: Scene, day: Day, december: December) -> None:
    made = [await scene.confirmed([await scene.slot(december(2) + timedelta(hours=hour))]) for hour in (0, 1)]
    unanswered = await scene.book([await scene.slot(december(2) + timedelta(hours=2))])
    await scene.world.set_now(december(2) + timedelta(minutes=90))
    named = [unit(one) for one in (*made, unanswered)]
    before = await scene.lots()
    refused = await day.do("deliver", named)
    assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
    assert (await scene.lots(), [one["status"] for one in await day.read()]) == (
        before, ["confirmed", "confirmed", "expired"],
    )  # fmt: skip
    foreign = ids.encode("unt", ids.new_id())
    unknown = await day.do("deliver", [*named[:2], foreign])
    assert (unknown.status_code, await scene.lots()) == (404, before)
    each = await day.do("deliver", [named[2], foreign, *named[:2]], mode="each")
    assert each.status_code == 200, each.text
    assert [(one["unit_id"], one["done"], one["status"], one["code"]) for one in each.json()["results"]] == [
        (named[2], False, None, "state_conflict"),
        (foreign, False, None, "not_found"),
        (named[0], True, "delivered", None),
        (named[1], True, "delivered", None),
    ]
    assert each.headers["content-language"] == "it"
    assert [one["status"] for one in await day.read()] == ["delivered", "delivered", "expired"]


async def test_many_requests_are_answered_whole(scene: Scene, day: Day, december: December) -> None:
    series = await scene.book([await scene.slot(december(2)), await scene.slot(december(5))])
    single = await scene.book([await scene.slot(december(2) + timedelta(hours=1))])
    answer = await day.do("confirm", [unit(single), unit(series)])
    assert answer.status_code == 200, answer.text
    assert [one["status"] for one in answer.json()["results"]] == ["confirmed", "confirmed"]
    assert [one["status"] for one in await day.read(date_from="2026-12-05")] == ["confirmed"]
    again = await day.do("confirm", [unit(single)])
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")
    twice = await day.do("confirm", [unit(single), unit(single)])
    assert (twice.status_code, twice.json()["errors"][0]["code"]) == (422, "not_distinct")


async def test_a_stranger_finds_no_visit(scene: Scene, day: Day, december: December) -> None:
    booking = await scene.book([await scene.slot(december(2))])
    other = await scene.world.provider("Another")
    path = f"/v1/providers/{other.public_id}/visits"
    headers = other.headers["manager"]
    assert (await scene.client.get(path, params={"date_from": "2026-12-02"}, headers=headers)).json()["data"] == []
    body = {"unit_ids": [unit(booking)]}
    refused = await scene.client.post(f"{path}/confirm", json=body, headers=headers | scene.key())
    assert (refused.status_code, (await day.read(date_from="2026-12-02"))[0]["status"]) == (404, "requested")


async def test_the_persons_filters(scene: Scene, december: December) -> None:
    first = await scene.confirmed([await scene.slot(december(2))])
    await scene.world.set_now(december(1))
    second = await scene.book([await scene.slot(december(9))])

    async def found(**query: Any) -> list[str]:
        answer = await scene.client.get("/v1/me/bookings", params=query, headers=scene.person.headers)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    assert await found(date_from="2026-12-02", date_to="2026-12-02") == [first["id"]]
    assert await found(beneficiary_id=ids.encode("ben", scene.mother_id)) == [second["id"], first["id"]]
    assert await found(beneficiary_id=ids.encode("ben", ids.new_id())) == []
    assert await found(offering_id=ids.encode("off", ids.new_id())) == []
    assert await found(status=["requested", "confirmed"], order="created_at") == [first["id"], second["id"]]
    assert await found(updated_since="2026-12-01T09:00:00Z") == [second["id"]]
    await scene.world.set_now(december(2) + timedelta(minutes=30))
    assert (await scene.theirs(first["id"], "deliver")).status_code == 200
    assert await found(updated_since="2026-12-02T09:00:00Z") == [first["id"]]


async def test_a_quote_is_read_again_by_its_person_only(scene: Scene, december: December) -> None:
    made = await scene.quote([await scene.slot(december(2))])
    path = f"/v1/me/quotes/{made.json()['id']}"
    assert made.headers["location"] == path
    again = await scene.client.get(path, headers=scene.person.headers)
    assert (again.status_code, again.json(), again.headers["content-language"]) == (200, made.json(), "it")
    english = await scene.client.get(path, headers=scene.person.headers | {"Accept-Language": "en"})
    assert english.json()["decisions"][0]["reason"] != made.json()["decisions"][0]["reason"]
    other = await scene.world.employee(scene.company)
    assert (await scene.client.get(path, headers=other.headers)).status_code == 404


async def test_the_wallet_says_what_was_paid_for(scene: Scene, december: December) -> None:
    booking = await scene.confirmed([await scene.slot(december(2))])
    await scene.world.set_now(december(2) + timedelta(minutes=30))
    assert (await scene.theirs(booking["id"], "deliver")).status_code == 200

    async def entries(**query: Any) -> list[dict[str, Any]]:
        path = "/v1/me/wallet/entries"
        answer = await scene.client.get(path, params=query, headers=scene.person.headers)
        assert answer.status_code == 200, answer.text
        data: list[dict[str, Any]] = answer.json()["data"]
        return data

    captured, *granted = await entries()
    assert captured["paid_for"] == {
        "booking_id": booking["id"],
        "unit_id": unit(booking),
        "offering_name": booking["offering_name"],
        "provider_name": booking["provider_name"],
        "service_on": "2026-12-02",
    }
    assert [(one["reason"], one["paid_for"]) for one in granted] == [("granted", None)] * 2
    assert await entries(date_from="2026-12-02") == [captured]
    assert await entries(lot_id=ids.encode("lot", scene.lot_b)) == [
        one for one in granted if one["lot_id"] == ids.encode("lot", scene.lot_b)
    ]
