"""The search page: what it finds, what credit could pay, how a slip of the pen comes back."""

import httpx

from tests.bookings.scene import Scene, make_scene
from tests.portal.browsing import Browsing, told
from tests.world import World
from tests.world.given import ALBINO


async def test_what_credit_could_pay_is_told_to_who_has_it(client: httpx.AsyncClient, world: World) -> None:
    scene = await make_scene(world, client, rule_codes=("C2_F_TER",))
    await scene.world.offering(scene.provider, name="Campo estivo al lago", category="summer_camp", unit="week")
    stranger, person = Browsing(client, {}), Browsing(client, scene.person.headers)
    said = "Credito: dipende da chi riceve la cura"
    assert said not in told(await stranger.get("/offerings"))
    page = told(await person.get("/offerings"))
    assert page.count(said) == 1
    assert said in told(await person.get("/offerings?category=home_help"))
    assert said not in told(await person.get("/offerings?category=summer_camp"))


async def test_filters_find_and_stay_on_the_page(client: httpx.AsyncClient, scene: Scene) -> None:
    await scene.world.offering(scene.provider, name="Ginnastica dolce", price_cents=12_00, service_area=[ALBINO])
    person = Browsing(client, {})
    found = await person.get(f"/offerings?q=ginnastica&municipality={ALBINO}&max_price=12,00&age=70")
    assert "Ginnastica dolce" in told(found)
    for kept in ('value="ginnastica"', f'value="{ALBINO}" selected', 'value="12.00"', 'value="70"'):
        assert kept in found.text
    assert "Nessun servizio trovato" in told(await person.get("/offerings?q=ginnastica&max_price=11,99"))


async def test_a_filter_that_cannot_be_is_told_and_the_search_goes_on(client: httpx.AsyncClient, scene: Scene) -> None:
    del scene
    person = Browsing(client, {})
    for wrong in ("age=abc", "age=131", "date_from=2026-02-30", "max_price=1.250", "municipality=Albino", "mode=x"):
        page = await person.get(f"/offerings?{wrong}")
        assert (wrong, page.status_code, 'role="alert"' in page.text) == (wrong, 422, True)
        assert 'class="price"' in page.text
    unknown = await person.get("/offerings?utm_source=mail&category=no_such")
    assert (unknown.status_code, "Nessun servizio trovato" in told(unknown)) == (200, True)


async def test_a_page_behind_the_first_is_led_to(client: httpx.AsyncClient, world: World) -> None:
    provider = await world.provider()
    for number in range(25):
        await world.offering(provider, name=f"Aiuto {number:02}")
    person = Browsing(client, {})
    first = await person.get("/offerings")
    assert (first.status_code, first.text.count('class="price"')) == (200, 24)
    link = first.text.partition('href="?')[2].partition('"')[0].replace("&amp;", "&")
    assert "cursor=" in link
    second = await person.get(f"/offerings?{link}")
    assert (second.status_code, second.text.count('class="price"')) == (200, 1)
    tampered = await person.get("/offerings?cursor=AAAA")
    assert (tampered.status_code, "Nessun servizio trovato" in told(tampered)) == (400, False)
