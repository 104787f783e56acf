"""A10: units that nobody reported held credit for ever: a parking place that survived its lot."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app import api
from app.api import SWEEPS
from app.db import Database
from app.jobs import run_sweeps
from app.ledger.verify import verify
from tests.bookings.scene import Scene, make_scene
from tests.world import World

VISIT = datetime(2026, 12, 30, 9, tzinfo=UTC)
ENDS = VISIT + timedelta(hours=1)
SECRETS = ("Assistenza", "domiciliare", "Maria", "Organisation", "2026", "2027", "dicembre", "30")


@pytest.fixture
async def scene(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    return await make_scene(fresh_world, fresh_client)


async def mails(scene: Scene) -> list[Any]:
    """(recipient, subject, text) of each mail, oldest first."""
    found = await scene.world.execute("SELECT recipient, subject, text FROM outgoing_mail ORDER BY id")
    return [tuple(row) for row in found]


async def after(scene: Scene, worker: Database, days: int, *, seconds: int = 1) -> dict[str, int]:
    await scene.world.set_now(ENDS + timedelta(days=days, seconds=seconds))
    return await run_sweeps(worker, SWEEPS)


async def address(scene: Scene, user_id: Any) -> str:
    found: str = await scene.world.scalar("SELECT email FROM user_account WHERE id = :id", id=user_id)
    return found


async def test_reminded_asked_and_released(scene: Scene, fresh_worker: Database) -> None:
    booking = await scene.confirmed([await scene.slot(VISIT), await scene.slot(VISIT)])
    person = await address(scene, scene.person.user_id)
    manager = await address(scene, scene.provider.users["manager"])
    assert await mails(scene) == []
    assert "bookings.remind_unreported" not in await after(scene, fresh_worker, 2, seconds=-60)
    for days in (2, 7, 14):
        assert (await after(scene, fresh_worker, days))["bookings.remind_unreported"] == 2
        assert "bookings.remind_unreported" not in await run_sweeps(fresh_worker, SWEEPS)
    reminder = (manager, "Prenotazioni passate da confermare")
    asked = await mails(scene)
    assert [mail[:2] for mail in asked] == [reminder, reminder, (person, "Una domanda su una tua prenotazione")]
    links = [re.search(r"http\S+:8000(\S+)", text) for _, _, text in asked]
    visits = f"/providers/{scene.provider.public_id}/visits"
    assert [link and link[1] for link in links] == [visits, visits, "/me/bookings"]
    texts = [re.sub(r"http\S+|30 giorni", "", subject + text) for _, subject, text in asked]
    assert [word for word in SECRETS for text in texts if word in text] == []

    held = await scene.lots()
    assert held == ((0, 45_00), (300_00, 0))  # the lot's rest left it on New Year's Eve
    assert (await after(scene, fresh_worker, 30))["bookings.release_unreported"] == 2
    read = (await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)).json()
    assert (read["status"], [unit["status"] for unit in read["units"]]) == ("expired", ["expired"] * 2)
    assert await scene.lots() == ((0, 0), (300_00, 0))
    assert await scene.world.scalar("SELECT count(*) FROM lot WHERE kind = 'grace'") == 0
    moved = "SELECT sum(amount_cents)::int FROM ledger.transfer WHERE reason = 'expired'"
    assert await scene.world.scalar(moved) == 120_00
    booked = await scene.world.execute("SELECT DISTINCT at FROM care.unit_transition WHERE to_status = 'expired'")
    assert [row[0] for row in booked] == [ENDS + timedelta(days=30)]
    assert "bookings.release_unreported" not in await run_sweeps(fresh_worker, SWEEPS)
    async with fresh_worker.begin("beatrice_worker") as session:
        assert (await verify(session, api.PASSES)).differences == []


async def test_after_thirty_days_nobody_delivers_or_cancels(scene: Scene) -> None:
    """Whether or not a sweep has run: the deadline decides."""
    slot = await scene.slot(VISIT)
    booking = await scene.confirmed([slot])
    await scene.world.set_now(ENDS + timedelta(days=30, seconds=1))
    before = await scene.lots()
    for verb, body, code in (
        ("deliver", None, "state_conflict"),
        ("no_show", None, "state_conflict"),
        ("cancel", {"reason": "malattia"}, "state_conflict"),
        ("cancel", {"reason": "malattia", "unit_ids": [booking["units"][0]["id"]]}, "already_resolved"),
    ):
        answer = await scene.theirs(booking["id"], verb, body)
        assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, code, "expired")
    assert await scene.lots() == before
    closed = await scene.client.post(
        f"/v1/providers/{scene.provider.public_id}/slots/{slot}/cancel",
        headers=scene.provider.headers["manager"] | scene.key(),
    )
    assert closed.status_code == 200, closed.text
    assert await scene.world.scalar("SELECT count(*) FROM lot WHERE kind = 'grace'") == 0
    read = (await scene.client.get(f"/v1/me/bookings/{booking['id']}", headers=scene.person.headers)).json()
    assert read["status"] == "expired"


async def test_the_day_before_a_provider_still_reports(scene: Scene, fresh_worker: Database) -> None:
    booking = await scene.confirmed([await scene.slot(VISIT), await scene.slot(VISIT)])
    first, second = (unit["id"] for unit in booking["units"])
    await after(scene, fresh_worker, 29)
    assert (await scene.theirs(booking["id"], "deliver", {"unit_ids": [first]})).json()["status"] == "in_progress"
    cancelled = await scene.theirs(booking["id"], "cancel", {"reason": "malattia", "unit_ids": [second]})
    assert cancelled.json()["status"] == "delivered"
    rows = await scene.world.execute("SELECT amount_cents, expires_on - valid_from FROM lot WHERE kind = 'grace'")
    assert [tuple(row) for row in rows] == [(22_50, 60)]
