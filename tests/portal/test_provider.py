"""The provider's pages: each drawn once, what their forms do, what a refusal leaves standing."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from app import ids
from app.portal import wire
from tests.bookings.scene import Scene
from tests.settlements.books import Books
from tests.settlements.office import close, settlement
from tests.world import Caller, Party

December = Callable[[int], datetime]


class Browser:
    """Somebody with a session cookie, at the pages of a provider."""

    def __init__(self, client: httpx.AsyncClient, provider: Party, headers: dict[str, str]) -> None:
        self.client, self.provider = client, provider
        self.base = f"/providers/{provider.public_id}"
        token = headers["Authorization"].removeprefix("Bearer ")
        cookie = f"{wire.cookie_name({'scheme': 'http'})}={token}"
        self.headers = {"cookie": cookie, "origin": "http://beatrice.test"}

    async def get(self, path: str) -> httpx.Response:
        return await self.client.get(self.base + path, headers=self.headers)

    async def see(self, path: str) -> str:
        answer = await self.get(path)
        assert answer.status_code == 200, (path, answer.status_code, answer.text[:2000])
        return words_of(answer)

    async def send(self, path: str, **fields: str | list[str]) -> httpx.Response:
        data = {"key": uuid4().hex, **fields}
        return await self.client.post(self.base + path, data=data, headers=self.headers)

    async def does(self, path: str, **fields: str | list[str]) -> str:
        """Send a form that succeeds; return where it leads, without the provider's part."""
        answer = await self.send(path, **fields)
        assert answer.status_code == 303, (path, answer.status_code, words_of(answer))
        return answer.headers["location"].removeprefix(self.base)

    async def api(self, path: str) -> dict[str, object]:
        found = await Caller(self.client, self.provider.headers["manager"]).get(self.base + path)
        assert isinstance(found, dict)
        return found


def words_of(answer: httpx.Response) -> str:
    """Return what a person reads of a page."""
    body = answer.text.partition('<main id="main" class="wide">')[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture
def manager(scene: Scene) -> Browser:
    return Browser(scene.client, scene.provider, scene.provider.headers["manager"])


async def test_a_day_from_its_requests_to_what_is_paid(scene: Scene, manager: Browser, december: December) -> None:
    made = [await scene.book([await scene.slot(december(2) + timedelta(hours=hour))]) for hour in (0, 1, 2)]
    units = [str(one["units"][0]["id"]) for one in made]
    before = await manager.see("/visits")
    assert "Da confermare 3 mercoledì 2 dicembre, 10:00" in before
    assert "rispondi entro" in before
    assert "Oggi non ci sono visite." in before
    confirmed = await manager.does("/visits/confirm", **{"unit_ids[]": units[:2]})
    declined = await manager.send(f"/bookings/{made[2]['id']}/decline")
    assert (confirmed, declined.status_code) == ("/visits?done=confirmed", 422)
    assert "Serve un valore." in words_of(declined)
    assert await manager.does(f"/bookings/{made[2]['id']}/decline", reason="Nessuno è libero") == (
        f"/bookings/{made[2]['id']}?done=declined"
    )
    assert "Motivo: Nessuno è libero" in await manager.see(f"/bookings/{made[2]['id']}")
    await scene.world.set_now(december(2) + timedelta(minutes=90))
    assert await manager.does("/visits/deliver", **{"unit_ids[]": units[0]}) == "/visits?done=delivered"
    absent = await manager.does(f"/bookings/{made[1]['id']}/no_show", only=units[1])
    assert absent == "/visits?done=not_there"
    refused = await manager.send("/visits/deliver", **{"unit_ids[]": units[0]})
    assert refused.status_code == 409
    assert "Nessuna richiesta aspetta una risposta." in words_of(refused)
    states = [(await manager.api(f"/bookings/{one['id']}"))["status"] for one in made]
    assert states == ["delivered", "no_show", "declined"]
    month = await manager.see("/visits/month?month=2026-12")
    assert "mer 2 dic 22,50 €" in month.replace("\xa0", " ")
    assert await manager.does(f"/bookings/{made[1]['id']}/revert") == f"/bookings/{made[1]['id']}?done=reverted"
    await scene.world.set_now(december(3))
    assert "Passate, da segnare 1" in await manager.see("/visits")


async def test_an_offering_with_its_prices_and_slots(manager: Browser) -> None:
    terms = {
        "name": "Compagnia", "category": "home_help", "mode": "home_visit", "unit": "hour", "vat_code": "exempt",
        "price_cents": "1.020,50", "response_hours": "24", "min_notice_hours": "0", "confirmation": "provider",
        "cancellation.free_until_hours": "24", "cancellation.late_fee_bps": "5000",
        "cancellation.no_show_fee_bps": "10000", "audience": "public", "access": "free",
    }  # fmt: skip
    wrong = await manager.send("/offerings", **terms, service_area="Albino, Nessundove")
    assert (wrong.status_code, "Questo comune non si trova" in words_of(wrong)) == (422, True)
    assert 'value="Compagnia"' in wrong.text
    place = (await manager.does("/offerings", **terms, service_area="albino (bg)")).partition("?")[0]
    made = await manager.api(place)
    assert (made["price_cents"], made["service_area"], made["version"]) == (1_020_50, ["016004"], 1)
    await manager.does(place, version="1", **{**terms, "name": "Compagnia a casa"}, service_area="016004", min_age="60")
    stale = await manager.send(place, version="1", **terms)
    changed = await manager.api(place)
    assert (stale.status_code, changed["name"], changed["min_age"]) == (412, "Compagnia a casa", 60)
    priced = await manager.does(place + "/prices", price_cents="22", valid_from="2026-12-31")
    assert priced == place + "?done=price_set"
    assert "22,00 €" in (await manager.see(place)).replace("\xa0", " ")
    pattern: dict[str, str | list[str]] = {
        "first_day": "2026-12-07", "last_day": "2026-12-13", "weekdays[]": ["0", "2"], "from_hour": "09:00",
        "to_hour": "11:30", "minutes": "60", "capacity": "2",
    }  # fmt: skip
    assert await manager.does(place + "/slots", **pattern) == place + "/slots?week=2026-12-07&done=slots_made"
    week = await manager.see(place + "/slots?week=2026-12-07")
    assert week.count("09:00-10:00 0 su 2") == week.count("10:00-11:00 0 su 2") == 2
    nothing = await manager.send(place + "/slots", **{**pattern, "minutes": "600"})
    assert (nothing.status_code, "non entra nessun posto" in words_of(nothing)) == (422, True)
    assert await manager.does(place + "/status", version="2", status="inactive") == place + "?done=withdrawn"


async def test_a_slot_is_resized_and_cancelled_with_its_people(
    scene: Scene, manager: Browser, december: December
) -> None:
    slot = await scene.slot(december(2), capacity=2)
    booking = await scene.confirmed([slot])
    version = str((await manager.api(f"/slots/{slot}"))["version"])
    assert "Una persona ha prenotato" in await manager.see(f"/slots/{slot}")
    await manager.does(f"/slots/{slot}", version=version, capacity="3")
    assert (await manager.api(f"/slots/{slot}"))["capacity"] == 3
    assert await manager.does(f"/slots/{slot}/cancel", reason="Malattia") == f"/slots/{slot}?done=slot_cancelled"
    assert (await manager.api(f"/bookings/{booking['id']}"))["status"] == "cancelled"


async def test_profile_places_account_and_accreditations(manager: Browser) -> None:
    version = re.search(r'name="version" value="(\d+)"', (await manager.get("/sites")).text)
    assert version is not None
    assert await manager.does("", version=version[1], description="Da trent'anni", phone="") == "/sites?done=saved"
    profile = await manager.api("")
    assert (profile["description"], profile["phone"]) == ("Da trent'anni", None)
    site = {"name": "Ambulatorio", "street": "Via Roma 1", "postcode": "24021", "istat_code": "Albino"}
    assert await manager.does("/sites", **site) == "/sites?done=saved"
    assert "Ambulatorio Via Roma 1 24021" in await manager.see("/sites")
    wrong = await manager.send("/bank_account", iban="IT00X")
    assert (wrong.status_code, "Questo IBAN non è giusto" in words_of(wrong)) == (422, True)
    assert await manager.see("/settlements")
    assert "Accreditati" in await manager.see("/accreditations")


async def test_strangers_and_staff(scene: Scene, manager: Browser, december: December) -> None:
    await scene.book([await scene.slot(december(2))])
    answer = await scene.client.get(manager.base + "/visits")
    assert (answer.status_code, urlsplit(answer.headers["location"]).path) == (303, "/login")
    stranger = Browser(scene.client, scene.provider, scene.person.headers)
    assert (await stranger.get("/visits")).status_code == 404
    staff = Browser(scene.client, scene.provider, scene.provider.headers["staff"])
    assert "Pagamenti" not in await staff.see("/visits")
    assert "Ritira il servizio" not in await staff.see(f"/offerings/{ids.encode('off', scene.offering_id)}")
    assert (await staff.get("/settlements")).status_code == 403


async def test_a_statement_with_its_lines_and_its_file(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider("Cooperativa Prova")
    await books.units(provider, [10_00, 1_234_50])
    await close(client, books)
    made = await settlement(client, provider)
    manager = Browser(client, provider, provider.headers["manager"])
    assert f"{made['number']} 1.244,50 €" in (await manager.see("/settlements")).replace("\xa0", " ")
    shown = (await manager.see(f"/settlements/{made['id']}")).replace("\xa0", " ")
    assert "Cooperativa Prova" in shown
    assert shown.count("1.234,50 €") == 2
    file = await manager.get(f"/settlements/{made['id']}.csv")
    assert (file.status_code, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert len(file.text.splitlines()) == 3
