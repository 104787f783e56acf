"""Who may see and book an offering: search, its own page, its slots and the quote say the same."""

from collections.abc import Callable
from datetime import date, datetime
from itertools import product

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from app import ids
from app.networks.models import AllianceMembership
from tests.bookings.scene import Scene
from tests.world import Party

December = Callable[[int], datetime]
Days = tuple[date, date | None]

YESTERDAY, TODAY, TOMORROW = date(2026, 11, 22), date(2026, 11, 23), date(2026, 11, 24)
LONG_AGO = date(2020, 1, 1)
EMPLOYMENTS: dict[Days, bool] = {
    (LONG_AGO, None): True,
    (TODAY, TODAY): True,
    (LONG_AGO, YESTERDAY): False,
    (TOMORROW, None): False,
}
"""Days of hiring and of the last day of work, and whether that is employed today."""
MEMBERSHIPS: dict[Days | None, bool] = {
    (TODAY, TOMORROW): True,
    (LONG_AGO, TODAY): False,
    (TOMORROW, None): False,
    None: False,
}
"""Day of joining and first day without, and whether that is a member today."""


async def place(scene: Scene, party: Party, role: str, alliance_id: str, days: Days | None, other: str) -> None:
    """Let a party be in the alliance on these days, or in another one today."""
    joined, ended = days or (LONG_AGO, None)
    joining = insert(AllianceMembership).values(
        id=ids.new_id(), alliance_id=other if days is None else alliance_id, organisation_id=party.id, role=role,
        joined_on=joined, ended_on=ended,
    )  # fmt: skip
    await scene.world.execute(joining)


async def answers(scene: Scene, slot_id: str) -> tuple[list[str], int, int, tuple[int, str | None]]:
    offering, headers = ids.encode("off", scene.offering_id), scene.person.headers
    found = (await scene.client.get("/v1/offerings", headers=headers)).json()["data"]
    page = await scene.client.get(f"/v1/offerings/{offering}", headers=headers)
    slots = await scene.client.get(f"/v1/offerings/{offering}/slots", headers=headers)
    quote = await scene.quote([slot_id])
    return (
        [row["id"] for row in found],
        page.status_code,
        slots.status_code,
        (quote.status_code, quote.json().get("code")),
    )


async def test_every_road_agrees(scene: Scene, december: December) -> None:
    slot_id = await scene.slot(december(2))
    offering = ids.encode("off", scene.offering_id)
    here, elsewhere, far = [str(await scene.world.found_alliance(name)) for name in ("Alleanza", "Altrove", "Lontano")]
    connection = scene.world.database.bind
    assert isinstance(connection, AsyncConnection)
    shown = ([offering], 200, 200, (201, None))
    hidden = ([], 404, 404, (409, "offering_not_available"))
    states = product(MEMBERSHIPS, MEMBERSHIPS)
    pairs = [pair for pair in states if pair == (None, None) or any(MEMBERSHIPS[one] for one in pair)]
    for employers, providers in pairs:
        undone = await connection.begin_nested()
        await place(scene, scene.company, "company", here, employers, elsewhere)
        await place(scene, scene.provider, "provider", here, providers, far)
        for days, employed in EMPLOYMENTS.items():
            await scene.world.execute("UPDATE employee SET hired_on = :hired, ended_on = :ended",
                                      hired=days[0], ended=days[1])  # fmt: skip
            allied = employed and MEMBERSHIPS[employers] and MEMBERSHIPS[providers]
            for audience, open_to in (("public", True), ("companies", employed), ("alliance", allied)):
                await scene.world.execute("UPDATE offering SET audience = :audience", audience=audience)
                case = (audience, days, employers, providers)
                assert (case, await answers(scene, slot_id)) == (case, shown if open_to else hidden)
        await undone.rollback()
