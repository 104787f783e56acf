"""The database refuses what would not add up in lots, also to whoever bypasses the application."""

from datetime import timedelta

import psycopg
import pytest

from app import clock, ids
from app.credit import actions
from app.credit.jobs import SWEEPS
from tests.conftest import Cluster
from tests.credit.stage import EXPIRES, LOT, NOON, TRANSFER, Stage

MIDNIGHT = clock.midnight(EXPIRES)


@pytest.mark.parametrize(
    "change",
    [
        "amount_cents = 1",
        "expires_on = '2027-12-31'",
        "valid_from = '2026-01-01'",
        "kind = 'entitlement'",
        "created_at = created_at + interval '1 day'",
    ],
)
async def test_a_lot_never_changes(cluster: Cluster, fresh_database_name: str, fresh_stage: Stage, change: str) -> None:
    await fresh_stage.lot(100_00)
    await fresh_stage.world.refused("42501", (f"UPDATE lot SET {change}", {}))
    with cluster.admin(fresh_database_name) as owner, pytest.raises(psycopg.errors.CheckViolation) as refusal:
        owner.execute(f"UPDATE lot SET {change}")
    assert refusal.value.diag.constraint_name == "lot_fixed"


async def test_a_lot_ends_once_and_not_early(stage: Stage) -> None:
    await stage.lot(100_00)
    end = "UPDATE lot SET ended_at = :at"
    await stage.world.refused("lot_not_expired_early", (end, {"at": MIDNIGHT - timedelta(seconds=1)}))
    await stage.sweep(SWEEPS[0], MIDNIGHT)
    await stage.world.refused("lot_expires_once", (end, {"at": MIDNIGHT + timedelta(days=1)}))
    await stage.world.refused("lot_expires_once", (end, {"at": None}))


async def test_nothing_is_reserved_on_a_lot_that_is_over(stage: Stage) -> None:
    lot_id = await stage.lot(100_00)
    hold = (
        "INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, event_at, created_at)"
        " VALUES (:id, :lot, :payee, 100, :at, :at)"
    )
    values = {"id": ids.new_id(), "lot": lot_id, "payee": stage.payee_id}
    await stage.world.refused("lot_held_alive", (hold, {**values, "at": MIDNIGHT}))
    end = ("UPDATE lot SET ended_at = :at", {"at": MIDNIGHT})
    await stage.world.refused("lot_held_alive", end, (hold, {**values, "at": NOON}))
    assert await stage.lots() == {lot_id: (100_00, 0)}


async def test_credit_leaves_a_lot_by_rule_only(stage: Stage) -> None:
    lot_id = await stage.lot(100_00)
    assert stage.company.account_id is not None
    assert stage.company.returns_id is not None
    account_id = stage.company.account_id
    guard, way = "lot_leaves_by_rule", "transfer_route"
    await stage.transfer_refused(way, lot_id, account_id, 100, "expired", MIDNIGHT)
    await stage.transfer_refused(guard, lot_id, stage.company.returns_id, 100, "expired", MIDNIGHT)
    await stage.transfer_refused(guard, lot_id, stage.company.returns_id, 100, "returned", MIDNIGHT)
    await stage.transfer_refused(way, lot_id, account_id, 100, "expired")
    await stage.transfer_refused(way, lot_id, account_id, 100, "returned")
    await stage.transfer_refused(way, lot_id, stage.payee_id, 100, "captured")
    await stage.transfer_refused(way, lot_id, account_id, 100, "gift", MIDNIGHT)
    other = await stage.world.company()
    assert other.account_id is not None
    await stage.transfer_refused(way, lot_id, other.account_id, 100, "expired", MIDNIGHT)
    second = await stage.lot(100_00, name="Altro")
    await stage.transfer_refused("lot_funded_once", lot_id, second, 100, "grace")
    await stage.transfer_refused("lot_funded_once", account_id, lot_id, 100_00, "granted")
    granted = await stage.world.scalar("SELECT id FROM ledger.transfer WHERE to_account_id = :lot", lot=lot_id)
    reversal = TRANSFER.replace(" reason,", " reason, reverses_id,").replace(":reason,", ":reason, :granted,")
    values = {"id": ids.new_id(), "payer": lot_id, "payee": account_id, "cents": 100, "reason": "undone", "at": NOON}
    await stage.world.refused(way, (reversal, {**values, "granted": granted}))
    assert await stage.lots() == {lot_id: (100_00, 0), second: (100_00, 0)}


async def test_a_grace_lot_stays_with_its_person_and_is_funded(stage: Stage) -> None:
    first = await stage.lot(100_00)
    other = await stage.world.employee(stage.company)
    row = (await stage.world.execute("SELECT * FROM lot WHERE id = :id", id=first))[0]
    lot_id = ids.new_id()
    account = (
        "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, 'lot', :id, :at)",
        {"id": lot_id, "at": NOON},
    )
    given = {
        "id": lot_id, "company": row.company_id, "employee": row.employee_id, "programme": row.source_id,
        "grant": row.grant_id, "kind": "grace", "grace_of": first, "cents": 10, "at": NOON,
    }  # fmt: skip
    await stage.world.refused("lot_grace_of_same", account, (LOT, {**given, "employee": other.employee_id}))
    await stage.world.refused("lot_funded", account, (LOT, given))
    await stage.world.refused("lot_starts_empty", (LOT, {**given, "id": stage.company.account_id}))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1 FROM lot",
        "SELECT 1 FROM lot_life",
        "SELECT 1 FROM ledger.transfer",
        "SELECT 1 FROM ledger.entry",
        "SELECT 1 FROM ledger.hold",
        "SELECT posted_cents FROM ledger.account",
        "SELECT 1 FROM care.booking",
        "SELECT * FROM ledger.lock_accounts(ARRAY[]::uuid[])",
        "SELECT place_credit(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)",
        "UPDATE lot SET ended_at = NULL",
        "UPDATE top_up SET amount_cents = 1",
        "INSERT INTO lot SELECT * FROM lot",
        "DELETE FROM grant_line",
    ],
)
async def test_hr_sees_no_use_of_credit_in_sql(stage: Stage, sql: str) -> None:
    lot_id = await stage.lot(100_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(lot_id, 1_00)], at=NOON)
    await stage.world.refused("42501", (sql, {}), role="beatrice_hr")


async def test_a_source_keeps_its_rules_once_there_is_credit(
    cluster: Cluster, fresh_database_name: str, fresh_stage: Stage
) -> None:
    await fresh_stage.lot(100_00)
    with cluster.admin(fresh_database_name) as owner:
        owner.execute("DROP TRIGGER credit_source_10_programme ON credit_source")
        owner.execute("UPDATE credit_source SET name = 'Altro nome'")
        for change in ("leavers_rule = 'zero_at_leaving'", "rule_codes = '{C2_F}'", "kind = 'fund'"):
            with pytest.raises(psycopg.errors.CheckViolation) as refusal, owner.transaction():
                owner.execute(f"UPDATE credit_source SET {change}")
            assert refusal.value.diag.constraint_name == "credit_source_fixed"
