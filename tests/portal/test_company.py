"""Pages of a company and of an organisation's people: what is shown, what is done, what is refused beside its field."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app import ids
from tests.credit.stage import Stage
from tests.grants.desk import Desk
from tests.people import snapshot
from tests.world import World
from tests.world.people import fiscal_code

HEAD = "matricola;nome;cognome;codice fiscale;categoria;data assunzione\n"


class Visitor:
    """Somebody of a company at its pages, in a browser."""

    def __init__(self, client: httpx.AsyncClient, desk: Desk) -> None:
        self.client = client
        self.desk = desk
        self.base = desk.base.removeprefix("/v1")

    async def get(self, path: str, role: str = "hr", **query: str) -> httpx.Response:
        return await self._ask("GET", path, role, params=query)

    async def post(self, path: str, role: str = "hr", **form: Any) -> httpx.Response:
        query = {"dry_run": "true"} if form.pop("dry_run", False) else {}
        sent = form | ({} if query else {"key": uuid4().hex})
        return await self._ask("POST", path, role, data=sent, params=query)

    async def send(self, path: str, content: str) -> httpx.Response:
        """Send a file as a browser's form does."""
        return await self._ask("POST", path, "hr", files={"file": ("personale.csv", content, "text/csv")})

    async def _ask(self, method: str, path: str, role: str, **more: Any) -> httpx.Response:
        token = self.desk.company.headers[role]["Authorization"].removeprefix("Bearer ")
        headers = {"Origin": "http://beatrice.test", "Cookie": f"beatrice={token}"}
        return await self.client.request(method, self.base + path, headers=headers, **more)


@pytest.fixture
def visitor(client: httpx.AsyncClient, desk: Desk) -> Visitor:
    return Visitor(client, desk)


def told(answer: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    page = re.sub(r"<[^>]+>", " ", answer.text.replace("\N{NO-BREAK SPACE}", " ").replace("&#39;", "'"))
    return " ".join(page.split())


def led_to(answer: httpx.Response) -> str:
    assert answer.status_code == 303, told(answer)
    return str(answer.headers["location"])


async def test_the_account_shows_what_was_given_and_nothing_of_its_use(visitor: Visitor, stage: Stage) -> None:
    await stage.lot(250_00)
    shown = await visitor.get("/account", "payroll")
    assert shown.status_code == 200
    assert "dato al personale 250,00 €" in told(shown)
    assert f'href="{visitor.base}/top_ups"' not in shown.text  # payroll has no right to them
    assert (await visitor.get("/top_ups", "payroll")).status_code == 403
    stranger = Visitor(visitor.client, Desk(visitor.client, await stage.world.company()))
    stranger.base = visitor.base
    assert (await stranger.get("/account")).status_code == 404
    away = await visitor.client.get(f"{visitor.base}/account")
    assert led_to(away) == "/login?next=" + f"{visitor.base}/account".replace("/", "%2F")


async def test_a_transfer_is_announced_in_euro_and_answered_by_a_sheet(visitor: Visitor, world: World) -> None:
    before = await world.scalar("SELECT count(*) FROM top_up")
    refused = await visitor.post("/top_ups", amount_cents="1.250")
    assert (refused.status_code, "Scrivi anche i centesimi: 1.250,00." in told(refused)) == (422, True)
    assert 'value="1.250"' in refused.text
    assert await world.scalar("SELECT count(*) FROM top_up") == before

    sheet = led_to(await visitor.post("/top_ups", amount_cents="1.250,00"))
    shown = await visitor.get(sheet.removeprefix(visitor.base))
    reference = await world.scalar("SELECT payment_reference FROM top_up ORDER BY id DESC LIMIT 1")
    for word in ("1.250,00 €", "Beatrice operator", "IT60 X054 2811 1010 0000 0123 456", reference):
        assert word in told(shown)
    assert '<svg viewBox="' in shown.text
    assert "style=" not in shown.text


async def test_somebody_is_added_changed_and_leaves_after_a_look(visitor: Visitor, world: World) -> None:
    person = {"given_name": "Anna", "family_name": "Esempio", "fiscal_code": "RCCMNL83S18D969H"}
    lacking = await visitor.post("/employees", **person)
    assert (lacking.status_code, 'value="RCCMNL83S18D969H"' in lacking.text) == (422, True)
    made = led_to(await visitor.post("/employees", **person, category="impiegati", hired_on="2026-01-01"))
    path = made.removeprefix(visitor.base).partition("?")[0]
    assert "Esempio Anna" in told(await visitor.get("/employees", q="RCCMNL83S18D969H"))

    look = await visitor.get(path, ended_on="2026-12-31")
    assert "Dopo quel giorno Anna Esempio non riceve più credito dall'azienda." in told(look)
    version = re.search(r'name="version" value="(\d+)"', look.text)
    assert version is not None
    assert led_to(await visitor.post(path + "/leaving", ended_on="2026-12-31", version=version[1])) == (
        f"{visitor.base}{path}?done=leaving_noted"
    )
    stale = await visitor.post(path, **person, category="operai", hired_on="2026-01-01", version=version[1])
    assert (stale.status_code, 'value="operai"' in stale.text) == (412, True)
    kept = await world.scalar("SELECT category || ended_on FROM employee WHERE ended_on IS NOT NULL")
    assert kept == "impiegati2026-12-31"


async def test_a_file_is_tried_before_it_is_imported(visitor: Visitor, world: World) -> None:
    before = await world.scalar("SELECT count(*) FROM employee")
    good = HEAD + "A1;Anna;Prova;RCCMNL83S18D969H;operai;01/12/2026\n"
    wrong = await visitor.send("/employees/import/try", good + "A2;Ugo;Prova;XXX;operai;01/12/2026\n")
    assert wrong.status_code == 200
    assert "3 A2 · Ugo · Prova · XXX · operai · 01/12/2026 codice fiscale:" in told(wrong)
    tried = await visitor.send("/employees/import/try", good)
    assert "Persone da aggiungere 1 " in told(tried)
    assert await world.scalar("SELECT count(*) FROM employee") == before
    carried = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", tried.text, re.DOTALL)
    assert carried is not None
    done = await visitor.post("/employees/import", text=carried[1])
    assert led_to(done) == f"{visitor.base}/employees?done=imported"
    assert await world.scalar("SELECT count(*) FROM employee") == before + 1


async def test_a_grant_is_tried_drafted_and_approved_by_another(visitor: Visitor, stage: Stage, desk: Desk) -> None:
    programme = f"/programmes/{await desk.programme()}"
    tried = await visitor.post(programme + "/grants", dry_run=True, each_cents="250,00")
    assert "Persone 1 In tutto 250,00 €" in told(tried)
    assert await stage.world.scalar("SELECT count(*) FROM credit_grant") == 0
    unknown = await visitor.post(programme + "/grants", dry_run=True, lines="matricola\timporto\nZZ\t250,00")
    assert (unknown.status_code, "2 ZZ · 250,00 matricola:" in told(unknown)) == (422, True)

    grant = led_to(await visitor.post(programme + "/grants", each_cents="250,00"))
    path = grant.removeprefix(visitor.base).partition("?")[0]
    own = await visitor.post(path + "/approve")
    assert own.status_code == 403
    assert "Da approvare" in told(own)
    assert led_to(await visitor.post(path + "/approve", "hr_approver")).endswith("?done=grant_active")
    shown = told(await visitor.get(path))
    assert f"Esempio{stage.person.number} Anna" in shown
    line = ids.encode("emp", stage.person.employee_id)
    asked = await visitor.post(path + "/revoke", reason="Elenco sbagliato", **{"employee_ids[]": line})
    assert led_to(asked).endswith("?done=revocation_asked")
    assert led_to(await visitor.post(path + "/approve_revocation", "hr_approver")).endswith("?done=grant_revoked")
    assert "approvata il" in told(await visitor.get(path))


async def test_an_agreements_credit_is_prepared_for_whom_it_is_due(visitor: Visitor, world: World, desk: Desk) -> None:
    left_out = await world.employee(desk.company)
    await world.execute("UPDATE employee SET contract = 'agency' WHERE id = :id", id=left_out.employee_id)
    made = await visitor.post(
        "/programmes", name="CCNL", source="collective_agreement", employee_category="operai",
        lot_expires_on="2027-05-31", agreement_code="metalworkers", agreement_year="2026",
        **{"rule_codes[]": "C2_F_TER"},
    )  # fmt: skip
    programme = led_to(made).removeprefix(visitor.base).partition("?")[0]
    assert "da dare entro il 28 febbraio 2026" in told(await visitor.get(programme))
    for page in ("/account", "/programmes"):
        notice = (
            "Dal 28 febbraio 2026 è scaduto il termine del contratto collettivo ( CCNL ): manca a 1 persona, 250,00 €."
        )
        assert notice in told(await visitor.get(page))
    due = told(await visitor.get(programme + "/due"))
    assert "Spetta e manca 1 di cui in ritardo 1 Mancano in tutto 250,00 €" in due
    assert "Non spetta in somministrazione: lo deve l'agenzia" in due
    tried = await visitor.post(programme + "/grants", dry_run=True, each_cents="250,00")
    assert "1 persona della categoria resta fuori" in told(tried)
    refused = await visitor.post(programme + "/grants", dry_run=True, each_cents="249,99")
    assert refused.status_code == 422
    listed = f"matricola;importo\n{left_out.number};250,00"
    other = await visitor.post(programme + "/grants", dry_run=True, lines=listed, generality_reason="other")
    assert "scrivi quale motivo è" in told(other)


async def test_an_alliances_coordinator_is_appointed_and_approves_at_her_page(
    client: httpx.AsyncClient, world: World, desk: Desk
) -> None:
    alliance_id = await world.alliance()
    await world.admit(alliance_id, desk.company, "company")
    await world.membership(desk.company.users["hr"], desk.company.id, "admin")
    public = ids.encode("all", alliance_id)
    members = Visitor(client, desk)
    members.base = f"/organisations/{desk.company.public_id}"
    assert "Alleanza di prova" in told(await members.get("/members"))
    given = await members.post("/approval_mandates", alliance_id=public)
    assert led_to(given) == f"{members.base}/members?done=mandate_given"
    drafted = await desk.grant(await desk.programme(), each_cents=100_00)
    token = world.coordinator["Authorization"].removeprefix("Bearer ")
    headers = {"Origin": "http://beatrice.test", "Cookie": f"beatrice={token}"}
    page = f"/alliances/{public}/mandated_grants"
    shown = told(await client.get(page, headers=headers))
    assert "a 1 persona 100,00 €" in shown
    assert "Anna" not in shown
    approved = await client.post(f"{page}/{drafted['id']}/approve", headers=headers, data={"key": uuid4().hex})
    assert led_to(approved) == f"{page}?done=mandated"
    assert await world.scalar("SELECT status FROM credit_grant") == "active"
    home = told(await client.get(f"/alliances/{public}", headers=headers))
    assert "Fondo di solidarietà 0,00 €" in home


async def test_people_are_invited_and_a_key_is_shown_once(visitor: Visitor, world: World, desk: Desk) -> None:
    company = desk.company
    company.users["admin"], company.headers["admin"] = await world.login("admin@example.test")
    await world.membership(company.users["admin"], company.id, "admin")
    visitor.base = visitor.base.replace("/companies/", "/organisations/")
    assert (await visitor.get("/members")).status_code == 403  # HR keeps no members
    page = await visitor.get("/members", "admin")
    assert "Approva il credito" in told(page)
    assert 'value="manager"' not in page.text
    refused = await visitor.post("/members", "admin", email="nuova", **{"roles[]": "payroll"})
    assert (refused.status_code, "Questo non è un indirizzo e-mail." in told(refused)) == (422, True)
    done = await visitor.post("/members", "admin", email="nuova@example.com", **{"roles[]": "payroll"})
    assert led_to(done).endswith("/members?done=member_invited")
    waiting = "nuova@example.com Paghe: legge conto, elenco e importi per la busta paga vale fino al"
    assert waiting in told(await visitor.get("/members", "admin"))

    made = await visitor.post("/api_keys", "admin", name="Paghe", **{"scopes[]": "employees:read"})
    key = re.search(r"<code>(bea_[^<]+)</code>", made.text)
    assert (made.status_code, made.headers["cache-control"], key is not None) == (200, "no-store", True)
    listed = await visitor.get("/api_keys", "admin")
    assert key is not None
    assert key[1] not in listed.text
    one = re.search(r"/api_keys/(key_\w+)/revoke", listed.text)
    assert one is not None
    assert led_to(await visitor.post(f"/api_keys/{one[1]}/revoke", "admin")).endswith("?done=key_revoked")
    assert "non vale più" in told(await visitor.get("/api_keys", "admin"))


async def test_an_announced_transfer_is_taken_back_at_the_page(visitor: Visitor, world: World) -> None:
    sheet = led_to(await visitor.post("/top_ups", amount_cents="80,00")).removeprefix(visitor.base).partition("?")[0]
    assert "Annulla l'annuncio" in told(await visitor.get(sheet))
    assert "Annulla l'annuncio" not in told(await visitor.get(sheet, "hr_approver"))
    assert led_to(await visitor.post(sheet + "/cancel")) == f"{visitor.base}/top_ups?done=top_up_cancelled"
    after = told(await visitor.get(sheet))
    assert ("Annullato" in after, "Annulla l'annuncio" in after) == (True, False)
    before = await snapshot(world, "top_up")
    refused = await visitor.post(sheet + "/cancel")
    assert (refused.status_code, "Annullato" in told(refused)) == (409, True)
    assert await snapshot(world, "top_up") == before


async def test_the_staffs_page_counts_downloads_and_invites_again(visitor: Visitor, world: World, desk: Desk) -> None:
    one = {"family_name": "Esempio", "fiscal_code": "RCCMNL83S18D969H", "hired_on": "2020-01-15", "category": "quadri"}
    await desk.of().post("/employees", {**one, "given_name": "Anna", "email": "anna@example.com"})
    other = {**one, "given_name": "=Bruno", "fiscal_code": fiscal_code(3)}
    await desk.of().post("/employees", other)
    shown = await visitor.get("/employees", q="Esempio")
    assert "quadri 2" in told(shown)
    assert "Ripeti l'invito a chi in questa pagina non è ancora entrato" in told(shown)
    named = re.findall(r'name="employee_ids\[\]" value="(emp_\w+)"', shown.text)
    assert len(named) == 1
    mails = len(await snapshot(world, "outgoing_mail"))
    done = await visitor.post("/employees/invite", **{"employee_ids[]": named})
    assert led_to(done) == f"{visitor.base}/employees?done=invited_again"
    assert len(await snapshot(world, "outgoing_mail")) == mails + 1
    nobody = await visitor.post("/employees/invite")
    assert nobody.status_code == 422
    file = await visitor.get("/employees.csv", "payroll")
    assert (file.status_code, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert [line.split(",")[1] for line in file.text.splitlines() if "quadri" in line] == ["'=Bruno", "Anna"]
    assert (await visitor.post("/employees/invite", "payroll", **{"employee_ids[]": named})).status_code == 403


async def test_a_programme_gets_more_days_and_is_put_away(visitor: Visitor, desk: Desk, stage: Stage) -> None:
    await stage.lot(100_00)
    programme_id = (await desk.get("/programmes")).json()["data"][0]["id"]
    path = f"/programmes/{programme_id}"
    refused = await visitor.post(path, version="1", lot_expires_on="2026-12-30")
    assert (refused.status_code, "l'ultimo giorno spostarsi in avanti" in told(refused)) == (409, True)
    assert led_to(await visitor.post(path, version="1", lot_expires_on="2027-03-31")).endswith(
        "done=programme_extended"
    )
    assert "Ultimo giorno per usarlo 31 marzo 2027" in told(await visitor.get(path))
    assert led_to(await visitor.post(f"{path}/archive")).endswith("done=programme_archived")
    away = told(await visitor.get(path))
    assert ("archiviato" in away, "Rimetti in uso" in away, "Prepara un piano" in away) == (True, True, False)
    assert programme_id not in (await visitor.get("/programmes")).text
    assert programme_id in (await visitor.get("/programmes", archived="1")).text
    assert led_to(await visitor.post(f"{path}/restore")).endswith("done=programme_restored")


async def test_one_line_is_corrected_from_the_grants_page(visitor: Visitor, desk: Desk, stage: Stage) -> None:
    await stage.lot(100_00)
    grant_id = (await desk.get("/grants")).json()["data"][0]["id"]
    somebody = ids.encode("emp", stage.person.employee_id)
    line = f"/grants/{grant_id}/lines/{somebody}"
    assert line in (await visitor.get(f"/grants/{grant_id}")).text
    assert "Da questo piano 100,00 €" in told(await visitor.get(line))
    refused = await visitor.post(f"{line}/more", amount_cents="1.250", generality_reason="other")
    assert (refused.status_code, "Scrivi anche i centesimi: 1.250,00." in told(refused)) == (422, True)
    programme_id = (await desk.get(f"/grants/{grant_id}")).json()["programme_id"]
    given = {"programme_id": programme_id, "amount_cents": "20,50", "generality_reason": "other"}
    more = led_to(await visitor.post(f"{line}/more", **given))
    assert "20,50 €" in told(await visitor.get(more.removeprefix(visitor.base)))
    asked = {"employee_ids[]": somebody, "reason": "Somma sbagliata"}
    assert led_to(await visitor.post(f"/grants/{grant_id}/revoke", **asked)).endswith("done=revocation_asked")
    assert "aspetta già un'altra persona" in told(await visitor.get(line))
    assert (await visitor.get(line.replace(somebody, ids.encode("emp", ids.new_id())))).status_code == 404
    assert (await visitor.get(line, "payroll")).status_code == 403


async def test_a_leaving_is_told_by_programmes_and_without_sums(visitor: Visitor, stage: Stage) -> None:
    await stage.lot(100_00, name="Welfare di dicembre")
    path = f"/employees/{ids.encode('emp', stage.person.employee_id)}"
    shown = told(await visitor.get(path, ended_on="2026-11-30"))
    assert "Welfare di dicembre : il credito resta alla persona fino al 31 dicembre 2026, anche senza" in shown
    assert ("va al fondo di solidarietà." in shown, "100,00" in shown) == (True, False)


async def test_the_account_over_a_period_and_the_report_of_a_year(visitor: Visitor, stage: Stage) -> None:
    await stage.lot(100_00)
    shown = told(await visitor.get("/account/statement", date_from="2026-12-31", date_to="2026-01-01"))
    assert "Dal 1 gennaio 2026 al 31 dicembre 2026." in shown
    assert ("1.000,00 € 1.000,00 €" in shown, "-100,00 € 900,00 €" in shown) == (True, True)
    assert (await visitor.get("/account/statement", date_from="2020-01-01", date_to="2026-01-01")).status_code == 200
    file = await visitor.get("/account/statement.csv", format="excel", date_from="2026-01-01", date_to="2026-12-31")
    assert file.text.split("\r\n")[-2] == "2026-12-31;closing;;;900,00"
    report = told(await visitor.get("/reports/programmes", year="2026"))
    assert "Il welfare del 2026 100,00 € dati a 1 persona" in report
    assert "nessun programma" in told(await visitor.get("/reports/programmes", year="2019"))
    assert (await visitor.get("/reports/programmes", "payroll")).status_code == 403
