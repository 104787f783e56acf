"""Approval, the bank's file and its hand-over: another person, the same content, the money once."""

import hashlib
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
from lxml import etree

from app import ids
from app.banking.pain001 import NAMESPACE
from app.ledger import verify
from tests.settlements.books import BEFORE, NOW, Books
from tests.settlements.office import act, approve, close, fee_rule, ledger, settlement, stored


def _texts(content: bytes, path: str) -> list[str]:
    steps = "/".join(f"{{{NAMESPACE}}}{tag}" for tag in path.split("/"))
    return [element.text or "" for element in etree.fromstring(content).iterfind(f".//{steps}")]


async def _download(client: httpx.AsyncClient, books: Books, run: Any) -> httpx.Response:
    return await client.get(
        f"/v1/operator/settlement_runs/{run['id']}/payment_file", headers=books.operator.headers["finance"]
    )


async def test_money_waits_for_the_bank_once_approved(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7)
    await fee_rule(client, books)
    run = await close(client, books)
    approved = await approve(client, books, run)
    assert (approved["status"], approved["approved_by"]) == (
        "approved", ids.encode("usr", books.operator.users["finance"]),
    )  # fmt: skip
    assert (approved["content_sha256"], approved["execution_on"]) == (run["content_sha256"], "2026-12-10")
    assert (await settlement(client, provider))["status"] == "approved"
    assert await ledger(books) == {"provider_in_transit": 153_66, "platform_fees": 3_15, "vat_payable": 69}
    sent = await act(client, books, run, "sent")
    assert (sent.status_code, sent.json()["status"]) == (200, "sent")
    assert (await settlement(client, provider))["status"] == "paying"
    assert await books.world.execute("SELECT status, amount_cents FROM payout") == [("paying", 153_66)]
    assert (await ledger(books))["provider_in_transit"] == 153_66
    actions = await books.world.execute(
        "SELECT action, actor_id FROM audit_entry WHERE object_kind = 'settlement_run' ORDER BY id"
    )
    assert actions == [
        ("settlement_run.create", books.operator.users["operator"]),
        ("settlement_run.approve", books.operator.users["finance"]),
        ("settlement_run.send", books.operator.users["finance"]),
    ]


async def test_ledger_stays_true_and_balanced(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7)
    await fee_rule(client, books)
    await approve(client, books, await close(client, books))
    answer = await client.get("/v1/operator/ledger/trial_balance", headers=books.operator.headers["finance"])
    found = answer.json()
    assert found["balanced"] is True
    by_kind = {each["kind"]: (each["debit_cents"], each["credit_cents"]) for each in found["accounts"]}
    assert by_kind["provider_payable"] == (157_50, 157_50)
    assert by_kind["provider_in_transit"] == (0, 153_66)
    assert by_kind["platform_fees"] == (0, 3_15)
    assert by_kind["vat_payable"] == (0, 69)
    assert sum(debit for debit, _ in by_kind.values()) == sum(credit for _, credit in by_kind.values())
    async with books.world.database.begin() as session:
        report = await verify.verify(session)
    assert report.differences == []
    causes = await books.world.execute(
        "SELECT reason, cause_id = (SELECT id FROM settlement) FROM ledger.transfer"
        " WHERE reason ~ '^(settlement|payout)' ORDER BY reason"
    )
    assert causes == [("payout", True), ("settlement_fee", True), ("settlement_fee_vat", True)]


async def test_payment_file_is_valid_and_the_same_every_time(client: httpx.AsyncClient, books: Books) -> None:
    providers = [await books.world.provider(name) for name in ("Cooperativa Perché no", "RSA Honio")]
    for provider in providers:
        await books.units(provider, [22_50, 10_00])
    run = await close(client, books)
    assert (await _download(client, books, run)).json()["code"] == "state_conflict"
    await approve(client, books, run)
    before = await stored(books)
    first, again = await _download(client, books, run), await _download(client, books, run)
    assert await stored(books) == before
    assert (first.status_code, first.headers["content-type"]) == (200, "application/xml")
    assert first.headers["content-disposition"] == f'attachment; filename="beatrice-2026-11-30-{run["id"]}.xml"'
    spec = find_spec("sepaxml")
    assert spec is not None
    assert spec.origin is not None
    schema = etree.XMLSchema(etree.parse(Path(spec.origin).parent / "schemas" / "pain.001.001.09.xsd"))
    schema.assertValid(etree.fromstring(first.content))
    assert _texts(first.content, "GrpHdr/CtrlSum") == ["65.00"]
    assert _texts(first.content, "InstdAmt") == ["32.50", "32.50"]
    assert _texts(first.content, "Cdtr/Nm") == ["Cooperativa Perche no", "RSA Honio"]
    assert _texts(first.content, "RmtInf/Ustrd") == ["Liquidazione 2026/1"] * 2
    assert _texts(first.content, "ReqdExctnDt/Dt") == ["2026-12-10"]
    assert _texts(first.content, "GrpHdr/MsgId") == ["BEA" + run["content_sha256"][:32]]
    settled = [(await settlement(client, provider))["id"] for provider in providers]
    end_to_end = _texts(first.content, "EndToEndId")
    assert end_to_end == ["STL" + each.removeprefix("stl_").upper() for each in settled]
    assert {len(each) for each in end_to_end} == {29}
    # Neither a later state nor a moved provider changes the file.
    await act(client, books, run, "sent")
    await books.world.execute(
        "UPDATE organisation SET name = 'Other', town = 'Clusone' WHERE id = ANY (:ids)",
        ids=[providers[0].id, books.operator.id],
    )
    await books.world.bank_account(providers[0], "DE89370400440532013000", BEFORE)
    assert (await _download(client, books, run)).content == again.content == first.content


async def test_late_approval_asks_for_the_next_working_day(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    await books.world.set_now(datetime(2026, 12, 12, 12, tzinfo=UTC))  # a Saturday, two days late
    assert (await approve(client, books, run))["execution_on"] == "2026-12-14"
    assert _texts((await _download(client, books, run)).content, "ReqdExctnDt/Dt") == ["2026-12-14"]


async def test_empty_run_has_no_payment_file(client: httpx.AsyncClient, books: Books) -> None:
    run = await close(client, books)
    await approve(client, books, run)
    answer = await _download(client, books, run)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_pay")


async def _refused(client: httpx.AsyncClient, books: Books, run: Any, status: int, code: str, **how: Any) -> Any:
    before = await stored(books)
    answer = await act(client, books, run, how.pop("verb", "approve"), **how)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await stored(books) == before
    return answer.json()


async def test_maker_does_not_approve(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    await _refused(client, books, run, 403, "approver_is_maker", role="operator")
    # One person in two roles is still one person.
    await books.world.membership(books.operator.users["operator"], books.operator.id, "finance")
    await _refused(client, books, run, 403, "approver_is_maker", role="operator")


async def test_approval_is_for_the_content_seen(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    await _refused(client, books, run, 409, "content_changed", body={"content_sha256": "0" * 64})
    for unseen in ({}, {"content_sha256": None}, {"content_sha256": "short"}):
        await _refused(client, books, run, 422, "invalid", body=unseen)
    await approve(client, books, run)


TAMPERINGS = (
    ("settlement_line", "gross_cents = gross_cents + 1", "gross_cents = gross_cents - 1"),
    ("settlement_line", "service_on = service_on + 1", "service_on = service_on - 1"),
    ("settlement", "payout_cents = payout_cents + 1, gross_cents = gross_cents + 1",
     "payout_cents = payout_cents - 1, gross_cents = gross_cents - 1"),
    ("settlement", "content_sha256 = reverse(content_sha256)", "content_sha256 = reverse(content_sha256)"),
    ("settlement_run", "content_sha256 = reverse(content_sha256)", "content_sha256 = reverse(content_sha256)"),
)  # fmt: skip


async def test_content_changed_behind_the_guards_is_not_approved(
    fresh_client: httpx.AsyncClient, fresh_books: Books, cluster: Any, fresh_database_name: str
) -> None:
    provider = await fresh_books.world.provider()
    await fresh_books.units(provider, [10_00, 20_00])
    run = await close(fresh_client, fresh_books)
    with cluster.admin(fresh_database_name) as owner:
        for table, change, undo in TAMPERINGS:
            owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            for statement in ("ALTER TABLE settlement_line DROP CONSTRAINT IF EXISTS settlement_line_adds_up",
                              f"UPDATE {table} SET {change}"):  # fmt: skip
                owner.execute(statement)
            await _refused(fresh_client, fresh_books, run, 409, "content_changed")
            owner.execute(f"UPDATE {table} SET {undo}")
            owner.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        owner.execute("ALTER TABLE settlement_line DISABLE TRIGGER USER")
        owner.execute("UPDATE settlement_line SET kind = 'no_show_fee' WHERE gross_cents = 1000")
        await _refused(fresh_client, fresh_books, run, 409, "content_changed")
        owner.execute("UPDATE settlement_line SET kind = 'service'")
        await approve(fresh_client, fresh_books, run)


async def _verified(books: Books, at: datetime, *, ok: bool) -> None:
    wrong = [] if ok else [verify.Difference("account", str(books.lot_id), "posted", 1, 0)]
    async with books.world.work() as session:
        await verify.record(session, verify.Report(at, {}, wrong))


async def test_red_ledger_stops_payouts(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    for minute, ok in ((1, True), (2, False)):
        await _verified(books, datetime(2026, 12, 1, 3, minute, tzinfo=UTC), ok=ok)
    await _refused(client, books, run, 409, "ledger_unverified")
    await _verified(books, NOW, ok=True)
    await approve(client, books, run)


async def test_a_provider_without_an_address_is_paid(client: httpx.AsyncClient, books: Books) -> None:
    bare, blank, full = [await books.world.provider() for _ in range(3)]
    for provider in (bare, blank, full):
        await books.units(provider, [10_00])
    no_address = "street = NULL, street_number = NULL, postcode = NULL, town = NULL"
    await books.world.execute(f"UPDATE organisation SET {no_address} WHERE id = :id", id=bare.id)
    await books.world.execute("UPDATE organisation SET town = ' ' WHERE id = :id", id=blank.id)
    run = await close(client, books)
    await approve(client, books, run)
    answer = await _download(client, books, run)
    assert (answer.status_code, answer.text.count("<CdtTrfTxInf>"), answer.text.count("<PstlAdr>")) == (200, 3, 1)


async def test_states_only_go_forward(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    await _refused(client, books, run, 409, "state_conflict", verb="sent")
    await approve(client, books, run)
    assert (await _refused(client, books, run, 409, "state_conflict"))["state"] == "approved"
    assert (await act(client, books, run, "sent")).status_code == 200
    assert (await _refused(client, books, run, 409, "state_conflict"))["state"] == "sent"
    assert (await _refused(client, books, run, 409, "state_conflict", verb="sent"))["state"] == "sent"


async def test_unknown_run(client: httpx.AsyncClient, books: Books) -> None:
    run = {"id": ids.encode("run", ids.new_id())}
    for verb in ("approve", "sent"):
        await _refused(client, books, run, 404, "not_found", verb=verb)
    assert (await _download(client, books, run)).status_code == 404
    answer = await client.get(f"/v1/operator/settlement_runs/{run['id']}", headers=books.operator.headers["finance"])
    assert answer.status_code == 404


async def test_file_hash_is_kept(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    await approve(client, books, run)
    content = (await _download(client, books, run)).content
    kept = await books.world.scalar("SELECT payment_file_sha256 FROM settlement_run")
    assert kept == hashlib.sha256(content).hexdigest()
