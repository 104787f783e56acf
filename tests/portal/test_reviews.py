"""What credit may not pay any more, at the pages: said at home, resolved at the booking."""

from datetime import timedelta

from app import ids
from tests.bookings.scene import NOW, Scene
from tests.portal.browsing import Browsing, told


async def test_the_person_is_told_at_home_and_decides_at_the_booking(scene: Scene) -> None:
    booking = await scene.confirmed([await scene.slot(NOW + timedelta(days=day)) for day in (9, 10)])
    person = Browsing(scene.client, scene.person.headers)
    page, warning = f"/me/bookings/{booking['id']}", "Il credito non può più pagare una prenotazione."
    assert warning not in told(await person.get("/home"))
    mother = f"/me/beneficiaries/{ids.encode('ben', scene.mother_id)}"
    await scene.by("employee").patch(mother, {"cohabitation": []})
    home = await person.get("/home")
    assert (warning in told(home), f'href="{page}"' in home.text) == (True, True)
    shown = await person.get(page)
    assert "Decidi entro domenica 29 novembre, 00:00" in told(shown)
    assert f'href="{mother}"' in shown.text
    units = [unit["id"] for unit in booking["units"]]
    nothing = await person.send(f"{page}/resolve_review", {"unit_ids[]": units[0]})
    assert nothing.status_code == 422
    for unit, how in zip(units, ("own_money", "cancel"), strict=True):
        done = await person.send(f"{page}/resolve_review", {"unit_ids[]": unit, "how": how})
        assert (done.status_code, done.headers["location"]) == (303, f"{page}?done=review_resolved")
    after = (await scene.by("employee").get(page))["units"]
    assert [(unit["status"], unit["own_money_due_cents"]) for unit in after] == [("confirmed", 22_50), ("cancelled", 0)]
    assert warning not in told(await person.get("/home"))
    late = await person.send(f"{page}/resolve_review", {"unit_ids[]": units[0], "how": "cancel"})
    assert late.status_code == 409
