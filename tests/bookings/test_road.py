from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import clock, ids
from tests.bookings.scene import NOW, Scene

December = Callable[[int], datetime]


async def test_quote_explains_and_reserves_nothing(scene: Scene, december: December) -> None:
    slot = await scene.slot(december(2))
    answer = await scene.quote([slot])
    assert answer.status_code == 201, answer.text
    quote = answer.json()
    assert (quote["total_cents"], quote["credit_cents"], quote["own_money_cents"]) == (22_50, 22_50, 0)
    assert quote["units"][0]["funding"][0]["rule_code"] == "C2_F_TER"
    rule = (
        "art. 51 c. 2 lett. f-ter TUIR (D.P.R. 917/1986), introdotta dalla L. 208/2015 art. 1 c. 190; art. 12 c. 4-ter"
        " TUIR (D.Lgs. 192/2025); art. 433 c.c.; prassi su art. 51 c. 2 lett. f-ter TUIR"
    )
    assert [(one["allowed"], one["citation"]) for one in quote["decisions"]] == [(True, rule)]
    assert quote["cancellation_policy"] == {"free_until_hours": 24, "late_fee_bps": 5000, "no_show_fee_bps": 10000}
    assert await scene.lots() == ((120_00, 0), (300_00, 0))


async def test_booking_holds_first_to_expire_first(scene: Scene, december: December) -> None:
    slots = [await scene.slot(december(day)) for day in (1, 2, 3, 4, 7)]
    with clock.stopped_at(NOW):
        booking = await scene.book(slots)
    assert booking["status"] == "requested"
    assert [unit["status"] for unit in booking["units"]] == ["requested"] * 5
    assert booking["credit_cents"] == 112_50
    assert booking["own_money_due_cents"] == 0
    assert booking["confirm_by"] == "2026-11-25T08:00:00Z"
    assert await scene.lots() == ((7_50, 112_50), (300_00, 0))
    read = await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)
    assert read.json() == booking


async def test_a_delivered_unit_completes_when_its_providers_time_is_over(scene: Scene, december: December) -> None:
    by = scene.provider.users["manager"]
    await scene.world.say(by, "acknowledge_hours", 144, NOW.date())
    await scene.world.say(by, "acknowledge_hours", 168, NOW.date(), organisation_id=scene.provider.id)
    booking = await scene.confirmed([await scene.slot(december(2))])
    await scene.world.set_now(december(2) + timedelta(hours=1))
    assert (await scene.theirs(booking["id"], "deliver")).status_code == 200
    waits = await scene.world.scalar("SELECT complete_at - delivered_at FROM care.unit")
    assert waits == timedelta(hours=168)


async def test_delivered_then_acknowledged_is_owed_to_the_provider(scene: Scene, december: December) -> None:
    slot = await scene.slot(december(2))
    booking = await scene.confirmed([slot])
    early = await scene.theirs(booking["id"], "deliver")
    assert (early.status_code, early.json()["code"], early.json()["state"]) == (409, "state_conflict", "confirmed")
    await scene.world.set_now(december(2) + timedelta(hours=1))
    delivered = await scene.theirs(booking["id"], "deliver")
    assert delivered.json()["status"] == "delivered", delivered.text
    assert await scene.lots() == ((97_50, 0), (300_00, 0))
    done = await scene.mine(booking["id"], "acknowledge")
    assert done.json()["status"] == "completed"
    payable = await scene.world.scalar(
        "SELECT sum(t.amount_cents) FROM ledger.transfer t JOIN provider p ON p.payable_account_id = t.to_account_id"
    )
    assert payable == 22_50


async def test_cancel_early_is_free_and_late_costs_half(scene: Scene, december: December) -> None:
    early, late = await scene.slot(december(10)), await scene.slot(december(2))
    booking = await scene.confirmed([late, early])
    units = {unit["slot_id"]: unit["id"] for unit in booking["units"]}
    await scene.world.set_now(december(2) - timedelta(hours=23))
    path = f"/v1/me/bookings/{booking['id']}/cancellation_preview"
    preview = await scene.client.get(path, params={"unit_ids": units[late]}, headers=scene.person.headers)
    assert preview.json() == {
        "fee_cents": 11_25,
        "fee_own_money_cents": 11_25,
        "fee_from_credit_cents": 0,
        "released_cents": 22_50,
        "free_until": "2026-12-01T09:00:00Z",
    }
    answer = await scene.mine(booking["id"], "cancel", {"reason": "influenza"})
    body = answer.json()
    assert [unit["status"] for unit in body["units"]] == ["cancelled_late", "cancelled"]
    assert body["own_money_due_cents"] == 11_25
    assert body["units"][0]["fee_source"] == "out_of_pocket"
    assert (body["status"], body["end_reason"]) == ("cancelled", "influenza")
    assert await scene.lots() == ((120_00, 0), (300_00, 0))
    again = await scene.mine(booking["id"], "cancel")
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")
    read = await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)
    assert read.json() == body
    assert await scene.lots() == ((120_00, 0), (300_00, 0))


async def test_silence_expires_and_a_late_answer_moves_no_money(scene: Scene, december: December) -> None:
    booking = await scene.book([await scene.slot(december(10))])
    await scene.world.set_now(NOW + timedelta(hours=49))
    late = await scene.theirs(booking["id"], "confirm")
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "already_resolved", "expired")
    assert await scene.lots() == ((97_50, 22_50), (300_00, 0))
    read = await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)
    assert read.json()["status"] == "expired"


async def test_decline_returns_everything(scene: Scene, december: December) -> None:
    booking = await scene.book([await scene.slot(december(10))])
    answer = await scene.theirs(booking["id"], "decline", {"reason": "nessun operatore libero"})
    assert answer.json()["status"] == "declined"
    assert await scene.lots() == ((120_00, 0), (300_00, 0))
    assert await scene.world.scalar("SELECT sum(taken) FROM slot") == 0


async def test_revert_brings_the_credit_back_under_a_hold(scene: Scene, december: December) -> None:
    booking = await scene.confirmed([await scene.slot(december(2))])
    await scene.world.set_now(december(3))
    await scene.theirs(booking["id"], "deliver")
    answer = await scene.theirs(booking["id"], "revert")
    assert answer.json()["status"] == "confirmed", answer.text
    assert await scene.lots() == ((97_50, 22_50), (300_00, 0))
    assert (await scene.theirs(booking["id"], "no_show")).json()["units"][0]["to_collect_cents"] == 22_50
    assert await scene.lots() == ((120_00, 0), (300_00, 0))


async def test_one_quote_makes_one_booking(scene: Scene, december: December) -> None:
    quote = (await scene.quote([await scene.slot(december(2), 5)])).json()
    first = await scene.client.post(
        "/v1/me/bookings", json={"quote_id": quote["id"]}, headers=scene.person.headers | scene.key()
    )
    second = await scene.client.post(
        "/v1/me/bookings", json={"quote_id": quote["id"]}, headers=scene.person.headers | scene.key()
    )
    assert (first.status_code, second.status_code, second.json()["code"]) == (201, 409, "already_resolved")
    assert await scene.lots() == ((97_50, 22_50), (300_00, 0))


@pytest.mark.parametrize("sent", [{}, {"json": {}}, {"json": {"reason": "malattia dell'operatore"}}])
async def test_provider_cancels_a_slot_with_everybody_in_it(
    scene: Scene, december: December, sent: dict[str, Any]
) -> None:
    slot = await scene.slot(december(2))
    booking = await scene.confirmed([slot])
    answer = await scene.client.post(
        f"/v1/providers/{scene.provider.public_id}/slots/{slot}/cancel",
        headers=scene.provider.headers["manager"] | scene.key(),
        **sent,
    )
    assert answer.json() == {"slot_id": slot, "cancelled_bookings": 1}
    told = await scene.world.execute("SELECT type, object_id, organisation_ids FROM event WHERE object_kind = 'slot'")
    assert told == [("slot.cancelled", ids.decode("slt", slot), [scene.provider.id])]
    read = (await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)).json()
    assert (read["status"], read["end_reason"]) == ("cancelled", sent.get("json", {}).get("reason"))
    assert await scene.lots() == ((120_00, 0), (300_00, 0))


async def test_a_booking_is_found_by_its_own_id_and_keeps_its_notes_to_its_person(
    scene: Scene, december: December
) -> None:
    slots = [await scene.slot(december(day)) for day in (1, 2)]
    quotes = [(await scene.quote([slot])).json()["id"] for slot in slots]
    me = scene.by("employee")
    own = {"external_id": "FAM-7", "metadata": {"pratica": "visita segreta"}}
    named = await me.post("/me/bookings", {"quote_id": quotes[0], **own})
    plain = await me.post("/me/bookings", {"quote_id": quotes[1]})
    assert {name: named[name] for name in own} == own
    assert (plain["external_id"], plain["metadata"]) == (None, {})
    assert (await me.get("/me/bookings", external_id="FAM-7"))["data"] == [await me.get(f"/me/bookings/{named['id']}")]
    theirs = await scene.by("manager").ask("GET", f"/providers/{scene.provider.public_id}/bookings/{named['id']}")
    assert "FAM-7" not in theirs.text
    assert "segreta" not in theirs.text
    stored = await scene.world.execute("SELECT to_jsonb(b)::text AS row FROM care.booking b")
    assert [row for row in stored if "segreta" in row.row] == []


@pytest.mark.parametrize(
    ("own", "pointer"),
    [
        ({"external_id": ""}, "/external_id"),
        ({"external_id": "a" * 65}, "/external_id"),
        ({"external_id": "a\nb"}, "/external_id"),
        ({"external_id": 7}, "/external_id"),
        ({"metadata": {"a": "b" * 501}}, "/metadata/?"),
        ({"metadata": {"a": 1}}, "/metadata/?"),
        ({"metadata": {"a": "\0"}}, ""),
        ({"metadata": {f"n{number}": "" for number in range(51)}}, "/metadata"),
        ({"metadata": []}, "/metadata"),
    ],
)
async def test_notes_out_of_bounds_book_nothing(
    scene: Scene, december: December, own: dict[str, Any], pointer: str
) -> None:
    quote = (await scene.quote([await scene.slot(december(1))])).json()["id"]
    refused = await scene.by("employee").ask("POST", "/me/bookings", {"quote_id": quote, **own})
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["pointer"].startswith(pointer)
    assert await scene.world.scalar("SELECT count(*) FROM care.booking") == 0
    assert await scene.lots() == ((120_00, 0), (300_00, 0))
