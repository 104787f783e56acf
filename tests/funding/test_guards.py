"""The database refuses what would not add up, also to whoever bypasses the application."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.db import open_unit_of_work
from app.funding import actions
from app.funding.jobs import SWEEPS
from tests.conftest import Cluster
from tests.funding.credit import EXPIRES, NOON, Stage

MIDNIGHT = clock.midnight(EXPIRES)
TRANSFER = (
    "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)"
    " VALUES (:id, :payer, :payee, :cents, :reason, :at, :at)"
)
GRANT = (
    "INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, created_by, created_at)"
    " VALUES (:id, :company, :programme, :cents, :people, :by, :at)"
)
LINE = (
    "INSERT INTO grant_line (lot_id, grant_id, company_id, employee_id, amount_cents)"
    " VALUES (:lot, :grant, :company, :employee, :cents)"
)
ACTIVE = (
    "UPDATE credit_grant SET status = 'active', approved_by = :by, approved_at = :at, activated_at = :at WHERE id = :id"
)
LOT = (
    "INSERT INTO lot (id, company_id, employee_id, programme_id, grant_id, kind, grace_of, amount_cents, valid_from,"
    " expires_on, created_at) VALUES (:id, :company, :employee, :programme, :grant, :kind, :grace_of, :cents,"
    " '2026-11-23', '2027-01-31', :at)"
)


async def run(session: AsyncSession, statements: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for sql, values in statements:
        await session.execute(text(sql), values)
    await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


class Attacker:
    """Somebody with SQL; each refused statement leaves everything as it was."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def refused(self, guard: str, *statements: tuple[str, dict[str, Any]], role: str = "beatrice_app") -> None:
        async with self.stage.database.session() as session:
            await open_unit_of_work(session, role)
            with pytest.raises(DBAPIError) as refusal:
                await run(session, statements)
            await session.rollback()
        original = refusal.value.orig
        assert isinstance(original, psycopg.Error)
        found = original.diag.constraint_name or original.diag.sqlstate
        assert found == guard

    async def transfer_refused(
        self, guard: str, payer: UUID, payee: UUID, cents: int, reason: str, at: Any = NOON
    ) -> None:
        values = {"id": ids.new_id(), "payer": payer, "payee": payee, "cents": cents, "reason": reason, "at": at}
        await self.refused(guard, (TRANSFER, values))


@pytest.fixture
def attacker(stage: Stage) -> Attacker:
    return Attacker(stage)


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
    await Attacker(fresh_stage).refused("42501", (f"UPDATE lot SET {change}", {}))
    with cluster.admin(fresh_database_name) as owner, pytest.raises(psycopg.errors.CheckViolation) as refusal:
        owner.execute(f"UPDATE lot SET {change}")
    assert refusal.value.diag.constraint_name == "lot_fixed"


async def test_a_lot_ends_once_and_not_early(stage: Stage, attacker: Attacker) -> None:
    await stage.lot(100_00)
    end = "UPDATE lot SET expired_at = :at"
    await attacker.refused("lot_not_expired_early", (end, {"at": MIDNIGHT - timedelta(seconds=1)}))
    await stage.sweep(SWEEPS[0], MIDNIGHT)
    await attacker.refused("lot_expires_once", (end, {"at": MIDNIGHT + timedelta(days=1)}))
    await attacker.refused("lot_expires_once", (end, {"at": None}))


async def test_nothing_is_reserved_on_a_lot_that_is_over(stage: Stage, attacker: Attacker) -> None:
    lot_id = await stage.lot(100_00)
    hold = (
        "INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, event_at, created_at)"
        " VALUES (:id, :lot, :payee, 100, :at, :at)"
    )
    values = {"id": ids.new_id(), "lot": lot_id, "payee": stage.payee_id}
    await attacker.refused("lot_held_alive", (hold, {**values, "at": MIDNIGHT}))
    end = ("UPDATE lot SET expired_at = :at", {"at": MIDNIGHT})
    await attacker.refused("lot_held_alive", end, (hold, {**values, "at": NOON}))
    assert await stage.lots() == {lot_id: (100_00, 0)}


async def test_credit_leaves_a_lot_by_rule_only(stage: Stage, attacker: Attacker) -> None:
    lot_id = await stage.lot(100_00)
    assert stage.company.account_id is not None
    account_id = stage.company.account_id
    guard = "lot_leaves_by_rule"
    await attacker.transfer_refused(guard, lot_id, account_id, 100, "expired")
    await attacker.transfer_refused(guard, lot_id, account_id, 100, "returned")
    await attacker.transfer_refused(guard, lot_id, stage.payee_id, 100, "captured")
    await attacker.transfer_refused(guard, lot_id, account_id, 100, "gift", MIDNIGHT)
    other = await stage.world.company()
    assert other.account_id is not None
    await attacker.transfer_refused(guard, lot_id, other.account_id, 100, "expired", MIDNIGHT)
    second = await stage.lot(100_00, name="Altro")
    await attacker.transfer_refused("lot_funded_once", lot_id, second, 100, "grace")
    await attacker.transfer_refused("lot_funded_once", account_id, lot_id, 100_00, "granted")
    granted = await stage.world.scalar("SELECT id FROM ledger.transfer WHERE to_account_id = :lot", lot=lot_id)
    reversal = TRANSFER.replace(" reason,", " reason, reverses_id,").replace(":reason,", ":reason, :granted,")
    values = {"id": ids.new_id(), "payer": lot_id, "payee": account_id, "cents": 100, "reason": "undone", "at": NOON}
    await attacker.refused(guard, (reversal, {**values, "granted": granted}))
    assert await stage.lots() == {lot_id: (100_00, 0), second: (100_00, 0)}


async def test_lots_are_lines_of_active_grants(stage: Stage, attacker: Attacker) -> None:
    assert stage.company.account_id is not None
    programme_id, grant_id, lot_id = await stage.programme(), ids.new_id(), ids.new_id()
    own = {
        "company": stage.company.id,
        "employee": stage.person.employee_id,
        "programme": programme_id,
        "grant": grant_id,
        "at": NOON,
    }
    drafted = (GRANT, {**own, "id": grant_id, "cents": 100, "people": 1, "by": stage.company.users["hr"]})
    line = (LINE, {**own, "lot": lot_id, "cents": 100})
    active = (ACTIVE, {"id": grant_id, "by": stage.company.users["hr_approver"], "at": NOON})
    account = (
        "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, 'lot', :id, :at)",
        {"id": lot_id, "at": NOON},
    )
    lot = (LOT, {**own, "id": lot_id, "kind": "grant", "grace_of": None, "cents": 100})
    dearer = (LOT, {**lot[1], "cents": 101})
    colleague = await stage.world.employee(stage.company)
    late = (LINE, {**line[1], "lot": ids.new_id(), "employee": colleague.employee_id})
    await attacker.refused("credit_grant_adds_up", drafted)
    await attacker.refused("credit_grant_adds_up", drafted, (LINE, {**line[1], "cents": 99}))
    await attacker.refused("credit_grant_whole", drafted, line, active)
    await attacker.refused("credit_grant_whole", drafted, line, active, account, lot)
    await attacker.refused("lot_of_active_grant", drafted, line, account, lot)
    await attacker.refused("lot_of_active_grant", drafted, line, active, account, dearer)
    await attacker.refused("grant_line_of_draft", drafted, line, active, late)
    transfer = (
        TRANSFER,
        {
            "id": ids.new_id(),
            "payer": stage.company.account_id,
            "payee": lot_id,
            "cents": 99,
            "reason": "granted",
            "at": NOON,
        },
    )
    await attacker.refused("lot_funded_once", drafted, line, active, account, lot, transfer)
    assert await stage.lots() == {}


async def test_a_grace_lot_stays_with_its_person_and_is_funded(stage: Stage, attacker: Attacker) -> None:
    first = await stage.lot(100_00)
    other = await stage.world.employee(stage.company)
    row = (await stage.world.execute("SELECT * FROM lot WHERE id = :id", id=first))[0]
    lot_id = ids.new_id()
    account = (
        "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, 'lot', :id, :at)",
        {"id": lot_id, "at": NOON},
    )
    given = {
        "id": lot_id, "company": row.company_id, "employee": row.employee_id, "programme": row.programme_id,
        "grant": row.grant_id, "kind": "grace", "grace_of": first, "cents": 10, "at": NOON,
    }  # fmt: skip
    await attacker.refused("lot_grace_of_same", account, (LOT, {**given, "employee": other.employee_id}))
    await attacker.refused("lot_funded", account, (LOT, given))
    await attacker.refused("lot_starts_empty", (LOT, {**given, "id": stage.company.account_id}))


@pytest.mark.parametrize(
    ("road", "target"),
    [
        (["active"], "draft"),
        (["active"], "awaiting_funds"),
        (["awaiting_funds"], "draft"),
        (["revoked"], "draft"),
        (["revoked"], "active"),
    ],
)
async def test_grants_move_as_listed(stage: Stage, attacker: Attacker, road: list[str], target: str) -> None:
    await stage.lot(100_00)
    grant_id, programme_id = ids.new_id(), await stage.programme()
    drafted = (
        GRANT,
        {"id": grant_id, "company": stage.company.id, "programme": programme_id, "cents": 1, "people": 1,
         "by": stage.company.users["hr"], "at": NOON},
    )  # fmt: skip
    move = "UPDATE credit_grant SET status = '{}', approved_by = :by, activated_at = :at WHERE id = :id"
    values = {"id": grant_id, "by": stage.company.users["hr_approver"], "at": NOON}
    steps = [(move.format(status), values) for status in [*road, target]]
    await attacker.refused("credit_grant_transition", drafted, *steps)


async def test_a_grant_keeps_its_content_and_approver(stage: Stage, attacker: Attacker) -> None:
    await stage.lot(100_00)
    for change in ("total_cents = 1", "employee_count = 2", "approved_by = created_by", "activated_at = NULL",
                   "generality_reason = NULL", "created_by = gen_random_uuid()"):  # fmt: skip
        await attacker.refused("credit_grant_fixed", (f"UPDATE credit_grant SET {change}", {}))
    await attacker.refused(
        "credit_grant_transition",
        (GRANT.replace("created_at)", "created_at, status)").replace(":at)", ":at, 'awaiting_funds')"),
         {"id": ids.new_id(), "company": stage.company.id, "programme": await stage.programme(), "cents": 1,
          "people": 1, "by": ids.new_id(), "at": NOON}),
    )  # fmt: skip
    await attacker.refused("42501", ("UPDATE grant_line SET amount_cents = 1", {}))


async def test_approver_is_not_maker_in_sql(stage: Stage, attacker: Attacker) -> None:
    grant_id = ids.new_id()
    values = {"id": grant_id, "company": stage.company.id, "programme": await stage.programme(), "cents": 1,
              "people": 1, "by": stage.company.users["hr"], "at": NOON}  # fmt: skip
    await attacker.refused("credit_grant_approver_is_not_maker", (GRANT, values), (ACTIVE, values))


async def test_a_programme_in_use_keeps_its_rules(stage: Stage, attacker: Attacker) -> None:
    await stage.lot(100_00)
    for change in ("lot_expires_on = '2030-01-01'", "leavers_rule = 'zero_at_leaving'", "rule_codes = '{C2_F}'"):
        await attacker.refused("programme_fixed", (f"UPDATE programme SET {change}", {}))


async def test_a_top_up_is_resolved_once(stage: Stage, attacker: Attacker) -> None:
    insert = (
        "INSERT INTO top_up (id, company_id, amount_cents, status, payment_reference, created_by, created_at,"
        " resolved_at) VALUES (:id, :company, 100, :status, 'RF00', :id, :at, :resolved)"
    )
    values = {"id": ids.new_id(), "company": stage.company.id, "at": NOON, "status": "pending", "resolved": None}
    confirm = "UPDATE top_up SET status = 'confirmed', resolved_at = created_at"
    await attacker.refused("top_up_transition", (insert, {**values, "status": "confirmed", "resolved": NOON}))
    await attacker.refused(
        "top_up_transition", (insert, values), (confirm, {}), ("UPDATE top_up SET status = 'returned'", {})
    )
    await attacker.refused("top_up_fixed", (insert, values), ("UPDATE top_up SET amount_cents = 101", {}))


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
        "UPDATE lot SET expired_at = NULL",
        "UPDATE top_up SET status = 'confirmed'",
        "INSERT INTO lot SELECT * FROM lot",
        "DELETE FROM grant_line",
    ],
)
async def test_hr_sees_no_use_of_credit_in_sql(stage: Stage, attacker: Attacker, sql: str) -> None:
    lot_id = await stage.lot(100_00)
    await stage.act(NOON, actions.place, stage.person.user_id, [stage.hold(lot_id, 1_00)], at=NOON)
    await attacker.refused("42501", (sql, {}), role="beatrice_hr")


async def test_hr_takes_nothing_back_but_from_revoked_grants(stage: Stage, attacker: Attacker) -> None:
    lot_id = await stage.lot(100_00)
    grant_id = await stage.world.scalar("SELECT grant_id FROM lot")
    take = "SELECT return_revoked_lots(:company, :grant, CAST(:ids AS uuid[]), :day, :at, :at)"
    values = {"company": stage.company.id, "grant": grant_id, "ids": [ids.new_id()], "day": EXPIRES, "at": NOON}
    await attacker.refused("lot_revoked_grant", (take, values), role="beatrice_hr")
    assert await stage.lots() == {lot_id: (100_00, 0)}


async def test_nobody_approves_what_her_own_key_drafted(stage: Stage, attacker: Attacker) -> None:
    programme_id = await stage.programme()
    await stage.world.api_key(stage.company, ["grants:write"])
    key_id, maker = (await stage.world.execute("SELECT id, created_by FROM api_key"))[0]
    grant_id, lot_id = ids.new_id(), ids.new_id()
    scope = {"id": grant_id, "company": stage.company.id, "programme": programme_id, "cents": 5_00, "at": NOON}
    draft = (GRANT, {**scope, "people": 1, "by": key_id})
    line = {"lot": lot_id, "grant": grant_id, "company": stage.company.id, "cents": 5_00}
    drafted = (draft, (LINE, {**line, "employee": stage.person.employee_id}))
    approve = (ACTIVE, {"id": grant_id, "by": maker, "at": NOON})
    for role in ("beatrice_app", "beatrice_hr"):
        await attacker.refused("credit_grant_approver_is_not_maker", *drafted, approve, role=role)
