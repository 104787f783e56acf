"""Claims from the receipt to the bank: E7 and E11, money held, paid and freed; documents never exceeded."""

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from app.api import PASSES
from app.db import Database
from app.ledger.verify import verify
from tests.files.test_documents import PNG
from tests.world import Caller, Party, Person, World
from tests.world.caller import problem
from tests.world.given import PDF, RECEIPT

NOW = datetime(2026, 11, 23, 8, tzinfo=UTC)
CHILD = {
    "given_name": "Luca", "family_name": "Esempio", "relation": "child", "birth_date": "2024-02-01",
}  # fmt: skip
REASON = {"reason": "Documento in ordine."}


@dataclass
class Desk:
    """A person with two lots and a mother of 80 at home, and who decides."""

    world: World
    client: httpx.AsyncClient
    operator: Party
    company: Party
    person: Person
    mother: str
    lots: tuple[UUID, UUID]

    def by(self, role: str) -> Caller:
        return Caller(self.client, (self.operator.headers | {"employee": self.person.headers})[role])

    async def upload(self, content: bytes = PDF, kind: str = "application/pdf") -> httpx.Response:
        headers = {**self.person.headers, "Content-Type": kind}
        return await self.client.post("/v1/me/claim_files", content=content, headers=headers)

    async def asked(self, **fields: Any) -> httpx.Response:
        """Upload a document and claim it."""
        body = RECEIPT | {"beneficiary_id": self.mother, "file_ids": [(await self.upload()).json()["id"]]} | fields
        return await self.by("employee").ask("POST", "/me/claims", body)

    async def claimed(self, **fields: Any) -> dict[str, Any]:
        answer = await self.asked(**fields)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    async def said(self, role: str, claim_id: str, verb: str, body: Any = None) -> httpx.Response:
        base = "/me/claims" if role == "employee" else "/operator/claims"
        return await self.by(role).ask("POST", f"{base}/{claim_id}/{verb}", REASON if body is None else body)

    async def money(self) -> list[tuple[int, int]]:
        """(available, held) of each lot."""
        return [await self.world.balances(lot) for lot in self.lots]

    async def account(self, kind: str) -> int:
        sql = (
            "SELECT coalesce(sum(CASE WHEN to_account_id = account.id THEN amount_cents ELSE -amount_cents END), 0)"
            " FROM ledger.account JOIN ledger.transfer ON account.id IN (to_account_id, from_account_id)"
            " WHERE kind = :kind AND reason <> 'top_up'"
        )
        return int(await self.world.scalar(sql, kind=kind))


@pytest.fixture
async def desk(fresh_world: World, fresh_client: httpx.AsyncClient) -> Desk:
    world = fresh_world
    operator = await world.operator()
    await world.set_now(NOW)
    company = await world.company()
    person = await world.employee(company)
    mother = ids.encode("ben", await world.mother(person))
    lots = (
        await world.lot(company, person, 30_00, date(2026, 12, 31)),
        await world.lot(company, person, 300_00, date(2027, 5, 31)),
    )
    return Desk(world, fresh_client, operator, company, person, mother, lots)


async def seen_by_the_company(desk: Desk) -> list[object]:
    """Everything that its people may read of credit, and all that it was mailed."""
    paths = ("account", "account/entries", "programmes", "grants", "employees", "top_ups")
    found: list[object] = []
    for role in ("hr", "hr_approver", "payroll"):
        asked = Caller(desk.client, desk.company.headers[role], f"/v1/companies/{desk.company.public_id}")
        found += [(await asked.ask("GET", f"/{path}")).text for path in paths]
    mails = "SELECT recipient, text FROM outgoing_mail WHERE recipient NOT LIKE 'employee%' ORDER BY id"
    return [*map(_without_request, found), await desk.world.execute(mails)]


def _without_request(text_of: str) -> str:
    return re.sub(r'"request_id":"[^"]*"', "", text_of)


BEFORE = [(30_00, 0), (300_00, 0)]


async def verified(worker: Database) -> None:
    async with worker.begin("beatrice_worker") as session:
        report = await verify(session, PASSES)
    assert report.differences == []


async def test_a_receipt_becomes_money_on_the_account(desk: Desk, fresh_worker: Database) -> None:
    """E7 for the mother: held first-to-expire first, decided by the operator, paid by two people."""
    seen_before = await seen_by_the_company(desk)
    made = await desk.claimed()
    assert (made["status"], made["amount_cents"], made["left_cents"], made["rule_code"]) == (
        "submitted", 40_00, 0, "C2_F_TER",
    )  # fmt: skip
    assert made["iban_ends"] == "3456"
    assert await desk.money() == [(0, 30_00), (290_00, 10_00)]
    asked = await desk.said("operator", made["id"], "ask", {"question": "Manca la firma."})
    assert asked.json()["status"] == "needs_info"
    early = await desk.said("operator", made["id"], "approve")
    assert (early.status_code, early.json()["code"]) == (409, "state_conflict")
    photo = (await desk.upload(PNG, "image/png")).json()
    answered = await desk.said("employee", made["id"], "answer", {"answer": "Eccola.", "file_ids": [photo["id"]]})
    assert answered.json()["file_ids"] == [*made["file_ids"], photo["id"]]
    granted = await desk.said("operator", made["id"], "approve")
    assert (granted.json()["status"], granted.json()["answer"]) == ("approved", "Eccola.")
    assert await desk.money() == [(0, 0), (290_00, 0)]
    assert await desk.account("claims_payable") == 40_00

    run = await desk.by("operator").post("/operator/claim_runs")
    assert run["payees"] == [
        {"claim_id": made["id"], "name": "Maria Esempio", "iban": "IT60X0542811101000000123456", "amount_cents": 40_00}
    ]
    path, seen = f"/operator/claim_runs/{run['id']}", {"content_sha256": run["content_sha256"]}
    own = await desk.by("operator").ask("POST", f"{path}/approve", seen)
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")
    other = await desk.by("finance").ask("POST", f"{path}/approve", {"content_sha256": "0" * 64})
    assert (other.status_code, other.json()["code"]) == (409, "content_changed")
    await desk.by("finance").post(f"{path}/approve", seen)
    files = [await desk.by("finance").ask("GET", f"{path}/payment_file") for _ in range(2)]
    assert files[0].content == files[1].content
    for part in (b"<CtrlSum>40.00</CtrlSum>", b"<Nm>Maria Esempio</Nm>", b"<Ustrd>Rimborso welfare</Ustrd>"):
        assert part in files[0].content
    await desk.by("finance").post(f"{path}/sent")
    paid = await desk.by("employee").get(f"/me/claims/{made['id']}")
    assert (paid["status"], paid["decision"]) == ("paid", REASON["reason"])
    assert (await desk.account("claims_payable"), await desk.account("bank_clearing_company")) == (0, 40_00)
    assert (await desk.by("operator").ask("POST", "/operator/claim_runs")).json()["code"] == "nothing_to_pay"
    await verified(fresh_worker)
    assert await seen_by_the_company(desk) == seen_before
    mails = await desk.world.execute("SELECT subject || text FROM outgoing_mail WHERE text LIKE '%/me/claims/%'")
    assert len(mails) == 3
    assert [mail for mail in mails for word in ("Fisio", "40", "physio", "Maria") if word in mail[0]] == []


async def test_for_oneself_it_is_refused_with_what_to_do_instead(desk: Desk) -> None:
    """E7: the same service for oneself is C2_F, which is never reimbursed."""
    own = ids.encode("ben", desk.person.beneficiary_id)
    refused = problem(await desk.asked(beneficiary_id=own))
    assert (refused["status"], refused["code"], refused["decision"]) == (409, "not_reimbursable", "not_reimbursable")
    assert "pay_directly" in refused["alternatives"]
    assert await desk.money() == BEFORE
    assert await desk.world.scalar("SELECT count(*) FROM care.claim_document") == 0


async def test_a_nursery_fee_of_three_payers(desk: Desk) -> None:
    """E11: public money first; 400.00 are capped at 247.27; the rest of 200.00 may be claimed later."""
    child = await desk.by("employee").post("/me/beneficiaries", CHILD)
    fee = {"beneficiary_id": child["id"], "category": "nursery", "total_cents": 620_00, "public_cents": 372_73}
    capped = await desk.claimed(**fee, amount_cents=400_00)
    assert (capped["amount_cents"], capped["left_cents"], capped["rule_code"]) == (247_27, 0, "C2_F_BIS")
    assert await desk.money() == [(0, 30_00), (82_73, 217_27)]
    assert (await desk.said("employee", capped["id"], "withdraw", {})).json()["status"] == "withdrawn"
    assert await desk.money() == BEFORE
    first = await desk.claimed(**fee, amount_cents=200_00)
    assert first["left_cents"] == 47_27
    rest = await desk.claimed(**fee, amount_cents=100_00, number="ft12/2026")
    assert rest["amount_cents"] == 47_27
    again = problem(await desk.asked(**fee, amount_cents=1))
    assert (again["status"], again["code"]) == (409, "document_used_up")
    other = problem(await desk.asked(**fee | {"public_cents": 0}, amount_cents=1))
    assert (other["status"], other["code"]) == (409, "document_differs")
    assert await desk.money() == [(0, 30_00), (82_73, 217_27)]


async def test_what_was_refused_is_appealed_once_and_decided_by_another(desk: Desk, fresh_worker: Database) -> None:
    made = await desk.claimed()
    refused = await desk.said("operator", made["id"], "reject")
    assert (refused.json()["status"], refused.json()["left_cents"]) == ("rejected", 40_00)
    assert await desk.money() == BEFORE
    appealed = await desk.said("employee", made["id"], "appeal")
    assert (appealed.json()["status"], appealed.json()["appeal"]) == ("submitted", REASON["reason"])
    assert await desk.money() == [(0, 30_00), (290_00, 10_00)]
    same = await desk.said("operator", made["id"], "approve")
    assert (same.status_code, same.json()["code"]) == (403, "forbidden")
    await desk.world.membership(desk.operator.users["finance"], desk.operator.id, "operator")
    last = await desk.said("finance", made["id"], "reject")
    assert last.json()["status"] == "rejected"
    never = await desk.said("employee", made["id"], "appeal")
    assert (never.status_code, never.json()["code"]) == (409, "appeal_over")
    assert await desk.money() == BEFORE
    await verified(fresh_worker)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"amount_cents": 331_00, "total_cents": 400_00}, 409, "insufficient_credit"),
        ({"document_date": "2026-11-24"}, 422, "future"),
        ({"service_on": "2026-11-24"}, 422, "future"),
        ({"public_cents": 40_00}, 422, "nothing_left"),
        ({"iban": "IT61X0542811101000000123456"}, 422, "iban"),
        ({"file_ids": []}, 422, "too_short"),
        ({"file_ids": ["fil_01h455vb4pex5vsknk084sn02q"]}, 422, "unknown_file"),
        ({"beneficiary_id": "ben_01h455vb4pex5vsknk084sn02q"}, 404, "not_found"),
    ],
)
async def test_a_refusal_leaves_nothing(desk: Desk, fields: dict[str, Any], status: int, code: str) -> None:
    answer = await desk.asked(**fields)
    assert answer.status_code == status, answer.text
    found = answer.json()
    assert code == (found["errors"][0]["code"] if status == 422 else found["code"])
    assert await desk.money() == BEFORE
    counted = "SELECT (SELECT count(*) FROM care.claim) + (SELECT count(*) FROM care.claim_document)"
    assert await desk.world.scalar(counted) == 0


async def test_two_claims_on_one_document_at_once_never_exceed_it(desk: Desk) -> None:
    answers = await asyncio.gather(*(desk.asked(total_cents=50_00, amount_cents=40_00) for _ in range(4)))
    made = sorted(answer.json()["amount_cents"] for answer in answers if answer.status_code == 201)
    assert made == [10_00, 40_00]
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"document_used_up"}
    assert await desk.world.scalar("SELECT claimed_cents FROM care.claim_document") == 50_00


async def test_a_document_is_checked_sealed_and_handed_out_as_a_file(desk: Desk) -> None:
    for raw, kind, status, code in (
        (b"MZ a program", "application/pdf", 415, "not_a_document"),
        (b"", "application/pdf", 415, "not_a_document"),
        (PDF + bytes(5 * 1024 * 1024), "application/pdf", 413, "body_too_large"),
        (PDF, "application/zip", 415, "unsupported_media_type"),
    ):
        refused = await desk.upload(raw, kind)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert await desk.world.scalar("SELECT count(*) FROM care.claim_file") == 0
    made = await desk.claimed()
    path = f"/claims/{made['id']}/files/{made['file_ids'][0]}"
    for role, base in (("employee", "/me"), ("operator", "/operator")):
        read = await desk.by(role).ask("GET", base + path)
        assert (read.content, read.headers["content-type"]) == (PDF, "application/octet-stream")
        assert re.fullmatch(r'attachment; filename="\w{8}\.pdf"', read.headers["content-disposition"])
    foreign = await desk.world.employee(await desk.world.company(name="Altra S.p.A."))
    for hidden in (path, f"/claims/{made['id']}"):
        assert (await Caller(desk.client, foreign.headers).ask("GET", "/me" + hidden)).status_code == 404
    sealed = await desk.world.scalar("SELECT sealed_content FROM care.claim_file")
    assert b"%PDF" not in sealed
    for _ in range(10):
        await desk.upload()
    assert (await desk.upload()).json()["code"] == "too_many_files"


DECIDED = "UPDATE care.claim SET status = 'approved', decided_at = created_at, sealed_decision = '', decided_by = "
ATTACKS = [
    ("claim_document_never_exceeded", "UPDATE care.claim_document SET claimed_cents = 99999"),
    ("claim_document_is_sum", "UPDATE care.claim_document SET claimed_cents = 0"),
    ("claim_document_immutable", "UPDATE care.claim_document SET total_cents = 99999"),
    ("claim_transition", "UPDATE care.claim SET status = 'paid', paid_at = created_at"),
    ("claim_immutable", "UPDATE care.claim SET status = 'withdrawn', amount_cents = 1"),
    ("claim_is_its_holds", DECIDED + "(SELECT id FROM user_account WHERE id <> user_id LIMIT 1)"),
    ("claim_decided_by_another", DECIDED + "user_id"),
    ("claim_file_stays", "DELETE FROM care.claim_file"),
    ("InsufficientPrivilege", "DELETE FROM care.claim"),
]


async def test_the_database_refuses_too(desk: Desk) -> None:
    await desk.claimed(amount_cents=20_00)
    for guard, sql in ATTACKS:
        with pytest.raises(DBAPIError) as caught:
            async with desk.world.database.begin() as session:
                await session.execute(text(sql))
        assert isinstance(caught.value.orig, psycopg.Error)
        named = caught.value.orig.diag.constraint_name or type(caught.value.orig).__name__
        assert named == guard
