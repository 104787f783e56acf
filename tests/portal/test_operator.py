"""The pages of operator, finance and coordinator: two people, exact sums, what was refused comes back."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import uuid4

import httpx

from app import ids
from tests.settlements.books import CUTOFF, NOW, Books
from tests.world import Caller, Party, World

ORIGIN = "http://beatrice.test"


@dataclass
class Reader:
    """Somebody with a session at the pages."""

    client: httpx.AsyncClient
    headers: dict[str, str]

    async def get(self, path: str, status: int = 200) -> str:
        answer = await self.client.get(path, headers=self._headers())
        assert answer.status_code == status, answer.text
        return _text(answer)

    async def send(self, path: str, **typed: Any) -> httpx.Response:
        """Send a form with a key of its own, as the page draws it."""
        given = {"key": uuid4().hex, **typed}
        return await self.client.post(path, data=given, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "beatrice=" + self.headers["Authorization"].removeprefix("Bearer "), "Origin": ORIGIN}


def _text(answer: httpx.Response) -> str:
    """Return what is read on a page: no tags, one space between words."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", answer.text)))


async def test_high_top_up_is_credited_by_two_people_and_listed_as_to_do(
    client: httpx.AsyncClient, operator: Party, company: Party
) -> None:
    hr = Caller(client, company.headers["hr"], f"/v1/companies/{company.public_id}")
    top_up = await hr.post("/top_ups", {"amount_cents": 1_500_000})
    first, second = (Reader(client, operator.headers[role]) for role in ("operator", "finance"))

    assert "Versamenti da controllare Cerca la causale sull'estratto conto, poi conferma. 1 " in await first.get(
        "/operator"
    )
    path = f"/operator/top_ups/{top_up['id']}/confirm"
    seen = await first.send(path, amount_cents="1500000")
    assert (seen.status_code, seen.headers["location"]) == (303, "/operator/top_ups?done=top_up_seen")
    assert "Hai già confermato tu: ora serve un'altra persona." in await first.get("/operator/top_ups")
    again = await first.send(path, amount_cents="1500000")
    assert again.status_code == 403
    assert "Versamenti delle aziende" in _text(again)
    assert (await hr.get("/account"))["balance_cents"] == 0

    waiting = await second.get("/operator/top_ups?status=confirming")
    assert "Una persona ha già confermato: con il tuo sì la somma è accreditata. Sono arrivati 15.000,00 €" in waiting
    wrong = await second.send(path, amount_cents="1500001")
    assert wrong.status_code == 409
    assert (await hr.get("/account"))["balance_cents"] == 0
    done = await second.send(path, amount_cents="1500000")
    assert done.headers["location"] == "/operator/top_ups?done=top_up_confirmed"
    assert (await hr.get("/account"))["balance_cents"] == 1_500_000
    assert "Non c'è nulla in attesa" in await second.get("/operator")


async def test_run_is_made_shown_line_by_line_and_approved_by_its_hash(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider("Cooperativa <Serio>")
    await books.units(provider, [10_000, 5_000])
    await books.world.set_now(NOW)
    maker, finance = (Reader(client, books.operator.headers[role]) for role in ("operator", "finance"))

    refused = await maker.send("/operator/settlement_runs", cutoff_on="2099-01-01")
    assert refused.status_code == 422
    assert "Ancora nessuna liquidazione." in _text(refused)
    made = await maker.send("/operator/settlement_runs", cutoff_on=CUTOFF.isoformat())
    page = made.headers["location"].removesuffix("?done=run_made")
    own = await maker.get(page)
    assert "L'hai preparata tu: deve approvarla un'altra persona" in own
    assert "Approva 150,00 €" not in own

    shown = await finance.get(page)
    assert "150,00 € in 1 pagamento" in shown
    line = "Cooperativa <Serio> 2026/1 mai pagato prima IT60 X054 2811 1010 0000 0123 456 150,00 € 0,00 € 150,00 €"
    assert line in shown
    found = re.search(r"[0-9a-f]{64}", shown)
    assert found
    stale = await finance.send(f"{page}/approve", content_sha256="0" * 64)
    assert stale.status_code == 409
    assert "Approva 150,00 €" in _text(stale)
    approved = await finance.send(f"{page}/approve", content_sha256=found[0])
    assert approved.headers["location"] == f"{page}?done=run_approved"
    file = await client.get(f"{page}/payment_file", headers=finance._headers())
    assert (file.status_code, file.headers["content-type"]) == (200, "application/xml")
    assert b"IT60X0542811101000000123456" in file.content
    await maker.send(f"{page}/sent")
    assert "consegnata alla banca" in await finance.get("/operator/settlement_runs")
    assert "in pareggio" in await finance.get("/operator/ledger/trial_balance")


async def test_operator_keeps_organisations_and_a_second_person_their_accounts(
    client: httpx.AsyncClient, operator: Party
) -> None:
    first, second = (Reader(client, operator.headers[role]) for role in ("operator", "finance"))
    typed = {"name": "Cooperativa Nuova", "tax_code": "00743110157", "iban": "IT60X0542811101000000123456"}
    refused = await first.send("/operator/organisations", **typed)
    assert refused.status_code == 422
    assert "Serve un valore." in _text(refused)
    assert 'value="Cooperativa Nuova"' in refused.text
    made = await first.send("/operator/organisations", **typed, **{"kinds[]": "provider"})
    page = made.headers["location"].removesuffix("?done=organisation_made")
    assert "IT60 X054 2811 1010 0000 0123 456 da controllare" in await first.get(page)

    version = re.search(r'name="version" value="(\d+)"', (await client.get(page, headers=first._headers())).text)
    assert version
    saved = await first.send(page, version=version[1], name="Cooperativa Nuovissima")
    assert saved.headers["location"] == f"{page}?done=saved"
    assert (await first.send(page, version=version[1], name="Un'altra")).status_code == 412
    invited = await first.send(f"{page}/members", email="anna@example.test", **{"roles[]": ["admin", "manager"]})
    assert invited.headers["location"] == f"{page}?done=invited"

    asked = await second.get("/operator/bank_accounts?status=pending")
    assert "Cooperativa Nuovissima da controllare IT60 X054 2811 1010 0000 0123 456" in asked
    account = (await Caller(client, operator.headers["finance"]).get("/operator/bank_accounts"))["data"][0]["id"]
    own = await first.send(f"/operator/bank_accounts/{account}/approve")
    assert own.status_code == 403
    assert "Conto approvato." not in _text(own)
    done = await second.send(f"/operator/bank_accounts/{account}/approve")
    assert done.headers["location"] == "/operator/bank_accounts?done=account_approved"


async def test_fees_and_settings_take_two_people_and_read_percent_and_euro(
    client: httpx.AsyncClient, operator: Party
) -> None:
    first, second = (Reader(client, operator.headers[role]) for role in ("operator", "finance"))
    refused = await first.send("/operator/fee_rules", percent_bps="molto", valid_from="2027-01-01")
    assert refused.status_code == 422
    assert "Scrivi un importo in euro" in _text(refused)
    await first.send("/operator/fee_rules", percent_bps="2,50", fixed_cents="0,30", valid_from="2027-01-01")
    assert "Per tutti bozza 2,5% più 0,30 € a riga" in await second.get("/operator/fee_rules")
    rule = (await Caller(client, operator.headers["finance"]).get("/operator/fee_rules"))["data"][0]
    assert (rule["percent_bps"], rule["fixed_cents"]) == (250, 30)
    assert (await first.send(f"/operator/fee_rules/{rule['id']}/approve")).status_code == 403
    approved = await second.send(f"/operator/fee_rules/{rule['id']}/approve")
    assert approved.headers["location"] == "/operator/fee_rules?done=fee_rule_approved"

    change = {
        "name": "top_up_limit_cents",
        "value": "20.000,00",
        "reason": "Aziende grandi",
        "valid_from": "2027-01-01",
    }
    assert (await first.send("/operator/settings", **change, scope="xyz_1")).status_code == 422
    waits = await first.send("/operator/settings", **change)
    assert waits.headers["location"] == "/operator/settings?done=setting_waits"
    assert "Versamento che chiede due persone: 20.000,00 € aspetta una seconda persona" in await second.get(
        "/operator/settings"
    )


async def test_coordinator_admits_and_accredits_others_do_not_see_it(client: httpx.AsyncClient, world: World) -> None:
    await world.operator()
    provider = await world.provider("Cooperativa Serio", accredited=False)
    page = "/alliances/" + ids.encode("all", await world.alliance())
    coordinator = Reader(client, world.coordinator)
    assert "Alleanza di prova" in await coordinator.get("/alliances")
    refused = await coordinator.send(f"{page}/memberships", organisation_id="boh", role="provider")
    assert refused.status_code == 422
    assert 'value="boh"' in refused.text
    admitted = await coordinator.send(f"{page}/memberships", organisation_id=provider.public_id, role="provider")
    assert admitted.headers["location"] == f"{page}?done=admitted"
    assert "Cooperativa Serio" in await coordinator.get(page)
    manager = Reader(client, provider.headers["manager"])
    await manager.get("/operator", 403)
    await manager.get(f"{page}/accreditations", 404)

    asking = Caller(client, provider.headers["manager"], f"/v1/providers/{provider.public_id}")
    asked = await asking.post("/accreditations", {"alliance_id": page.removeprefix("/alliances/")})
    assert "1 accreditamento aspetta una decisione." in await coordinator.get(page)
    refusal = await coordinator.send(f"{page}/accreditations/{asked['id']}/refuse")
    assert refusal.headers["location"] == f"{page}/accreditations?done=accreditation_refused"


async def test_trial_environment_shows_its_clock_and_mails_to_the_operator_only(
    client: httpx.AsyncClient, operator: Party, company: Party
) -> None:
    reader = Reader(client, operator.headers["operator"])
    assert "employee1@orobia-stampi.example" in await reader.get("/sandbox")
    before = (await Caller(client, operator.headers["operator"]).get("/sandbox/clock"))["now"]
    assert (await reader.send("/sandbox/clock", now="2020-01-01T09:00")).status_code == 409
    assert (await reader.send("/sandbox/clock", now="presto")).status_code == 422
    moved = await reader.send("/sandbox/clock", now="2027-03-01T09:00")
    assert moved.headers["location"] == "/sandbox?done=clock_moved"
    after = (await Caller(client, operator.headers["operator"]).get("/sandbox/clock"))["now"]
    assert before < after
    assert after.startswith("2027-03-01T08:00")
    await Reader(client, company.headers["hr"]).get("/sandbox", 403)
    nobody = await client.get("/sandbox")
    assert nobody.headers["location"].startswith("/login?next=")
