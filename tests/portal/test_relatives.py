"""The people whom somebody cares for, at their page."""

import httpx

from app import ids
from tests.bookings.scene import Scene
from tests.portal.browsing import Browsing, told

ROSA = {"given_name": "Rosa", "family_name": "Esempio", "relation": "parent", "birth_date": "1944-03-08"}


async def test_since_when_somebody_lives_with_one_is_asked_at_once(client: httpx.AsyncClient, scene: Scene) -> None:
    person = Browsing(client, scene.person.headers)
    wrong = await person.send("/me/beneficiaries", {**ROSA, "from": "2020-02-30"})
    assert (wrong.status_code, 'value="2020-02-30"' in wrong.text) == (422, True)
    for since in ("2020-01-01", ""):
        added = await person.send("/me/beneficiaries", {**ROSA, "from": since})
        assert (added.status_code, added.headers["location"]) == (303, "/me/beneficiaries?done=relative_added")
    listed = (await scene.by("employee").get("/me/beneficiaries"))["data"]
    periods = [one["cohabitation"] for one in listed if one["given_name"] == "Rosa"]
    assert sorted(periods, key=len) == [[], [{"from": "2020-01-01", "to": None}]]
    assert "Abita con te dal" in told(await person.get("/me/beneficiaries"))


async def test_the_whole_register_is_kept_at_the_page(client: httpx.AsyncClient, scene: Scene) -> None:
    person = Browsing(client, scene.person.headers)
    path = f"/me/beneficiaries/{ids.encode('ben', scene.mother_id)}"
    plain = {"given_name": "Maria", "family_name": "Esempio", "relation": "parent", "birth_date": "1946-03-01"}
    facts = {"from": "2020-01-01", "maintained_from": "2019-01-01", "maintained_to": "2019-12-31"}
    more = {"valid_from": "2026-01-01", "valid_to": "2026-12-31", "dependent_years": "2026, 2025"}
    saved = await person.send(path, {**plain, **facts, **more, "version": "1"})
    assert (saved.status_code, saved.headers["location"]) == (303, f"{path}?done=saved")
    stored = await scene.by("employee").get(path)
    assert {name: stored[name] for name in ("cohabitation", "maintained", "dependent_years", "certificates")} == {
        "cohabitation": [{"from": "2020-01-01", "to": None}],
        "maintained": [{"from": "2019-01-01", "to": "2019-12-31"}],
        "dependent_years": [2025, 2026],
        "certificates": [{"kind": "non_self_sufficient", "valid_from": "2026-01-01", "valid_to": "2026-12-31"}],
    }
    odd = await person.send(path, {**plain, "dependent_years": "tanti", "version": "2"})
    assert (odd.status_code, 'value="tanti"' in odd.text) == (422, True)
    gone = await person.send(path, {**plain, "died_on": "2026-11-20", "version": "2"})
    assert (gone.status_code, (await scene.by("employee").get(path))["died_on"]) == (303, "2026-11-20")
