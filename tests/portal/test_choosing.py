"""On the way to a booking: nothing that was chosen is lost, and every page says for whom, where and by what."""

import html
import re
from datetime import UTC, datetime

import httpx
import pytest
from starlette.datastructures import QueryParams

from app import ids
from app.identity import passwords
from app.portal.pages.choosing import Chosen, of_form
from tests.bookings.scene import Scene
from tests.portal.browsing import Browsing, told
from tests.portal.test_interrupted import hidden
from tests.portal.test_relatives import ROSA
from tests.world.given import PASSWORD

TUESDAY = datetime(2026, 12, 1, 9, tzinfo=UTC)
THURSDAY = datetime(2026, 12, 10, 9, tzinfo=UTC)
OFFERING = "off_01h455vb4pex5vsknk084sn02q"


def checked(answer: httpx.Response, name: str) -> list[str]:
    """Return the values that are chosen on a page, seen or not."""
    rows = re.findall(rf'name="{re.escape(name)}" value="(\w+)"( checked)?', answer.text)
    unseen = re.findall(rf'type="hidden" name="{re.escape(name)}" value="(\w+)"', answer.text)
    return [value for value, mark in rows if mark] + unseen


@pytest.fixture
def offering(scene: Scene) -> str:
    return f"/offerings/{ids.encode('off', scene.offering_id)}"


@pytest.fixture
def asked(scene: Scene) -> str:
    return f"/me/quotes/{ids.encode('off', scene.offering_id)}"


async def test_a_strangers_choice_survives_the_login(
    client: httpx.AsyncClient, scene: Scene, offering: str, asked: str
) -> None:
    user, slot = scene.person.user_id, await scene.slot(THURSDAY)
    hashed = passwords.hash_now(PASSWORD)
    await scene.world.execute("UPDATE user_account SET password_hash = :hash WHERE id = :id", hash=hashed, id=user)
    stranger = Browsing(client, {})
    week = await stranger.get(f"{offering}?week=2026-12-07")
    assert (week.status_code, slot in week.text, "Accedi per prenotare" in told(week)) == (200, True, True)
    login = await stranger.send(asked, {"slot_ids[]": [slot], "week": "2026-12-07"})
    assert (login.status_code, "torna dopo l'accesso" in told(login)) == (401, True)
    email = await scene.world.scalar("SELECT email FROM user_account WHERE id = :id", id=user)
    back = await stranger.send("/login", {**hidden(login), "email": email, "password": PASSWORD})
    assert (back.status_code, checked(back, "slot_ids[]")) == (200, [slot])
    assert "lun 7 dic" in told(back)
    assert checked(back, "beneficiary_id") == []


async def test_times_of_another_week_stay_chosen(client: httpx.AsyncClient, scene: Scene, offering: str) -> None:
    first, second = await scene.slot(TUESDAY), await scene.slot(THURSDAY)
    person = Browsing(client, scene.person.headers)
    query = [("week", "2026-12-07"), ("week", "2026-11-30"), ("slot_ids[]", first), ("slot_ids[]", second)]
    later = await person.get(offering, params=query)
    assert sorted(checked(later, "slot_ids[]")) == sorted([first, second])
    assert hidden(later)["at_home"] == "1"
    assert "Hai scelto anche 1 orario di altri giorni." in told(later)
    assert "Hai scelto anche" not in told(await person.get(offering, params=query[:1] + query[3:]))


async def test_whoever_adds_a_relative_comes_back_with_her_chosen(
    client: httpx.AsyncClient, scene: Scene, offering: str
) -> None:
    person, slot = Browsing(client, scene.person.headers), await scene.slot(THURSDAY)
    way = {"offering": offering.rpartition("/")[2], "week": "2026-12-07", "slot_ids[]": slot, "credit": "none"}
    anywhere, home = [await person.get("/me/beneficiaries", params={**way, **more}) for more in ({}, {"at_home": "1"})]
    assert [
        len(re.findall(r'name="(?:address|municipality)[^>]* required', page.text)) for page in (anywhere, home)
    ] == [0, 3]
    form = await person.get("/me/beneficiaries", params=way)
    assert {name: hidden(form)[name] for name in ("offering", "week", "credit")} == {
        name: way[name] for name in ("offering", "week", "credit")
    }
    assert "Aggiungi e torna al servizio" in told(form)
    refused = await person.send("/me/beneficiaries", {**ROSA, **way, "birth_date": "1944-02-30"})
    assert (refused.status_code, checked(refused, "slot_ids[]")) == (422, [slot])
    added = await person.send("/me/beneficiaries", {**ROSA, **way, "from": "2020-01-01"})
    assert (added.status_code, added.headers["location"].partition("?")[0]) == (303, offering)
    back = await person.get(added.headers["location"])
    assert "Persona aggiunta." in told(back)
    assert (checked(back, "slot_ids[]"), checked(back, "credit")) == ([slot], ["none"])
    people = (await scene.by("employee").get("/me/beneficiaries"))["data"]
    assert checked(back, "beneficiary_id") == [one["id"] for one in people if one["birth_date"] == ROSA["birth_date"]]


async def test_what_is_still_to_be_chosen_is_said_in_words(client: httpx.AsyncClient, scene: Scene, asked: str) -> None:
    person = Browsing(client, scene.person.headers)
    await scene.slot(THURSDAY)
    refused = await person.send(asked, {"week": "2026-12-07"})
    assert refused.status_code == 422
    assert "Qualcosa manca o non va bene: Scegli almeno un orario. Scegli per chi è la cura." in told(refused)
    assert "lun 7 dic" in told(refused)
    assert await scene.world.scalar("SELECT count(*) FROM care.quote") == 0


async def test_a_quote_says_for_whom_and_where_and_what_would_help(
    client: httpx.AsyncClient, scene: Scene, offering: str, asked: str
) -> None:
    person, slot = Browsing(client, scene.person.headers), await scene.slot(THURSDAY)
    added = await scene.by("employee").post("/me/beneficiaries", {**ROSA, "given_name": "Lina"})
    made = await person.send(asked, {"slot_ids[]": [slot], "beneficiary_id": added["id"], "week": "2026-12-07"})
    page = await person.get(made.headers["location"])
    assert "Per Lina Esempio · cambia" in told(page)
    assert "Lina abita con te? Dillo qui." in told(page)
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', page.text)]
    (times,) = [link for link in links if link.startswith(offering) and f"beneficiary_id={added['id']}" in link]
    again = await person.get(times)
    assert (checked(again, "slot_ids[]"), checked(again, "beneficiary_id")) == ([slot], [added["id"]])
    (lives,) = [link for link in links if link.endswith("#lives")]
    one = await person.get(lives)
    assert "Salva e torna al servizio" in told(one)
    form = {**ROSA, **hidden(one), "given_name": "Lina", "from": "2020-01-01", "slot_ids[]": [slot]}
    saved = await person.send(lives.partition("?")[0], form)
    assert (saved.status_code, saved.headers["location"].partition("?")[0]) == (303, offering)
    paid = await person.send(asked, {"slot_ids[]": [slot], "beneficiary_id": added["id"]})
    assert "Dillo qui" not in told(await person.get(paid.headers["location"]))


@pytest.mark.parametrize(
    "offering", ["", "off_x", "//evil.example", "prv_01h455vb4pex5vsknk084sn02q", f"{OFFERING}/../../login"]
)
def test_what_is_no_offering_leads_nowhere(offering: str) -> None:
    nowhere = of_form(QueryParams({"offering": offering, "week": "2026-12-07"}))
    assert (nowhere.offering, nowhere.along("/me/beneficiaries")) == ("", "/me/beneficiaries")


def test_the_way_is_written_as_it_is_read() -> None:
    way = Chosen(OFFERING, (("week", "2026-12-07"), ("slot_ids[]", "slt_1"), ("slot_ids[]", "slt_2")))
    query = "week=2026-12-07&slot_ids%5B%5D=slt_1&slot_ids%5B%5D=slt_2"
    assert way.at() == f"/offerings/{OFFERING}?{query}#when"
    assert way.at(week="2026-12-14") == f"/offerings/{OFFERING}?{query[16:]}&week=2026-12-14#when"
    assert way.along("/me/beneficiaries") == f"/me/beneficiaries?offering={OFFERING}&{query}"
    assert (way.slots, way.first("week"), way.first("credit")) == (["slt_1", "slt_2"], "2026-12-07", "")
