"""A11, A1: nobody takes a person's credit back alone, unseen or for long before it was said, nor learns from it."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from app import clock, ids
from app.api import SWEEPS
from app.credit import actions
from app.db import Database
from app.jobs import run_sweeps
from app.ledger.verify import verify
from tests.credit.stage import NOON, Stage
from tests.grants.desk import Desk, employee

RETURNING = {"expired_credit_to": "company"}
WHY = {"reason": "Assegnato per errore"}
MAY = date(2027, 5, 31)


async def grant_of(stage: Stage, lot_id: Any) -> str:
    return ids.encode("grt", await stage.world.scalar("SELECT grant_id FROM lot WHERE id = :id", id=lot_id))


async def mails(stage: Stage) -> list[tuple[str, str]]:
    rows = await stage.world.execute("SELECT subject, text FROM outgoing_mail ORDER BY id")
    return [(row.subject, row.text) for row in rows]


# Revoking


@pytest.mark.parametrize("heir", ["company", "solidarity_fund", "carry_over"])
async def test_two_people_revoke_and_use_ends_at_once(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database, heir: str
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    lot_id = await stage.lot(100_00, expired_credit_to=heir, lot_expires_on=MAY)
    hold = stage.hold(lot_id, 30_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [hold], at=NOON)
    before, path = await desk.account(), f"/grants/{await grant_of(stage, lot_id)}"
    given = 10 if heir == "company" else 1

    asked = await desk.post(f"{path}/revoke", WHY)
    assert (asked.status_code, asked.json()["status"]) == (200, "active")
    assert [lot.available_cents for lot in await stage.act(NOON, actions.usable_lots, stage.person.user_id)] == [70_00]
    again = await desk.post(f"{path}/revoke", WHY)
    assert (again.status_code, again.json()["state"]) == (409, "revocation_asked")
    own = await desk.post(f"{path}/approve_revocation")
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")

    approved = await desk.post(f"{path}/approve_revocation", role="hr_approver")
    assert (approved.status_code, approved.json()) == (200, {"revoked_lots": given})
    assert (await desk.get(path)).json()["status"] == "revoked"
    assert await stage.act(NOON, actions.usable_lots, stage.person.user_id) == []
    assert await stage.lots() == {lot_id: (100_00, 30_00)}

    assert (await run_sweeps(fresh_worker, SWEEPS))["credit.return_revoked_credit"] == given
    assert await stage.lots() == {lot_id: (30_00, 30_00)}
    await stage.act(NOON, actions.release, [hold.hold_id], at=clock.now(), caused_by_employee=False)
    assert await stage.lots() == {lot_id: (0, 0)}
    assert (await stage.returned(), await stage.fund()) == ((1_000_00, 0) if heir == "company" else (0, 100_00))
    assert await desk.account() == before
    told = await mails(stage)
    ((subject, body),) = set(told)
    assert (len(told), subject) == (given, "Credito welfare")
    assert "Piano" not in body
    assert "Welfare 2026" not in body
    async with stage.database.begin() as session:
        assert (await verify(session)).ok


async def test_grace_and_carried_over_credit_end_with_their_grant(fresh_stage: Stage, fresh_worker: Database) -> None:
    """A6: a lot that was carried over, or became grace, is still the grant's; the answer does not count it."""
    stage = fresh_stage
    carried = await stage.lot(100_00, expired_credit_to="carry_over")
    grace = await stage.lot(80_00)
    hold = stage.hold(grace, 80_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [hold], at=NOON)
    january = clock.midnight(date(2027, 1, 2))
    await stage.world.set_now(january)
    await run_sweeps(fresh_worker, SWEEPS)
    await stage.act(january, actions.release, [hold.hold_id], at=january, caused_by_employee=False)
    usable = await stage.act(january, actions.usable_lots, stage.person.user_id)
    assert sorted(lot.available_cents for lot in usable) == [80_00, 100_00]
    for lot_id in (carried, grace):
        grant_id = await stage.world.scalar("SELECT grant_id FROM lot WHERE id = :id", id=lot_id)
        assert await stage.revoke(grant_id, clock.now()) == 0
    assert await stage.act(january, actions.usable_lots, stage.person.user_id) == []
    await run_sweeps(fresh_worker, SWEEPS)
    assert {sum(left) for left in (await stage.lots()).values()} == {0}
    assert await stage.fund() == 180_00


async def test_one_persons_line_is_revoked_and_the_others_stand(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    lot_id = await stage.lot(100_00, **RETURNING, lot_expires_on=MAY)
    path = f"/grants/{await grant_of(stage, lot_id)}"
    stranger = await stage.world.employee(stage.company)
    refused = await desk.post(f"{path}/revoke", {**WHY, "employee_ids": [employee(stranger)]})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_employee")
    assert (await desk.get(f"{path}/revocations")).json()["data"] == []
    await desk.post(f"{path}/revoke", {**WHY, "employee_ids": [employee(stage.person)]})
    approved = await desk.post(f"{path}/approve_revocation", role="hr_approver")
    assert approved.json() == {"revoked_lots": 1}
    assert (await desk.get(path)).json()["status"] == "active"
    await run_sweeps(fresh_worker, SWEEPS)
    assert await stage.lots() == {lot_id: (0, 0)}
    assert (await stage.returned(), await stage.balance()) == (100_00, 900_00)
    (shown,) = (await desk.get(f"{path}/revocations")).json()["data"]
    assert (shown["reason"], shown["employee_ids"]) == (WHY["reason"], [employee(stage.person)])
    await desk.post(f"{path}/revoke", WHY)
    assert (await desk.post(f"{path}/approve_revocation", role="hr_approver")).json() == {"revoked_lots": 9}


async def test_what_was_asked_is_taken_back(stage: Stage, desk: Desk) -> None:
    path = f"/grants/{await grant_of(stage, await stage.lot(100_00))}"
    nothing = await desk.post(f"{path}/withdraw_revocation")
    assert (nothing.status_code, nothing.json()["state"]) == (409, "active")
    await desk.post(f"{path}/revoke", WHY)
    assert (await desk.post(f"{path}/withdraw_revocation")).status_code == 200
    late = await desk.post(f"{path}/approve_revocation", role="hr_approver")
    assert (late.status_code, late.json()["state"]) == (409, "active")
    assert len(await stage.act(NOON, actions.usable_lots, stage.person.user_id)) == 1


async def test_keys_ask_and_never_approve(stage: Stage, desk: Desk) -> None:
    path = f"/grants/{await grant_of(stage, await stage.lot(100_00))}"
    stage.company.headers["key"] = await stage.world.api_key(stage.company, ["grants:write"])
    await stage.world.execute("UPDATE api_key SET created_by = :hr", hr=stage.company.users["hr"])
    assert (await desk.post(f"{path}/revoke", WHY, role="key")).status_code == 200
    assert (await desk.post(f"{path}/approve_revocation", role="key")).status_code == 403
    maker = await desk.post(f"{path}/approve_revocation")
    assert (maker.status_code, maker.json()["code"]) == (403, "approver_is_maker")
    assert len(await stage.act(NOON, actions.usable_lots, stage.person.user_id)) == 1


@pytest.mark.parametrize(
    ("statements", "guard"),
    [
        (["UPDATE credit_grant SET status = 'revoked'"], "credit_grant_revoked_by_two"),
        (["SELECT revoke_lots(:company, :grant, NULL, '2026-11-23', :at)"], "lot_revoked_grant"),
        (["{ask}", "SELECT revoke_lots(:company, :grant, NULL, '2026-11-23', :at)"], "lot_revoked_grant"),
        (["{ask}", "{approve}"], "grant_revocation_approver_is_not_asker"),
        (
            ["{ask}", "UPDATE grant_revocation SET approved_by = asked_by, approved_at = :at"],
            "grant_revocation_approver_is_not_asker",
        ),
        (["{ask}", "{ask}"], "grant_revocation_open_key"),
    ],
)
async def test_the_database_wants_two_people(stage: Stage, statements: list[str], guard: str) -> None:
    lot_id = await stage.lot(100_00)
    grant_id = await stage.world.scalar("SELECT grant_id FROM lot WHERE id = :id", id=lot_id)
    await stage.world.api_key(stage.company, ["grants:write"])
    key_id, maker = (await stage.world.execute("SELECT id, created_by FROM api_key"))[0]
    ask = (
        # Attack: asked by a key
        "INSERT INTO grant_revocation (id, company_id, grant_id, whole, reason, asked_by, asked_at)"
        " VALUES (gen_random_uuid(), :company, :grant, true, 'x', :key, :at)"
    )
    approve = "UPDATE grant_revocation SET approved_by = :maker, approved_at = :at"
    values = {"company": stage.company.id, "grant": grant_id, "key": key_id, "maker": maker, "at": NOON}
    texts = [{"{ask}": ask, "{approve}": approve}.get(one, one) for one in statements]
    steps = [(one, {name: value for name, value in values.items() if f":{name}" in one}) for one in texts]
    await stage.world.refused(guard, *steps, role="beatrice_hr")
    assert await stage.lots() == {lot_id: (100_00, 0)}


# Leaving


async def leave(stage: Stage, desk: Desk, ended_on: str | None) -> None:
    url = f"{desk.base}/employees/{employee(stage.person)}"
    headers = stage.company.headers["hr"]
    etag = (await desk.client.get(url, headers=headers)).headers["etag"]
    changed = await desk.client.patch(url, headers={**headers, "If-Match": etag}, json={"ended_on": ended_on})
    assert changed.status_code == 200, changed.text


async def test_a_leaving_that_is_taken_back_gives_back_what_was_not_posted(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    lot_id = await stage.lot(300_00, leavers_rule="zero_at_leaving", lot_expires_on=MAY)
    hold = stage.hold(lot_id, 45_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [hold], at=NOON)
    before = await desk.account()
    await leave(stage, desk, "2026-11-22")
    assert (await run_sweeps(fresh_worker, SWEEPS))["credit.return_leavers_credit"] == 1
    assert await stage.lots() == {lot_id: (45_00, 45_00)}
    assert (await desk.account(), await stage.returned()) == (before, 255_00)
    assert [subject for subject, _ in await mails(stage)] == ["Credito welfare"]

    await leave(stage, desk, None)
    assert await run_sweeps(fresh_worker, SWEEPS) == {"audit.chain": 2, "credit.restore_credit": 1}
    assert await run_sweeps(fresh_worker, SWEEPS) == {}
    assert await stage.lots() == {lot_id: (300_00, 45_00)}
    assert (await desk.account(), await stage.returned()) == (before, 0)
    shown = (await desk.client.get("/v1/me/wallet", headers=stage.person.headers)).json()
    (lot,) = shown["lots"]
    assert (lot["available_cents"], lot["held_cents"], lot["returned_cents"]) == (255_00, 45_00, 0)
    async with stage.database.begin() as session:
        assert (await verify(session)).ok

    await leave(stage, desk, "2026-11-22")
    await run_sweeps(fresh_worker, SWEEPS)
    assert await stage.lots() == {lot_id: (45_00, 45_00)}


async def test_what_was_posted_does_not_come_back(
    fresh_client: httpx.AsyncClient, fresh_stage: Stage, fresh_worker: Database
) -> None:
    stage, desk = fresh_stage, Desk(fresh_client, fresh_stage.company)
    lot_id = await stage.lot(300_00, leavers_rule="zero_at_leaving", lot_expires_on=MAY)
    await stage.world.execute("UPDATE employee SET ended_on = '2026-12-10' WHERE user_id = id")
    await leave(stage, desk, "2026-12-10")
    await stage.world.set_now(clock.midnight(date(2027, 1, 1)))
    await run_sweeps(fresh_worker, SWEEPS)
    assert (await stage.balance(), await stage.returned()) == (1_000_00 - 300_00 + 3_000_00, 0)
    await leave(stage, desk, None)
    assert await run_sweeps(fresh_worker, SWEEPS) == {"audit.chain": 2, "credit.restore_credit": 1}
    assert await stage.lots() == {lot_id: (0, 0)}
    assert await stage.balance() == 3_700_00


async def test_a_leaving_acts_for_at_most_31_days_before_it_was_noted(stage: Stage, desk: Desk) -> None:
    lot_id = await stage.lot(300_00, leavers_rule="zero_at_leaving", lot_expires_on=MAY)
    life = "SELECT last_day FROM lot_life WHERE id = :id"
    for ended_on, last_day in (
        ("2026-09-01", date(2026, 10, 23)),
        ("2026-10-23", date(2026, 10, 23)),
        ("2026-10-24", date(2026, 10, 24)),
        ("2026-12-10", date(2026, 12, 10)),
        (None, MAY),
    ):
        await leave(stage, desk, ended_on)
        assert await stage.world.scalar(life, id=lot_id) == last_day
    await leave(stage, desk, "2026-11-23")
    assert len(await stage.act(NOON, actions.usable_lots, stage.person.user_id)) == 1
    tomorrow = clock.midnight(date(2026, 11, 24)) + timedelta(hours=1)
    assert await stage.act(tomorrow, actions.usable_lots, stage.person.user_id) == []


async def test_a_lot_ends_once_but_for_a_leaving_taken_back(stage: Stage) -> None:
    lot_id = await stage.lot(300_00, leavers_rule="zero_at_leaving", lot_expires_on=MAY)
    await stage.world.execute("UPDATE employee SET ended_on = '2026-11-22' WHERE user_id IS NOT NULL")
    by_name = {sweep.name: sweep for sweep in SWEEPS}
    await stage.sweep(by_name["credit.return_leavers_credit"], NOON)
    reopen = ("UPDATE lot SET ended_at = NULL WHERE id = :id", {"id": lot_id})
    await stage.world.refused("lot_expires_once", reopen)
    assert await stage.lots() == {lot_id: (0, 0)}
