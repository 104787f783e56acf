"""Whoever of a provider acts on a booking, or reads it, is named: care data are read by name only."""

from collections.abc import Callable
from datetime import datetime, timedelta

from app import ids
from tests.bookings.scene import Scene

December = Callable[[int], datetime]
ENTRIES = (
    "SELECT action, object_id FROM audit_entry WHERE actor_kind = 'user' AND actor_id = :actor"
    " AND organisation_id = :provider ORDER BY id"
)


async def entries(scene: Scene) -> list[tuple[str, str]]:
    manager = scene.provider.users["manager"]
    found = await scene.world.execute(ENTRIES, actor=manager, provider=scene.provider.id)
    prefixes = {"slot.cancel": "slt"}
    return [(action, ids.encode(prefixes.get(action, "bkg"), object_id)) for action, object_id in found]


async def test_each_verb_of_a_provider_names_who_used_it(scene: Scene, december: December) -> None:
    slots = [await scene.slot(december(day)) for day in (1, 2, 10, 11, 12)]
    declined = await scene.book(slots[3:4])
    assert (await scene.theirs(declined["id"], "decline", {"reason": "ill"})).status_code == 200
    booking = await scene.confirmed(slots[:3])
    units = {unit["slot_id"]: unit["id"] for unit in booking["units"]}
    await scene.world.set_now(december(2) + timedelta(hours=1))
    done = [("deliver", slots[0]), ("revert", slots[0]), ("no_show", slots[1])]
    for verb, slot in done:
        answer = await scene.theirs(booking["id"], verb, {"unit_ids": [units[slot]]})
        assert answer.status_code == 200, answer.text
    cancelled = await scene.theirs(booking["id"], "cancel", {"unit_ids": [units[slots[2]]], "reason": "ill"})
    assert cancelled.status_code == 200, cancelled.text
    slot_cancel = f"/v1/providers/{scene.provider.public_id}/slots/{slots[4]}/cancel"
    headers = scene.provider.headers["manager"] | scene.key()
    assert (await scene.client.post(slot_cancel, json={"reason": "ill"}, headers=headers)).status_code == 200
    assert await entries(scene) == [
        ("booking.decline", declined["id"]),
        *((f"booking.{verb}", booking["id"]) for verb in ("confirm", "deliver", "revert", "no_show", "cancel")),
        ("slot.cancel", slots[4]),
    ]


async def test_an_employees_acts_are_named_too(scene: Scene, december: December) -> None:
    kept = await scene.confirmed([await scene.slot(december(1))])
    given_up = await scene.book([await scene.slot(december(10))])
    assert (await scene.mine(given_up["id"], "cancel")).status_code == 200
    await scene.world.set_now(december(1) + timedelta(hours=1))
    assert (await scene.theirs(kept["id"], "deliver")).status_code == 200
    assert (await scene.mine(kept["id"], "acknowledge")).status_code == 200
    found = await scene.world.execute(
        "SELECT action, object_kind, object_id, organisation_id FROM audit_entry"
        " WHERE actor_kind = 'user' AND actor_id = :actor ORDER BY id",
        actor=scene.person.user_id,
    )
    assert found == [
        (f"booking.{verb}", "booking", ids.decode("bkg", booking["id"]), None)
        for verb, booking in (("create", kept), ("create", given_up), ("cancel", given_up), ("acknowledge", kept))
    ]


async def test_a_list_says_which_bookings_it_showed(scene: Scene, december: December) -> None:
    booked = [await scene.book([await scene.slot(december(day))]) for day in (1, 2)]
    url = f"/v1/providers/{scene.provider.public_id}/bookings"
    for limit, shown in ((1, booked[:0:-1]), (25, booked[::-1])):
        answer = await scene.client.get(url, params={"limit": limit}, headers=scene.provider.headers["manager"])
        assert [row["id"] for row in answer.json()["data"]] == [one["id"] for one in shown]
        told = await scene.world.scalar(
            "SELECT shown FROM audit_entry WHERE action = 'booking.list' ORDER BY id DESC LIMIT 1"
        )
        assert told == [ids.decode("bkg", one["id"]) for one in shown]


async def test_what_was_refused_leaves_no_entry(scene: Scene, december: December) -> None:
    booking = await scene.confirmed([await scene.slot(december(10))])
    before = await entries(scene)
    for verb, body in (("deliver", None), ("no_show", None), ("revert", None), ("decline", {"reason": "ill"})):
        assert (await scene.theirs(booking["id"], verb, body)).status_code == 409
    assert await entries(scene) == before
