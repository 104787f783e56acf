"""The people whom somebody cares for, at their page."""

import httpx

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
