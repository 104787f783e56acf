"""Pages of payroll: a month read and closed, the company's codes, and what everybody may know of it."""

from datetime import UTC, date, datetime

import httpx
import pytest

from app.payroll.actions import NewLine, record
from tests.credit.stage import Stage
from tests.grants.desk import Desk
from tests.portal.test_company import Visitor, led_to, told

MONTH = "/payroll_exports/2026-11"


@pytest.fixture
async def visitor(client: httpx.AsyncClient, desk: Desk, stage: Stage) -> Visitor:
    """With two lines in November."""
    person = await stage.world.employee(stage.company, family_name="Abba", given_name="Anna", external_id="OS1")
    day = date(2026, 11, 20)
    lines = [
        NewLine(stage.company.id, person.employee_id, 2026, "late_fee", 11_25, day, 11_25),
        NewLine(stage.company.id, person.employee_id, 2026, "reimbursement_payslip", 40_00, day, 0, "C2_F_TER"),
    ]
    async with stage.world.work() as session:
        await record(session, lines)
    await stage.world.set_now(datetime(2026, 12, 1, 8, tzinfo=UTC))
    return Visitor(client, desk)


async def test_a_month_is_shown_and_closed_as_it_was_shown(visitor: Visitor, stage: Stage) -> None:
    months = await visitor.get("/payroll_exports", "payroll")
    assert "novembre 2026 imponibile 11,25 € 51,25 € Aperto" in told(months)
    shown = told(await visitor.get(MONTH, "payroll"))
    assert "Abba Anna OS1 Penale pagata con il credito 2026 - 11,25 € 11,25 €" in shown
    assert "Senza causale: Penale pagata con il credito, Rimborso da pagare in busta (anziani e non autosuf" in shown
    refused = await visitor.post(f"{MONTH}/close", "payroll", content_sha256="0" * 64)
    assert (refused.status_code, "Il contenuto non è quello che hai visto" in told(refused)) == (409, True)
    export = await visitor.client.get(visitor.desk.base + MONTH, headers=stage.company.headers["payroll"])
    seen = export.json()["content_sha256"]
    assert led_to(await visitor.post(f"{MONTH}/close", "payroll", content_sha256=seen)).endswith("?done=period_closed")
    closed = await visitor.get(MONTH, "payroll")
    assert ("Chiudi il mese" in closed.text, seen in closed.text) == (False, True)
    file = await visitor.get(f"{MONTH}.csv", "payroll")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    for path in ("/payroll_exports", MONTH, f"{MONTH}.csv", "/payroll_cause_codes"):
        assert (await visitor.get(path, "hr")).status_code == 403
    assert "/payroll_exports" not in (await visitor.get("/account", "hr")).text


async def test_codes_are_typed_for_kinds_and_rules(visitor: Visitor) -> None:
    typed = {"late_fee:": "W510", "reimbursement_payslip:": "R1", "reimbursement_payslip:C2_F_TER": "R2"}
    assert led_to(await visitor.post("/payroll_cause_codes", "payroll", **typed)).endswith("?done=saved")
    form = (await visitor.get("/payroll_cause_codes", "payroll")).text
    assert [f'value="{code}"' in form for code in typed.values()] == [True] * 3
    shown = told(await visitor.get(MONTH, "payroll"))
    assert "Rimborso da pagare in busta: anziani e non autosufficienti 2026 R2 40,00 € 0,00 €" in shown
    refused = await visitor.post("/payroll_cause_codes", "payroll", **{"late_fee:": "x" * 33})
    assert (refused.status_code, "x" * 33 in refused.text) == (422, True)
    assert "W510" in (await visitor.get("/payroll_cause_codes", "payroll")).text


async def test_who_works_there_reads_what_payroll_sees(visitor: Visitor, stage: Stage) -> None:
    person = await stage.world.employee(stage.company)
    cookie = {"Cookie": f"beatrice={person.headers['Authorization'].removeprefix('Bearer ')}"}
    apart = await visitor.client.get("/me/payroll_access", headers=cookie)
    assert "Personale e paghe sono due persone diverse." in told(apart)
    await stage.world.membership(stage.company.users["hr"], stage.company.id, "payroll", "In congedo fino a giugno.")
    joined = told(await visitor.client.get("/me/payroll_access", headers=cookie))
    assert "Il motivo che l'azienda ha scritto: In congedo fino a giugno." in joined
