"""A company's side over HTTP: account, top-ups, programmes, grants; what it may not see or do."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import event
from stdnum import iso11649

from app import clock, ids
from tests.credit.stage import Stage, set_stage
from tests.grants.desk import Desk, count, employee, pointers
from tests.people import snapshot
from tests.world import Caller, World
from tests.world.given import PROGRAMME


async def test_e3_grant_waits_for_its_whole_money(client: httpx.AsyncClient, world: World) -> None:
    stage = await set_stage(world, 0)
    operator = await world.operator()
    desk = Desk(client, stage.company)
    await world.fund(stage.company, 25_000_00)
    await world.employments(stage.company, 120, category="impiegati")
    programme_id = await desk.programme(employee_category="impiegati")
    drafted = await desk.grant(programme_id, each_cents=250_00)
    assert (drafted["status"], drafted["total_cents"], drafted["employee_count"], drafted["shortfall_cents"]) == (
        "draft",
        30_000_00,
        120,
        5_000_00,
    )
    waiting = (await desk.approve(drafted["id"])).json()
    assert (waiting["status"], waiting["shortfall_cents"]) == ("awaiting_funds", 500_000)
    assert await count(world, "lot") == 0
    assert await desk.account() == (25_000_00, 0, 30_000_00)

    top_up = (await desk.post("/top_ups", {"amount_cents": 5_000_00})).json()
    assert top_up["status"] == "pending"
    assert iso11649.is_valid(top_up["payment_reference"])
    confirm = f"/v1/operator/top_ups/{top_up['id']}/confirm"
    headers = {**operator.headers["finance"], "Idempotency-Key": "bank-1"}
    confirmed = await client.post(confirm, headers=headers)
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "confirmed")
    assert (await client.post(confirm, headers=headers)).content == confirmed.content
    again = await client.post(confirm, headers={**headers, "Idempotency-Key": "bank-2"})
    assert (again.status_code, again.json()["code"], again.json()["state"]) == (409, "already_resolved", "confirmed")

    active = (await desk.get(f"/grants/{drafted['id']}")).json()
    assert (active["status"], active["shortfall_cents"]) == ("active", 0)
    assert await world.scalar("SELECT sum(a.posted_cents) FROM lot JOIN ledger.account a USING (id)") == 30_000_00
    assert await count(world, "lot") == 120
    repeated = await desk.approve(drafted["id"])
    assert (repeated.status_code, repeated.json()["state"]) == (409, "active")
    assert await count(world, "lot") == 120
    assert await desk.account() == (0, 30_000_00, 0)
    events = await world.execute("SELECT type FROM event ORDER BY id")
    assert [row.type for row in events] == ["top_up.confirmed", "top_up.confirmed", "grant.active"]


async def test_new_money_activates_oldest_first_each_whole(
    client: httpx.AsyncClient, world: World, stage: Stage, desk: Desk
) -> None:
    operator = await world.operator()
    programme_id = await desk.programme()
    waiting = []
    for cents in (1_500_00, 5_000_00, 1_200_00, 400_00):
        drafted = await desk.grant(programme_id, each_cents=cents)
        waiting.append(drafted["id"])
    for grant_id in waiting[:3]:
        assert (await desk.approve(grant_id)).json()["status"] == "awaiting_funds"
    top_up = (await desk.post("/top_ups", {"amount_cents": 1_800_00})).json()
    await client.post(
        f"/v1/operator/top_ups/{top_up['id']}/confirm",
        headers={**operator.headers["operator"], "Idempotency-Key": "k"},
    )
    states = {grant["id"]: grant["status"] for grant in (await desk.get("/grants")).json()["data"]}
    assert [states[grant_id] for grant_id in waiting] == ["active", "awaiting_funds", "active", "draft"]
    assert await stage.balance() == 100_00
    shown = (await desk.get("/grants", status="awaiting_funds")).json()["data"]
    assert [(grant["id"], grant["shortfall_cents"]) for grant in shown] == [(waiting[1], 4_900_00)]


@contextmanager
def statements_of(stage: Stage) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(*call: Any) -> None:
        seen.append(call[2])

    bind: Any = stage.database.bind
    event.listen(bind.sync_engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(bind.sync_engine, "before_cursor_execute", note)


async def test_two_thousand_lots_in_few_statements(fresh_client: httpx.AsyncClient, fresh_stage: Stage) -> None:
    world, desk = fresh_stage.world, Desk(fresh_client, fresh_stage.company)
    await world.fund(fresh_stage.company, 2_000 * 100_00)
    await world.employments(fresh_stage.company, 2_000, category="impiegati")
    programme_id = await desk.programme(employee_category="impiegati")
    with statements_of(fresh_stage) as drafting:
        drafted = await desk.grant(programme_id, each_cents=100_00)
    with statements_of(fresh_stage) as approving:
        answer = await desk.approve(drafted["id"])
    assert answer.json()["status"] == "active"
    assert (len(drafting), len(approving)) == (10, 10)
    assert await world.scalar(
        "SELECT count(*) FROM lot JOIN ledger.account a USING (id) WHERE a.posted_cents = 10000"
    ) == (2_000)
    assert await fresh_stage.balance() == 1_000_00


async def test_two_approvals_race_for_money_of_one(fresh_client: httpx.AsyncClient, fresh_stage: Stage) -> None:
    desk = Desk(fresh_client, fresh_stage.company)
    programme_id = await desk.programme()
    drafts = [await desk.grant(programme_id, each_cents=600_00) for _ in range(4)]
    answers = await asyncio.gather(*(desk.approve(draft["id"]) for draft in drafts))
    assert sorted(answer.json()["status"] for answer in answers) == ["active", *["awaiting_funds"] * 3]
    assert await fresh_stage.balance() == 400_00
    assert await count(fresh_stage.world, "lot") == 1


async def test_the_same_grant_approved_twice_at_once_makes_lots_once(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage
) -> None:
    desk = Desk(fresh_client, fresh_stage.company)
    draft = await desk.grant(await desk.programme(), each_cents=100_00)
    answers = await asyncio.gather(*(desk.approve(draft["id"]) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await count(fresh_stage.world, "lot") == 1
    assert await fresh_stage.balance() == 900_00


async def test_maker_does_not_approve(world: World, stage: Stage, desk: Desk) -> None:
    await world.membership(stage.company.users["hr"], stage.company.id, "hr_approver")
    draft = await desk.grant(await desk.programme(), each_cents=100_00)
    refused = await desk.post(f"/grants/{draft['id']}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "approver_is_maker")
    assert (await desk.get(f"/grants/{draft['id']}")).json()["status"] == "draft"
    assert await stage.balance() == 1_000_00


async def test_maker_does_not_approve_what_her_key_drafted(world: World, stage: Stage, desk: Desk) -> None:
    programme_id = await desk.programme()
    stage.company.headers["key"] = await world.api_key(stage.company, ["grants:write"])
    await world.execute("UPDATE api_key SET created_by = :hr", hr=stage.company.users["hr"])
    made = await desk.post("/grants", {"programme_id": programme_id, "each_cents": 100_00}, role="key")
    grant_id = made.json()["id"]
    refused = await desk.post(f"/grants/{grant_id}/approve")
    assert (refused.status_code, refused.json()["code"]) == (403, "approver_is_maker")
    assert (await desk.get(f"/grants/{grant_id}")).json()["status"] == "draft"
    assert await stage.balance() == 1_000_00
    approved = await desk.post(f"/grants/{grant_id}/approve", role="hr_approver")
    assert (approved.status_code, approved.json()["status"]) == (200, "active")


async def test_dry_run_stores_nothing(world: World, desk: Desk) -> None:
    programme_id = await desk.programme()
    tables = ("credit_grant", "grant_line", "lot", "audit_entry", "event")
    before = [await count(world, table) for table in tables]
    answer = await desk.post("/grants", {"programme_id": programme_id, "each_cents": 1_250_00}, dry_run="true")
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["id"], shown["total_cents"], shown["employee_count"], shown["shortfall_cents"]) == (
        None,
        1_250_00,
        1,
        250_00,
    )
    refused = await desk.post("/grants", {"programme_id": programme_id, "lines": []}, dry_run="true")
    assert pointers(refused)[0][0] == "/lines"
    url, headers = desk.base + "/grants", desk.company.headers["hr"]
    body = {"programme_id": programme_id, "each_cents": 1_250_00}
    keyless = await desk.client.post(url, json=body, headers=headers, params={"dry_run": "true"})
    assert (keyless.status_code, {**keyless.json(), "created_at": ""}) == (200, {**shown, "created_at": ""})
    keyless = await desk.client.post(url, json=body, headers=headers, params={"dry_run": "false"})
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_missing")
    assert [await count(world, table) for table in tables] == before


async def test_generality_needs_a_reason(world: World, stage: Stage, desk: Desk) -> None:
    second = await world.employee(stage.company)
    alone = await world.employee(stage.company, category="dirigenti")
    programme_id = await desk.programme()
    managers = await desk.programme(employee_category="dirigenti")
    fringe = await desk.programme(rule_codes=["C3_FRINGE"])
    lines = [
        {"employee_id": employee(stage.person), "amount_cents": 100},
        {"employee_id": employee(second), "amount_cents": 101},
    ]
    needed = [("/generality_reason", "generality_reason_required")]
    for programme, given in (
        (programme_id, {"lines": lines}),
        (programme_id, {"lines": lines[:1]}),
        (managers, {"each_cents": 100}),
        (managers, {"lines": [{"employee_id": employee(alone), "amount_cents": 100}]}),
    ):
        assert pointers(await desk.post("/grants", {"programme_id": programme, **given})) == needed
    assert await count(world, "credit_grant") == 0
    for programme, given in (
        (programme_id, {"lines": lines, "generality_reason": "hire_pro_rata"}),
        (programme_id, {"lines": lines[:1], "generality_reason": "part_of_category"}),
        (programme_id, {"lines": [{**line, "amount_cents": 100} for line in lines]}),
        (managers, {"each_cents": 100, "generality_reason": "other"}),
        (fringe, {"lines": lines}),
    ):
        await desk.grant(programme, **given)


async def test_lines_name_employees_of_the_category(world: World, stage: Stage, desk: Desk) -> None:
    programme_id = await desk.programme()
    clerk = await world.employee(stage.company, category="impiegati")
    gone = await world.employee(stage.company)
    await world.execute("UPDATE employee SET ended_on = '2026-11-22' WHERE id = :id", id=gone.employee_id)
    foreign = await world.employee(await world.company())
    people = [stage.person, clerk, gone, foreign, stage.person]
    answer = await desk.post(
        "/grants",
        {
            "programme_id": programme_id,
            "lines": [{"employee_id": employee(person), "amount_cents": 100} for person in people],
        },
    )
    assert pointers(answer) == [
        ("/lines/1/employee_id", "other_category"),
        ("/lines/2/employee_id", "employment_ended"),
        ("/lines/3/employee_id", "unknown_employee"),
        ("/lines/4/employee_id", "duplicate"),
    ]
    both = await desk.post("/grants", {"programme_id": programme_id, "each_cents": 1, "lines": []})
    assert both.status_code == 422
    for amount in (0, -1, 5.0, "5", True, 100_000_001):
        assert pointers(await desk.post("/grants", {"programme_id": programme_id, "each_cents": amount}))
    assert await count(world, "credit_grant") == 0


async def test_programme_rules(world: World, desk: Desk) -> None:
    agreed = {
        **PROGRAMME,
        "source": "collective_agreement",
        "leavers_rule": "zero_at_leaving",
        "expired_credit_to": "company",
    }
    assert pointers(await desk.post("/programmes", agreed)) == [
        ("/leavers_rule", "only_on_top"),
        ("/expired_credit_to", "only_on_top"),
    ]
    wrong = {**PROGRAMME, "categories": ["elder_care", "no_such"], "lot_expires_on": "2026-11-22"}
    assert ("/lot_expires_on", "past") in pointers(await desk.post("/programmes", wrong))
    assert ("/categories/1", "unknown_category") in pointers(await desk.post("/programmes", wrong))
    assert pointers(await desk.post("/programmes", {**PROGRAMME, "rule_codes": ["C9"]}))[0][0] == "/rule_codes/0"
    assert await count(world, "programme") == 0
    made = await desk.post("/programmes", PROGRAMME)
    assert made.json()["relatives_reading"] == "strict"
    assert (await desk.get("/programmes")).json()["data"] == [made.json()]


@pytest.mark.parametrize(
    ("source", "heir"),
    [("on_top", "company"), ("collective_agreement", "solidarity_fund"), ("performance_bonus", "solidarity_fund")],
)
async def test_expired_credit_goes_where_its_source_allows(desk: Desk, source: str, heir: str) -> None:
    given = {name: value for name, value in PROGRAMME.items() if name != "expired_credit_to"}
    made = await desk.post("/programmes", {**given, "source": source})
    assert (made.status_code, made.json()["expired_credit_to"]) == (201, heir)


async def test_programme_keeps_its_rules_once_granted(stage: Stage, desk: Desk) -> None:
    made = await desk.post("/programmes", PROGRAMME)
    url = f"{desk.base}/programmes/{made.json()['id']}"
    headers = stage.company.headers["hr"]

    async def patch(etag: str | None, **fields: Any) -> httpx.Response:
        given = headers if etag is None else {**headers, "If-Match": etag}
        return await desk.client.patch(url, headers=given, json=fields)

    assert (await patch(None, name="X")).status_code == 428
    changed = await patch(made.headers["etag"], rule_codes=["C2_F", "C2_F_TER"], basis="CCNL")
    assert (changed.status_code, changed.json()["rule_codes"]) == (200, ["C2_F", "C2_F_TER"])
    assert (await patch(made.headers["etag"], name="X")).status_code == 412
    assert (await patch(changed.headers["etag"], basis=None)).json()["basis"] is None
    assert pointers(await patch('"3"', name=None))[0][0] == "/name"

    await desk.grant(made.json()["id"], each_cents=100)
    refused = await patch('"3"', lot_expires_on="2026-12-30")
    assert (refused.status_code, refused.json()["code"]) == (409, "programme_in_use")
    renamed = await patch('"3"', name="Welfare aziendale", rule_codes=["C2_F", "C2_F_TER"])
    assert (renamed.status_code, renamed.json()["name"]) == (200, "Welfare aziendale")
    assert renamed.json()["lot_expires_on"] == "2026-12-31"


async def test_a_waiting_grant_is_cancelled(stage: Stage, desk: Desk) -> None:
    draft = await desk.grant(await desk.programme(), each_cents=2_000_00)
    await desk.approve(draft["id"])
    named = await desk.post(
        f"/grants/{draft['id']}/revoke", {"reason": "Errore", "employee_ids": [employee(stage.person)]}
    )
    assert pointers(named) == [("/employee_ids", "not_active")]
    assert (await desk.post(f"/grants/{draft['id']}/revoke", {"reason": "Errore"})).json()["status"] == "revoked"
    refused = await desk.approve(draft["id"])
    assert (refused.status_code, refused.json()["state"]) == (409, "revoked")
    assert await desk.account() == (1_000_00, 0, 0)
    assert await stage.lots() == {}


async def test_a_grant_of_an_ended_programme_never_becomes_active(world: World, stage: Stage, desk: Desk) -> None:
    draft = await desk.grant(await desk.programme(), each_cents=100)
    await world.set_now(clock.midnight(date(2027, 1, 1)) + timedelta(hours=1))
    refused = await desk.approve(draft["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "programme_ended")
    assert await stage.lots() == {}


async def test_other_companies_find_nothing(world: World, desk: Desk) -> None:
    programme_id = await desk.programme()
    draft = await desk.grant(programme_id, each_cents=100)
    top_up = (await desk.post("/top_ups", {"amount_cents": 100})).json()
    other = Desk(desk.client, await world.company())
    absent = await other.get("/grants/" + ids.encode("grt", ids.new_id()))
    assert absent.status_code == 404
    for path in (f"/grants/{draft['id']}", f"/grants/{draft['id']}/lines", f"/programmes/{programme_id}",
                 f"/grants/{draft['id']}/revocations", f"/top_ups/{top_up['id']}"):  # fmt: skip
        answer = await other.get(path)
        assert {**answer.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    assert (await other.approve(draft["id"])).status_code == 404
    assert (await other.post(f"/grants/{draft['id']}/revoke", {"reason": "Errore"})).status_code == 404
    assert (await other.post(f"/grants/{draft['id']}/approve_revocation", role="hr_approver")).status_code == 404
    refused = await other.post("/grants", {"programme_id": programme_id, "each_cents": 100})
    assert {**refused.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    for path in ("/grants", "/programmes", "/top_ups"):
        assert (await other.get(path)).json()["data"] == []
    assert await other.account() == (0, 0, 0)
    crossing = await desk.client.get(f"{desk.base}/account", headers=other.company.headers["hr"])
    assert crossing.status_code == 404
    assert (await desk.get(f"/grants/{draft['id']}")).json()["status"] == "draft"


async def test_roles(world: World, stage: Stage, desk: Desk) -> None:
    draft = await desk.grant(await desk.programme(), each_cents=100)
    assert (await desk.post(f"/grants/{draft['id']}/approve", role="hr")).status_code == 403
    assert (
        await desk.post(f"/grants/{draft['id']}/revoke", {"reason": "Errore"}, role="hr_approver")
    ).status_code == 403
    assert (await desk.post("/top_ups", {"amount_cents": 1}, role="hr_approver")).status_code == 403
    assert (await desk.get("/grants", role="payroll")).status_code == 403
    key = await world.api_key(stage.company, ["grants:read", "grants:write"])
    with_key = await desk.client.post(
        f"{desk.base}/grants/{draft['id']}/approve", headers={**key, "Idempotency-Key": "k"}
    )
    assert with_key.status_code == 403
    top_up = (await desk.post("/top_ups", {"amount_cents": 1})).json()
    confirm = f"/v1/operator/top_ups/{top_up['id']}/confirm"
    answer = await desk.client.post(confirm, headers={**stage.company.headers["hr"], "Idempotency-Key": "k"})
    assert answer.status_code == 403
    assert await stage.balance() == 1_000_00


async def test_operator_lists_and_returns_top_ups(client: httpx.AsyncClient, world: World, desk: Desk) -> None:
    operator = (await world.operator()).headers["finance"]
    first, second = [(await desk.post("/top_ups", {"amount_cents": cents})).json() for cents in (100, 200)]
    back = await client.post(f"/v1/operator/top_ups/{first['id']}/return", headers={**operator, "Idempotency-Key": "k"})
    assert back.json()["status"] == "returned"
    listed = (await client.get("/v1/operator/top_ups?status=pending", headers=operator)).json()["data"]
    assert [(item["id"], item["company_id"]) for item in listed] == [(second["id"], desk.company.public_id)]
    assert await desk.account() == (1_000_00, 0, 0)
    page = (await desk.get("/top_ups", limit=1)).json()
    rest = (await desk.get("/top_ups", limit=1, cursor=page["next_cursor"])).json()
    assert [page["data"][0]["id"], rest["data"][0]["id"]] == [second["id"], first["id"]]


async def test_lines_tell_who_gets_how_much(world: World, stage: Stage, desk: Desk) -> None:
    second = await world.employee(stage.company)
    draft = await desk.grant(await desk.programme(), each_cents=50_00)
    shown = (await desk.get(f"/grants/{draft['id']}/lines")).json()["data"]
    assert sorted(shown, key=lambda line: line["employee_id"]) == [
        {"employee_id": employee(person), "amount_cents": 50_00, "external_id": None, "given_name": "Anna"}
        | {"family_name": f"Esempio{person.number}"}
        for person in sorted((stage.person, second), key=employee)
    ]


async def test_the_same_key_drafts_once(world: World, desk: Desk) -> None:
    programme_id = await desk.programme()
    given = {"programme_id": programme_id, "each_cents": 100}
    first, again = [await desk.post("/grants", given, key="same") for _ in range(2)]
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = await desk.post("/grants", {**given, "each_cents": 101}, key="same")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await count(world, "credit_grant") == 1


async def test_what_a_company_makes_is_found_by_its_own_id(desk: Desk) -> None:
    programme_id = await desk.programme(external_id="P-1", metadata={"budget": "7"})
    plain = await desk.programme(name="Another")
    grant = await desk.grant(programme_id, each_cents=250_00, external_id="G-1")
    top_up = (await desk.post("/top_ups", {"amount_cents": 10_00, "external_id": "T-1"})).json()
    await desk.post("/top_ups", {"amount_cents": 20_00})

    async def found(path: str, **query: Any) -> list[str]:
        answer = await desk.get(path, **query)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["data"]]

    assert await found("/programmes", external_id="P-1") == [programme_id]
    assert await found("/programmes", q="anoth") == [plain]
    assert await found("/grants", external_id="G-1") == [grant["id"]]
    assert await found("/grants", programme_id=plain) == []
    assert await found("/grants", status=["draft", "active"]) == [grant["id"]]
    assert await found("/top_ups", external_id="T-1") == [top_up["id"]]
    assert await found("/top_ups", payment_reference=top_up["payment_reference"]) == [top_up["id"]]
    shown = (await desk.get(f"/programmes/{programme_id}")).json()
    assert (shown["external_id"], shown["metadata"], shown["version"]) == ("P-1", {"budget": "7"}, 1)
    path, headers = f"{desk.base}/programmes/{programme_id}", {**desk.company.headers["hr"], "If-Match": '"1"'}
    noted = await desk.client.patch(path, json={"external_id": "P-2", "metadata": {}}, headers=headers)
    assert (noted.status_code, noted.json()["external_id"], noted.json()["metadata"]) == (200, "P-2", {})
    one = (await desk.get("/top_ups", count="true", limit=1)).json()
    assert (len(one["data"]), one["total"]) == (1, 3)  # one had paid what the stage gave


async def test_a_company_takes_back_what_it_announced(client: httpx.AsyncClient, world: World, desk: Desk) -> None:
    made = (await desk.post("/top_ups", {"amount_cents": 100_00})).json()
    cancelled = (await desk.post(f"/top_ups/{made['id']}/cancel", {})).json()
    assert (cancelled["status"], cancelled["resolved_at"] is None) == ("cancelled", False)
    assert (await desk.get(f"/top_ups/{made['id']}")).json() == cancelled
    before = await snapshot(world, "top_up")
    again = await desk.post(f"/top_ups/{made['id']}/cancel", {})
    assert (again.status_code, again.json()["state"]) == (409, "cancelled")
    operator = await world.operator()
    confirmed = await client.post(
        f"/v1/operator/top_ups/{made['id']}/confirm",
        headers={**operator.headers["operator"], "Idempotency-Key": "too-late"},
    )
    assert (confirmed.status_code, confirmed.json()["code"]) == (409, "already_resolved")
    assert await snapshot(world, "top_up") == before


async def test_of_taking_back_and_confirming_at_once_one_happens(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage
) -> None:
    desk, operator = Desk(fresh_client, fresh_stage.company), await fresh_stage.world.operator()
    before = await fresh_stage.balance()
    bank = Caller(fresh_client, operator.headers["operator"])
    confirmed = 0
    for _ in range(5):
        made = (await desk.post("/top_ups", {"amount_cents": 7_00})).json()["id"]
        taken, seen = await asyncio.gather(
            desk.post(f"/top_ups/{made}/cancel"), bank.ask("POST", f"/operator/top_ups/{made}/confirm")
        )
        assert sorted((taken.status_code, seen.status_code)) == [200, 409]
        status = (await desk.get(f"/top_ups/{made}")).json()["status"]
        assert status == ("cancelled" if taken.status_code == 200 else "confirmed")
        confirmed += status == "confirmed"
    assert await fresh_stage.balance() == before + confirmed * 7_00
    paid = "SELECT count(*) FROM ledger.transfer WHERE reason = 'top_up' AND amount_cents = 700"
    assert await fresh_stage.world.scalar(paid) == confirmed


async def test_a_transfer_of_another_company_is_not_taken_back(
    client: httpx.AsyncClient, world: World, desk: Desk
) -> None:
    other = Desk(client, await world.company())
    theirs = (await other.post("/top_ups", {"amount_cents": 7_00})).json()["id"]
    before = await snapshot(world, "top_up")
    for path in (f"/top_ups/{theirs}/cancel", f"/top_ups/{ids.encode('top', ids.new_id())}/cancel"):
        refused = await desk.post(path)
        assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    for role in ("hr_approver", "payroll"):
        assert (await other.post(f"/top_ups/{theirs}/cancel", role=role)).status_code == 403
    assert await snapshot(world, "top_up") == before
