"""The pages of claims: upload, ask, be refused with the form kept, decide, pay by two people."""

import re
from datetime import UTC, date, datetime
from typing import Any

import httpx

from app import ids
from tests.portal.browsing import HERE, Browsing
from tests.world import Party, World
from tests.world.given import PDF, RECEIPT

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)


def led(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text[-3000:]
    return answer.headers["location"]


async def test_a_claim_is_asked_decided_and_paid_at_the_pages(
    fresh_world: World, fresh_client: httpx.AsyncClient
) -> None:
    world, client = fresh_world, fresh_client
    operator: Party = await world.operator()
    await world.set_now(NOW)
    company = await world.company()
    person = await world.employee(company)
    mother = ids.encode("ben", await world.mother(person))
    lot = await world.lot(company, person, 300_00, date(2027, 5, 31))
    mine = Browsing(client, person.headers)
    desk, second = (Browsing(client, operator.headers[role]) for role in ("operator", "finance"))

    async def sent(who: Browsing, path: str, **typed: Any) -> httpx.Response:
        return await who.send(path, typed)

    files = {"file": ("ricevuta.pdf", PDF, "application/pdf")}
    headers = mine.cookie | {"Origin": HERE}
    new = led(await client.post("/me/claim_files", files=files, headers=headers))
    file_id = re.search(r"file_id=(\w+)", new)
    assert file_id is not None
    program = {"file": ("ricevuta.pdf", b"MZ", "application/pdf")}
    refused = await client.post("/me/claim_files", files=program, headers=headers)
    assert (refused.status_code, "non è un PDF" in refused.text) == (415, True)

    fields = {name: value for name, value in RECEIPT.items() if not name.endswith("_cents")}
    typed = fields | {"file_ids[]": file_id[1], "total_cents": "40,00", "amount_cents": "40,00"}
    own = await sent(mine, "/me/claims", **typed, beneficiary_id=ids.encode("ben", person.beneficiary_id))
    assert own.status_code == 409
    for kept in (file_id[1], "Studio Fisio", "non ammette rimborsi", "Prenota il servizio"):
        assert kept in own.text
    path = led(await sent(mine, "/me/claims", **typed, beneficiary_id=mother)).partition("?")[0]
    shown = await mine.get(path)
    assert "In attesa di decisione" in shown.text
    assert await world.balances(lot) == (260_00, 40_00)

    theirs = path.replace("/me/", "/operator/")
    assert "Studio Fisio" in (await desk.get(theirs)).text
    assert led(await sent(desk, f"{theirs}/approve", reason="In ordine.")) == "/operator/claims?done=claim_approved"
    run = led(await sent(desk, "/operator/claim_runs")).partition("?")[0]
    page = (await second.get(run)).text
    seen = re.search(r'name="content_sha256" value="(\w+)"', page)
    assert seen is not None
    assert led(await sent(second, f"{run}/approve", content_sha256=seen[1])).endswith("claim_run_approved")
    assert led(await sent(second, f"{run}/sent")).endswith("claim_run_sent")
    assert "Pagata" in (await mine.get(path)).text
    assert await world.balances(lot) == (260_00, 0)
