"""The person's own login and her relatives, in the browser."""

import re

import httpx
import pyotp
import pytest

from app import clock, ids
from app.identity import passwords
from tests.bookings.scene import Scene
from tests.people import mailed_token
from tests.portal.browsing import Browsing, told
from tests.world import World
from tests.world.given import ALBINO, PASSWORD


@pytest.fixture
async def anna(client: httpx.AsyncClient, world: World) -> Browsing:
    _, headers = await world.login("anna@example.com", passwords.hash_now(PASSWORD))
    return Browsing(client, headers)


def led_to(answer: httpx.Response) -> str:
    assert answer.status_code == 303, told(answer)
    return str(answer.headers["location"])


async def test_a_new_address_counts_by_its_link_and_can_be_undone(anna: Browsing, world: World) -> None:
    where = "SELECT email FROM user_account WHERE email LIKE '%anna@example.com'"
    wrong = await anna.send("/me/contact", {"email": "new.anna@example.com", "current_password": "wrong"})
    assert (wrong.status_code, "La password attuale è errata." in told(wrong)) == (403, True)
    assert 'value="new.anna@example.com"' in wrong.text
    asked = await anna.send("/me/contact", {"email": "new.anna@example.com", "current_password": PASSWORD})
    assert led_to(asked) == "/me/contact?done=email_sent"
    link = f"/email_changes/{await mailed_token(world, 'new.anna@example.com')}"
    assert "Conferma il nuovo indirizzo" in told(await anna.get(link))
    assert await world.scalar(where) == "anna@example.com"
    assert led_to(await anna.send(link)) == "/login?done=email_changed"
    assert await world.scalar(where) == "new.anna@example.com"
    told_of = await world.scalar("SELECT text FROM outgoing_mail WHERE recipient = 'anna@example.com' ORDER BY id DESC")
    undo = "/email_changes" + told_of.partition("/email_changes")[2].split()[0]
    assert "Torna al vecchio indirizzo" in told(await anna.get(undo))
    stranger = Browsing(anna.client, {})
    assert led_to(await stranger.send(undo)) == "/password/reset?done=email_undone"
    assert await world.scalar(where) == "anna@example.com"
    again = await stranger.send(undo)
    assert (again.status_code, "Chiedi un nuovo collegamento" in told(again)) == (404, True)


async def test_the_language_is_chosen_from_the_version_shown(anna: Browsing) -> None:
    shown = await anna.get("/me/contact")
    version = re.search(r'name="version" value="(\d+)"', shown.text)
    assert version is not None
    form = {"locale": "en", "version": version[1]}
    assert led_to(await anna.send("/me/contact/language", form)) == "/me/contact?done=saved"
    assert "Language and e-mail address" in told(await anna.get("/me/contact"))
    stale = await anna.send("/me/contact/language", {"locale": "it", "version": version[1]})
    assert (stale.status_code, "Language and e-mail address" in told(stale)) == (412, True)


async def test_the_password_changes_by_the_present_one(anna: Browsing, world: World) -> None:
    before = await world.scalar("SELECT password_hash FROM user_account WHERE email = 'anna@example.com'")
    short = await anna.send("/me/password", {"current_password": PASSWORD, "new_password": "corta"})
    assert short.status_code == 422
    assert "corta" not in short.text
    assert await world.scalar("SELECT password_hash FROM user_account WHERE email = 'anna@example.com'") == before
    changed = await anna.send("/me/password", {"current_password": PASSWORD, "new_password": "cinque anatre al lago"})
    assert led_to(changed) == "/home?done=password_changed"
    assert "La password è cambiata." in told(await anna.get("/home?done=password_changed"))


async def test_a_second_factor_is_set_up_by_its_square(anna: Browsing) -> None:
    made = await anna.send("/me/totp")
    secret = re.search(r"<code>([A-Z2-7]+)</code>", made.text)
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    assert secret is not None
    assert '<svg viewBox="' in made.text
    assert "style=" not in made.text
    wrong = await anna.send("/me/totp/confirm", {"code": "12 34 56"})
    assert (wrong.status_code, "Hai già inquadrato?" in told(wrong)) == (401, True)
    code = pyotp.TOTP(secret[1]).at(clock.real())
    done = await anna.send("/me/totp/confirm", {"code": f"{code[:3]} {code[3:]}"})
    codes = re.findall(r"<li><code>([^<]+)</code></li>", done.text)
    assert (done.status_code, len(codes)) == (200, 10)
    assert codes[0] not in (await anna.get("/me/totp")).text
    assert led_to(await anna.send("/me/totp/remove", {"otp": codes[0]})) == "/me/totp?done=factor_removed"


async def test_a_relatives_home_is_found_by_the_name_of_its_place(client: httpx.AsyncClient, scene: Scene) -> None:
    person = Browsing(client, scene.person.headers)
    path = f"/me/beneficiaries/{ids.encode('ben', scene.mother_id)}"
    shown = await person.get(path)
    kept = dict(re.findall(r'name="(version|given_name|family_name|birth_date)" .*?value="([^"]*)"', shown.text))
    kept |= {"relation": "parent", "address.street": "Via Roma 1", "address.postcode": "24021", "from": "2020-01-01"}
    kept |= {"to": "", "valid_from": "2026-01-01", "valid_to": "2027-12-31", "town_shown": "", "code_shown": ""}
    unknown = await person.send(path, kept | {"municipality": "Albin"})
    assert (unknown.status_code, "Questo comune non si trova" in told(unknown)) == (422, True)
    assert 'value="Via Roma 1"' in unknown.text
    assert (await person.send(path, kept | {"municipality": "Castro"})).status_code == 422
    assert led_to(await person.send(path, kept | {"municipality": "albino"})) == f"{path}?done=saved"
    read = await scene.by("employee").get("/me/beneficiaries/" + path.rpartition("/")[2])
    assert read["address"] == {"street": "Via Roma 1", "postcode": "24021", "istat_code": ALBINO}
    assert read["cohabitation"] == [{"from": "2020-01-01", "to": None}]
    certified = {"kind": "non_self_sufficient", "valid_from": "2026-01-01", "valid_to": "2027-12-31"}
    assert read["certificates"] == [certified]


async def test_what_was_contested_is_listed(client: httpx.AsyncClient, scene: Scene) -> None:
    person = Browsing(client, scene.person.headers)
    assert "Nessuna segnalazione" in told(await person.get("/me/disputes"))
