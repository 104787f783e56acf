"""Where the links of mails lead: to a page that exists, at the address that is served."""

import re
from datetime import timedelta
from pathlib import Path

import app.mail
from app import clock, config
from tests.bookings.scene import Scene
from tests.portal.browsing import Browsing, told
from tests.portal.test_access import PAGES

TEMPLATES = sorted((Path(app.mail.__file__).parent / "templates").glob("*/*.j2"))
LINK = re.compile(r"\{\{ public_url \}\}((?:\{\{ \w+ \}\}|\S)*)")


def test_every_link_of_a_mail_opens_a_page() -> None:
    links = {(path.parent.name, path.name, link) for path in TEMPLATES for link in LINK.findall(path.read_text())}
    assert len(links) == 2 * 24
    read = [page.path_regex for page in PAGES if "GET" in page.methods]
    lost = [one for one in links if not any(page.match(re.sub(r"\{\{.*?\}\}", "x", one[2])) for page in read)]
    assert lost == []


def test_links_lead_to_the_port_that_is_served() -> None:
    assert config.Settings(port=8123).public_url == "http://127.0.0.1:8123"


async def test_a_mail_about_a_booking_leads_to_it(scene: Scene) -> None:
    """The person's page of it; a provider is led to his visits."""
    booked = await scene.confirmed([await scene.slot(clock.now() + timedelta(hours=50))])
    await scene.theirs(booked["id"], "cancel", {"reason": "malattia"})
    mail = await scene.world.scalar("SELECT text FROM outgoing_mail")
    (link,) = re.findall(r"http\S+", mail)
    assert link == f"http://127.0.0.1:8000/me/bookings/{booked['id']}"
    shown = await Browsing(scene.client, scene.person.headers).get(link.removeprefix("http://127.0.0.1:8000"))
    assert (shown.status_code, "Annullata" in told(shown)) == (200, True)
