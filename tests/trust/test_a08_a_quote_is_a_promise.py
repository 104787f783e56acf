"""A8: terms were swapped between quote and booking, and a late fee turned credit into cash at once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import DBAPIError

from app import api, ids
from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from app.ledger.verify import verify
from tests.bookings.scene import NOW, Scene, make_scene
from tests.world import World

VISIT = datetime(2026, 12, 10, 9, tzinfo=UTC)
ENDS = VISIT + timedelta(hours=1)
ACKNOWLEDGE = timedelta(hours=120)


@pytest.fixture
async def scene(world: World, client: httpx.AsyncClient) -> Scene:
    return await make_scene(world, client)


@pytest.fixture
async def from_credit(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    """Programmes whose credit pays fees, and an offering that takes as much as one can."""
    scene = await make_scene(fresh_world, fresh_client, fee_funding="from_credit")
    await scene.world.execute(
        "UPDATE offering SET free_until_hours = 168, late_fee_bps = 10000, no_show_fee_bps = 10000"
    )
    return scene


async def change(scene: Scene, **terms: Any) -> httpx.Response:
    path = f"/v1/providers/{scene.provider.public_id}/offerings/{ids.encode('off', scene.offering_id)}"
    headers = scene.provider.headers["manager"]
    tag = (await scene.client.get(path, headers=headers)).headers["etag"]
    return await scene.client.patch(path, json=terms, headers={**headers, "If-Match": tag})


async def book(scene: Scene, quote_id: str) -> dict[str, Any]:
    headers = scene.person.headers | scene.key()
    answer = await scene.client.post("/v1/me/bookings", json={"quote_id": quote_id}, headers=headers)
    assert answer.status_code == 201, answer.text
    booking: dict[str, Any] = answer.json()
    return booking


async def owed(scene: Scene) -> list[tuple[str, int]]:
    rows = await scene.world.execute("SELECT kind, gross_cents FROM payable ORDER BY id")
    return [tuple(row) for row in rows]


async def test_what_was_quoted_is_what_is_booked(scene: Scene) -> None:
    quote = (await scene.quote([await scene.slot(VISIT)])).json()
    assert quote["cancellation_policy"] == {"free_until_hours": 24, "late_fee_bps": 5000, "no_show_fee_bps": 10000}
    assert (quote["confirmation"], quote["response_hours"], quote["vat_code"]) == ("provider", 48, "vat_5")
    swapped = await change(
        scene,
        cancellation={"free_until_hours": 168, "late_fee_bps": 10000, "no_show_fee_bps": 10000},
        confirmation="instant",
        response_hours=1,
        min_notice_hours=8000,
        vat_code="vat_22",
    )
    assert swapped.status_code == 200, swapped.text
    booking = await book(scene, quote["id"])
    assert (booking["status"], booking["free_until"]) == ("requested", "2026-12-09T09:00:00Z")
    assert booking["confirm_by"][:13] == "2026-11-25T08"
    assert await scene.world.scalar("SELECT vat_code FROM care.unit") == "vat_5"
    await scene.theirs(booking["id"], "confirm")
    await scene.world.set_now(VISIT - timedelta(hours=23))
    late = (await scene.mine(booking["id"], "cancel")).json()
    assert [(unit["status"], unit["fee_cents"]) for unit in late["units"]] == [("cancelled_late", 11_25)]


async def test_no_free_period_is_longer_than_a_week(scene: Scene) -> None:
    terms = {"free_until_hours": 169, "late_fee_bps": 0, "no_show_fee_bps": 0}
    refused = await change(scene, cancellation=terms)
    pointers = [error["pointer"] for error in refused.json()["errors"]]
    assert (refused.status_code, pointers) == (422, ["/cancellation/free_until_hours"])
    with pytest.raises(DBAPIError) as caught:
        await scene.world.execute("UPDATE offering SET free_until_hours = 169")
    assert caught.value.orig.diag.constraint_name == "offering_free_until_within_a_week"  # type: ignore[union-attr]
    assert (await change(scene, cancellation=terms | {"free_until_hours": 168})).status_code == 200


async def test_the_database_books_no_other_terms_and_changes_no_quote(scene: Scene) -> None:
    await scene.quote([await scene.slot(VISIT)])
    other = (
        # Attack: other terms than the quote
        "INSERT INTO care.booking (id, quote_id, user_id, provider_id, offering_id, beneficiary_id, status,"
        " free_until_hours, late_fee_bps, no_show_fee_bps, created_at) SELECT :id, id, user_id, provider_id,"
        " offering_id, beneficiary_id, 'confirmed', free_until_hours, late_fee_bps + 1, no_show_fee_bps, created_at"
        " FROM care.quote"
    )
    with pytest.raises(DBAPIError) as caught:
        await scene.world.execute(other, id=ids.new_id())
    assert caught.value.orig.diag.constraint_name == "booking_executes_its_quote_fkey"  # type: ignore[union-attr]
    with pytest.raises(DBAPIError, match="permission denied"):
        await scene.world.execute("UPDATE care.quote SET late_fee_bps = 10000")


async def test_whoever_books_late_has_half_an_hour_to_think_again(scene: Scene) -> None:
    await scene.world.execute("UPDATE offering SET confirmation = 'instant', free_until_hours = 168")
    soon = NOW + timedelta(days=2)
    first, second = await scene.slot(soon), await scene.slot(soon)
    booking, other = await scene.book([first]), await scene.book([second])
    made = datetime.fromisoformat(booking["created_at"])
    assert datetime.fromisoformat(booking["free_until"]) - made == timedelta(minutes=30)
    await scene.world.set_now(NOW + timedelta(minutes=29))
    free = (await scene.mine(booking["id"], "cancel")).json()
    assert [(unit["status"], unit["fee_cents"]) for unit in free["units"]] == [("cancelled", 0)]
    await scene.world.set_now(NOW + timedelta(minutes=31))
    late = (await scene.mine(other["id"], "cancel")).json()
    assert [(unit["status"], unit["fee_cents"]) for unit in late["units"]] == [("cancelled_late", 11_25)]


async def test_a_late_fee_from_credit_is_half_and_waits_for_the_date(
    from_credit: Scene, fresh_worker: Database
) -> None:
    scene = from_credit
    booking = await scene.confirmed([await scene.slot(VISIT)])
    await scene.world.set_now(VISIT - timedelta(days=6))
    path = f"/v1/me/bookings/{booking['id']}/cancellation_preview"
    preview = (await scene.client.get(path, headers=scene.person.headers)).json()
    assert (preview["fee_cents"], preview["fee_from_credit_cents"], preview["fee_own_money_cents"]) == (11_25, 11_25, 0)
    late = (await scene.mine(booking["id"], "cancel")).json()
    assert [(unit["status"], unit["fee_cents"], unit["fee_source"]) for unit in late["units"]] == [
        ("cancelled_late", 11_25, "credit")
    ]
    assert await scene.lots() == ((108_75, 0), (300_00, 0))
    # Five days after the cancellation nothing is owed: the date has not come.
    await scene.world.set_now(ENDS + ACKNOWLEDGE - timedelta(seconds=1))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await owed(scene) == []
    await scene.world.set_now(ENDS + ACKNOWLEDGE)
    assert (await run_sweeps(fresh_worker, SWEEPS))["bookings.complete_delivered"] == 1
    assert await owed(scene) == [("late_fee", 11_25)]
    assert await scene.world.scalar("SELECT payable_at FROM payable") == ENDS + ACKNOWLEDGE
    assert "bookings.complete_delivered" not in await run_sweeps(fresh_worker, SWEEPS)
    async with fresh_worker.begin("beatrice_worker") as session:
        assert (await verify(session, api.PASSES)).differences == []


async def test_a_no_show_fee_from_credit_is_half_of_an_odd_price_and_waits(
    from_credit: Scene, fresh_worker: Database
) -> None:
    scene = from_credit
    await scene.price(22_51)
    booking = await scene.confirmed([await scene.slot(VISIT)])
    marked = ENDS + timedelta(hours=3)
    await scene.world.set_now(marked)
    missed = (await scene.theirs(booking["id"], "no_show")).json()
    assert [(unit["status"], unit["to_collect_cents"]) for unit in missed["units"]] == [("no_show", 0)]
    assert await scene.lots() == ((108_75, 0), (300_00, 0))  # 11.25 taken, not 11.26
    await scene.world.set_now(marked + ACKNOWLEDGE - timedelta(minutes=1))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await owed(scene) == []
    await scene.world.set_now(marked + ACKNOWLEDGE + timedelta(minutes=1))
    await run_sweeps(fresh_worker, SWEEPS)
    assert await owed(scene) == [("no_show_fee", 11_25)]


async def test_the_database_refuses_a_larger_fee_from_credit(from_credit: Scene) -> None:
    scene = from_credit
    booking = await scene.confirmed([await scene.slot(VISIT)])
    await scene.world.set_now(ENDS)
    await scene.theirs(booking["id"], "no_show")
    with pytest.raises(DBAPIError) as caught:
        await scene.world.execute("UPDATE care.unit SET fee_cents = fee_cents + 1")
    assert caught.value.orig.diag.constraint_name == "unit_fee_from_credit_at_most_half"  # type: ignore[union-attr]
