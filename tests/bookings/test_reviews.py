"""Facts change after a booking: what credit may not pay any more is flagged, resolved, or cancelled in time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import ids
from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from tests.bookings.scene import NOW, Scene
from tests.bookings.test_guards import refused

December = Callable[[int], datetime]
GONE = {"cohabitation": [{"from": "2020-01-01", "to": "2026-12-05"}]}
BACK = {"cohabitation": [{"from": "2020-01-01", "to": None}]}


async def change(scene: Scene, facts: dict[str, Any]) -> None:
    await scene.by("employee").patch(f"/me/beneficiaries/{ids.encode('ben', scene.mother_id)}", facts)


async def units(scene: Scene, booking: dict[str, Any]) -> list[tuple[str, bool, str | None]]:
    read = await scene.by("employee").get(f"/me/bookings/{booking['id']}")
    return [(unit["status"], unit["needs_review"], unit["review_by"]) for unit in read["units"]]


async def mails(scene: Scene) -> list[str]:
    return [row[0] for row in await scene.world.execute("SELECT subject FROM outgoing_mail ORDER BY id")]


async def three(scene: Scene, december: December) -> dict[str, Any]:
    """Visits on 4, 10 and 11 December, confirmed: 67.50 of lot A."""
    return await scene.confirmed([await scene.slot(december(day)) for day in (4, 10, 11)])


async def test_who_moves_out_makes_later_visits_doubtful_and_coming_back_undoes_it(
    scene: Scene, december: December
) -> None:
    booking = await three(scene, december)
    await change(scene, GONE)
    assert await units(scene, booking) == [
        ("confirmed", False, None),
        ("confirmed", True, "2026-12-06T23:00:00Z"),
        ("confirmed", True, "2026-12-07T23:00:00Z"),
    ]
    assert await scene.lots() == ((52_50, 67_50), (300_00, 0))
    assert await mails(scene) == ["Una tua prenotazione ha bisogno di te"]
    events = "SELECT type FROM event WHERE object_kind = 'booking' ORDER BY id"
    assert [row[0] for row in await scene.world.execute(events)][-1] == "booking.changed"
    for asked, found in (("true", 1), ("false", 0)):
        listed = await scene.by("employee").get("/me/bookings", needs_review=asked)
        assert len(listed["data"]) == found
    await change(scene, BACK)
    assert await units(scene, booking) == [("confirmed", False, None)] * 3
    past = "SELECT version, relation FROM care.beneficiary_past ORDER BY version"
    assert await scene.world.execute(past) == [(1, "parent"), (2, "parent")]


@pytest.mark.parametrize(
    ("how", "lots", "status", "due_cents"),
    [
        ("own_money", ((97_50, 22_50), (300_00, 0)), "confirmed", 22_50),
        ("cancel", ((97_50, 22_50), (300_00, 0)), "cancelled", 0),
    ],
)
async def test_the_person_says_what_becomes_of_it(
    scene: Scene, december: December, how: str, lots: object, status: str, due_cents: int
) -> None:
    booking = await three(scene, december)
    early = await scene.mine(booking["id"], "resolve_review", {"how": how})
    assert (early.status_code, early.json()["state"]) == (409, "confirmed")
    await change(scene, GONE)
    first, doubtful = [unit["id"] for unit in booking["units"]][:2]
    sound = await scene.mine(booking["id"], "resolve_review", {"how": how, "unit_ids": [first]})
    assert sound.status_code == 409
    answer = await scene.mine(booking["id"], "resolve_review", {"how": how, "unit_ids": [doubtful]})
    assert answer.status_code == 200
    assert [unit["needs_review"] for unit in answer.json()["units"]] == [False, False, True]
    rest = await scene.mine(booking["id"], "resolve_review", {"how": how})
    last = rest.json()["units"][1:]
    assert [(unit["status"], unit["own_money_due_cents"]) for unit in last] == [(status, due_cents)] * 2
    assert await scene.lots() == lots
    again = await scene.mine(booking["id"], "resolve_review", {"how": how})
    assert again.status_code == 409
    if how == "own_money":
        funding = [{"source": "own_money", "source_id": None, "amount_cents": 22_50, "rule_code": None}]
        assert [unit["funding"] for unit in last] == [funding] * 2
        theirs = await scene.by("manager").get(f"/providers/{scene.provider.public_id}/bookings/{booking['id']}")
        assert [unit["to_collect_cents"] for unit in theirs["units"]] == [0, 22_50, 22_50]
        await scene.world.set_now(december(11) + timedelta(hours=1))
        assert (await scene.theirs(booking["id"], "deliver")).status_code == 200
        assert await scene.lots() == ((97_50, 0), (300_00, 0))


async def test_a_doubtful_visit_is_cancelled_free_however_late(scene: Scene) -> None:
    booking = await scene.confirmed([await scene.slot(NOW + timedelta(hours=5))])
    await change(scene, {"cohabitation": []})
    assert (await units(scene, booking))[0][2] == (NOW + timedelta(hours=3)).isoformat().replace("+00:00", "Z")
    preview = await scene.by("employee").get(f"/me/bookings/{booking['id']}/cancellation_preview")
    assert (preview["fee_cents"], preview["released_cents"]) == (0, 22_50)
    assert (await scene.mine(booking["id"], "cancel")).status_code == 200
    assert await units(scene, booking) == [("cancelled", False, None)]


async def test_nothing_is_taken_for_a_doubtful_visit(scene: Scene, december: December) -> None:
    booking = await three(scene, december)
    await change(scene, {"cohabitation": []})
    await scene.world.set_now(december(4) + timedelta(hours=2))
    for verb in ("deliver", "no_show"):
        assert (await scene.theirs(booking["id"], verb)).status_code == 409
    assert (await scene.mine(booking["id"], "resolve_review", {"how": "own_money"})).status_code == 200
    late = [unit["id"] for unit in booking["units"]][:1]
    gone = await scene.mine(booking["id"], "resolve_review", {"how": "cancel", "unit_ids": late})
    assert (gone.status_code, gone.json()["state"]) == (409, "confirmed")
    taken = (
        "UPDATE care.unit SET status = 'delivered', status_at = :at, complete_at = :at, needs_review = false,"
        " review_by = NULL WHERE needs_review"
    )
    assert await refused(scene, taken, at=december(4)) == "unit_needs_review_waits"
    unset = "UPDATE care.unit SET review_by = NULL WHERE needs_review"
    assert await refused(scene, unset) == "unit_review_has_deadline"
    mine = "SELECT care.pay_with_own_money(array_agg(id), array_agg(gen_random_uuid())) FROM care.unit WHERE {}"
    assert await refused(scene, mine.format("needs_review")) == "leg_own_money_after_review"  # its credit is held
    assert await refused(scene, mine.format("NOT needs_review")) == "leg_own_money_after_review"
    assert await refused(scene, "DELETE FROM care.leg") == "InsufficientPrivilege"
    assert await refused(scene, "DELETE FROM care.beneficiary_past") == "InsufficientPrivilege"


async def test_another_rule_may_pay_instead(scene: Scene, december: December) -> None:
    """Eighty years old she is cared for under one letter; if she were sixty, under another."""
    booking = await three(scene, december)
    await change(scene, {"birth_date": "1966-03-01"})
    read = await scene.by("employee").get(f"/me/bookings/{booking['id']}")
    assert [leg["rule_code"] for unit in read["units"] for leg in unit["funding"]] == ["C2_F"] * 3
    assert await units(scene, booking) == [("confirmed", False, None)] * 3


async def test_after_a_death_visits_end_free_for_everybody(scene: Scene, december: December) -> None:
    booking = await three(scene, december)
    own = await scene.book([await scene.slot(december(12))], credit={"mode": "none"})
    await scene.theirs(own["id"], "confirm")
    await scene.world.set_now(december(4) + timedelta(hours=2))
    await change(scene, {"died_on": "2026-12-04"})
    assert [status for status, _, _ in await units(scene, booking)] == ["confirmed", "cancelled", "cancelled"]
    assert await units(scene, own) == [("cancelled", False, None)]
    assert await scene.lots() == ((97_50, 22_50), (300_00, 0))
    quote = await scene.quote([await scene.slot(december(20))])
    assert (quote.status_code, quote.json()["code"]) == (422, "beneficiary_not_eligible")
    path = f"/v1/me/beneficiaries/{ids.encode('ben', scene.person.beneficiary_id)}"
    headers = {**scene.person.headers, "If-Match": '"1"'}
    alive = await scene.client.patch(path, json={"died_on": "2026-12-01"}, headers=headers)
    assert (alive.status_code, alive.json()["errors"][0]["code"]) == (422, "self")


async def test_what_nobody_resolves_is_cancelled_in_time_and_both_sides_are_told(
    fresh_scene: Scene, fresh_worker: Database, december: December
) -> None:
    scene = fresh_scene
    booking = await three(scene, december)
    await change(scene, GONE)
    await scene.world.set_now(december(6) + timedelta(hours=13, minutes=59))
    assert "bookings.cancel_unresolved_units" not in await run_sweeps(fresh_worker, SWEEPS)
    await scene.world.set_now(december(6) + timedelta(hours=14))
    ran = await run_sweeps(fresh_worker, SWEEPS)
    assert ran["bookings.cancel_unresolved_units"] == 1
    assert await units(scene, booking) == [
        ("confirmed", False, None),
        ("cancelled", False, None),
        ("confirmed", True, "2026-12-07T23:00:00Z"),
    ]
    ended = "SELECT at FROM care.unit_transition WHERE to_status = 'cancelled'"
    assert [row[0].isoformat() for row in await scene.world.execute(ended)] == ["2026-12-06T23:00:00+00:00"]
    assert {"Una novità su una tua prenotazione", "Visite cambiate"} < set(await mails(scene))
    assert "bookings.cancel_unresolved_units" not in await run_sweeps(fresh_worker, SWEEPS)


async def test_other_rules_decide_again(fresh_scene: Scene, fresh_worker: Database, december: December) -> None:
    """What was decided with other rules than those in force is looked at again, once."""
    scene = fresh_scene
    booking = await three(scene, december)
    assert "bookings.decide_again" not in await run_sweeps(fresh_worker, SWEEPS)
    await scene.world.execute("UPDATE care.leg SET rule_code = 'C2_F_QUATER'")
    await scene.world.execute("UPDATE care.booking SET rules_digest = 'of yesterday'")
    assert (await run_sweeps(fresh_worker, SWEEPS))["bookings.decide_again"] == 1
    read = await scene.by("employee").get(f"/me/bookings/{booking['id']}")
    assert [leg["rule_code"] for unit in read["units"] for leg in unit["funding"]] == ["C2_F_TER"] * 3
    assert "bookings.decide_again" not in await run_sweeps(fresh_worker, SWEEPS)
