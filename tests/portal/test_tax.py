"""The page of the year: what may count in the tax return, what never does, and years without anything."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.bookings.scene import Scene, make_scene
from tests.portal.test_company import told
from tests.world import World

VISIT = datetime(2026, 12, 20, 9, tzinfo=UTC)


@pytest.fixture
async def scene(world: World, client: httpx.AsyncClient) -> Scene:
    """One visit on credit, and one that she pays herself."""
    made = await make_scene(world, client)
    for days, mode in ((0, "auto"), (1, "none")):
        at = VISIT + timedelta(days=days)
        booking = await made.book([await made.slot(at)], credit={"mode": mode})
        await made.theirs(booking["id"], "confirm")
        await world.set_now(at + timedelta(hours=2))
        assert (await made.theirs(booking["id"], "deliver")).status_code == 200
    return made


async def opened(scene: Scene, path: str, **headers: str) -> httpx.Response:
    cookie = f"beatrice={scene.person.headers['Authorization'].removeprefix('Bearer ')}"
    return await scene.client.get(path, headers={"Cookie": cookie, **headers})


async def test_a_year_says_what_may_count_and_what_never_does(scene: Scene) -> None:
    shown = told(await opened(scene, "/me/tax_statement"))
    assert "Riepilogo 2026 per la dichiarazione" in shown
    assert "22,50 € pagati da te" in shown
    assert "Servizi pagati con il credito anziani e non autosufficienti 22,50 €" in shown
    assert "Rimborsi ricevuti" not in shown
    own, never = shown.index("Pagato da te"), shown.index("Non va in dichiarazione")
    assert own < never
    english = told(await opened(scene, "/me/tax_statement", **{"Accept-Language": "en"}))
    assert "Summary of 2026 for the tax return" in english
    assert "Only this sum may count in the tax return." in english


@pytest.mark.parametrize("year", ["2025", "2024"])
async def test_a_year_without_anything_says_so(scene: Scene, year: str) -> None:
    shown = told(await opened(scene, f"/me/tax_statement?year={year}"))
    assert f"Riepilogo {year} per la dichiarazione" in shown
    assert "0,00 € pagati da te" in shown
    assert "Servizi pagati con il credito Nessuno in questo anno." in shown


async def test_the_file_is_the_pages_and_a_bad_year_none(scene: Scene) -> None:
    file = await opened(scene, "/me/tax_statement.csv?year=2026")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.text.splitlines()[1] == "2026,granted,,,,,,42000"
    assert (await opened(scene, "/me/tax_statement?year=1999")).status_code == 422
    away = await scene.client.get("/me/tax_statement")
    assert (away.status_code, away.headers["location"]) == (303, "/login?next=%2Fme%2Ftax_statement")


async def test_the_wallet_leads_there(scene: Scene) -> None:
    assert 'href="/me/tax_statement"' in (await opened(scene, "/me/wallet")).text
