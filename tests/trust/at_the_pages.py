"""The employer at the pages: every page that its people can open, found by itself, and what they do by forms."""

import random
import re
from typing import Any
from uuid import uuid4

import httpx

from app import api, ids
from app.portal.route import PageRoute
from tests.grants.desk import employee
from tests.trust.twins import Twin

PAGES = [route for router in api.PAGES for route in router.routes if isinstance(route, PageRoute)]
READ = [route for route in PAGES if "GET" in route.methods and route.audience.name in {"company", "organisation"}]
PERSONAL = [
    route.path
    for route in PAGES
    if "GET" in route.methods and "{" not in route.path and route.audience.name in {"employee", "session"}
]
HEAD = "nome;cognome;codice fiscale;categoria;data assunzione\n"


class Person:
    """One of the company's people in a browser; everything that comes is written down."""

    def __init__(self, twin: Twin, role: str) -> None:
        self.twin, self.role = twin, role
        token = twin.company.headers[role]["Authorization"].removeprefix("Bearer ")
        self.browser = {"Authorization": "", "Cookie": f"beatrice={token}", "Origin": "http://beatrice.test"}

    async def get(self, path: str) -> httpx.Response:
        return await self.twin.ask("GET", path, role=self.role, **self.browser)

    async def send(self, path: str, **form: Any) -> httpx.Response:
        """Send a form as its page does."""
        body = str(httpx.QueryParams({"key": uuid4().hex, **form}))
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.twin.ask("POST", path, body, self.role, **self.browser, **kind)


async def look(twin: Twin, game: random.Random) -> None:
    """Open every page as whom it is for, or now and then as one of the others."""
    found = await _ids(twin, game)
    for route in READ:
        path = re.sub(r"\{(\w+)\}", lambda name: found[name[1]], route.path)
        mostly, *others = ("admin", "hr") if route.audience.name == "organisation" else ("hr", "admin")
        for_payroll = route.access.permission.startswith("payroll:")
        role = game.choice((mostly, mostly, *others, "hr_approver", "hr" if for_payroll else "payroll"))
        await Person(twin, role).get(path)
    # These look for what is one's own in care: by which way, the planner chooses.
    async with twin.uncounted():
        for path in PERSONAL:
            await Person(twin, game.choice(("hr", "payroll"))).get(path)


async def _ids(twin: Twin, game: random.Random) -> dict[str, str]:
    """What paths of pages name: some of the company's own things; a name that is not here fails."""
    known = {
        "company_id": twin.company.public_id,
        "organisation_id": twin.company.public_id,
        "employee_id": employee(game.choice(twin.persons)),
        "period": "2026-12",
        "grant_id": twin.grants[game.choice(sorted(twin.grants))],
    }
    for name, path in {"programme_id": "/programmes", "top_up_id": "/top_ups"}.items():
        listed = (await twin.of_company("GET", path)).json()["data"]
        known[name] = listed[0]["id"] if listed else ids.encode(name[:3], ids.new_id())
    return known


async def by_the_pages(twin: Twin, game: random.Random) -> None:
    """Announce a transfer, try and import a file, let somebody leave, draft, approve and revoke: by forms alone."""
    hr, approver = Person(twin, "hr"), Person(twin, "hr_approver")
    base = f"/companies/{twin.company.public_id}"
    await hr.send(f"{base}/top_ups", amount_cents=f"{game.randint(1, 900)},00")
    await hr.send(f"{base}/top_ups", amount_cents="1.250")
    row = f"Anna;Esempio;{game.choice(['SMPNNA85E41A163X', 'SMPNNA85E41A163Y'])};operai;01/03/2021\n"
    await hr.send(f"{base}/employees/import", text=HEAD + row)
    person = f"{base}/employees/{employee(twin.persons[game.randrange(len(twin.persons))])}"
    await hr.get(f"{person}?ended_on=2027-03-31")
    await hr.send(f"{person}/leaving", version="1", ended_on="2027-03-31")
    await hr.send(f"{person}/leaving", version="1", ended_on="2027-04-30")
    await hr.send(f"{person}/invite")
    programme = (await twin.of_company("GET", "/programmes?limit=1")).json()["data"][0]["id"]
    drafted = await hr.send(f"{base}/programmes/{programme}/grants", each_cents=f"{game.randint(20, 30)},00")
    grant = drafted.headers.get("location", f"{base}/grants/{twin.grants['base']}").partition("?")[0]
    for somebody, verb in ((hr, "approve"), (approver, "approve"), (hr, "revoke"), (approver, "approve_revocation")):
        await somebody.send(f"{grant}/{verb}", reason="Prova delle pagine")
        await somebody.get(grant)
