"""The database refuses what would not add up in grants, also to whoever bypasses the application."""

import pytest

from app import clock, ids
from tests.credit.stage import LOT, NOON, TRANSFER, Stage

GRANT = (
    "INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, created_by, created_at)"
    " VALUES (:id, :company, :programme, :cents, :people, :by, :at)"
)
LINE = (
    "INSERT INTO grant_line (grant_id, company_id, employee_id, amount_cents)"
    " VALUES (:grant, :company, :employee, :cents)"
)
ACTIVE = (
    "UPDATE credit_grant SET status = 'active', approved_by = :by, approved_at = :at, activated_at = :at WHERE id = :id"
)


async def test_lots_are_lines_of_active_grants(stage: Stage) -> None:
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
    line = (LINE, {**own, "cents": 100})
    active = (ACTIVE, {"id": grant_id, "by": stage.company.users["hr_approver"], "at": NOON})
    account = (
        "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (:id, 'lot', :id, :at)",
        {"id": lot_id, "at": NOON},
    )
    lot = (LOT, {**own, "id": lot_id, "kind": "grant", "grace_of": None, "cents": 100})
    dearer = (LOT, {**lot[1], "cents": 101})
    colleague = await stage.world.employee(stage.company)
    late = (LINE, {**line[1], "employee": colleague.employee_id})
    await stage.world.refused("credit_grant_adds_up", drafted)
    await stage.world.refused("credit_grant_adds_up", drafted, (LINE, {**line[1], "cents": 99}))
    await stage.world.refused("credit_grant_whole", drafted, line, active)
    await stage.world.refused("credit_grant_whole", drafted, line, active, account, lot)
    await stage.world.refused("lot_of_active_grant", drafted, line, account, lot)
    await stage.world.refused("lot_of_active_grant", drafted, line, active, account, dearer)
    await stage.world.refused("grant_line_of_draft", drafted, line, active, late)
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
    await stage.world.refused("lot_funded_once", drafted, line, active, account, lot, transfer)
    assert await stage.lots() == {}


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
async def test_grants_move_as_listed(stage: Stage, road: list[str], target: str) -> None:
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
    await stage.world.refused("credit_grant_transition", drafted, *steps)


async def test_a_grant_keeps_its_content_and_approver(stage: Stage) -> None:
    await stage.lot(100_00)
    for change in ("total_cents = 1", "employee_count = 2", "approved_by = created_by", "activated_at = NULL",
                   "generality_reason = NULL", "created_by = gen_random_uuid()"):  # fmt: skip
        await stage.world.refused("credit_grant_fixed", (f"UPDATE credit_grant SET {change}", {}))
    await stage.world.refused(
        "credit_grant_transition",
        (GRANT.replace("created_at)", "created_at, status)").replace(":at)", ":at, 'awaiting_funds')"),
         {"id": ids.new_id(), "company": stage.company.id, "programme": await stage.programme(), "cents": 1,
          "people": 1, "by": ids.new_id(), "at": NOON}),
    )  # fmt: skip
    await stage.world.refused("42501", ("UPDATE grant_line SET amount_cents = 1", {}))


async def test_approver_is_not_maker_in_sql(stage: Stage) -> None:
    grant_id = ids.new_id()
    values = {"id": grant_id, "company": stage.company.id, "programme": await stage.programme(), "cents": 1,
              "people": 1, "by": stage.company.users["hr"], "at": NOON}  # fmt: skip
    await stage.world.refused("credit_grant_approver_is_not_maker", (GRANT, values), (ACTIVE, values))


async def test_a_programme_in_use_keeps_its_rules(stage: Stage) -> None:
    programme_id = await stage.programme()
    drafted = {"id": ids.new_id(), "company": stage.company.id, "programme": programme_id, "cents": 1, "people": 1,
               "by": stage.company.users["hr"], "at": NOON}  # fmt: skip
    for change in ("programme SET lot_expires_on = '2026-12-01'", "programme SET employee_category = 'quadri'",
                   "credit_source SET leavers_rule = 'zero_at_leaving'",
                   "credit_source SET rule_codes = '{C2_F}'"):  # fmt: skip
        for role in ("beatrice_app", "beatrice_hr"):
            await stage.world.refused("programme_fixed", (GRANT, drafted), (f"UPDATE {change}", {}), role=role)


async def test_a_programme_returns_credit_to_its_company_only_on_top(stage: Stage) -> None:
    await stage.programme(source="collective_agreement", expired_credit_to="carry_over")
    for change in ("expired_credit_to = 'company'", "leavers_rule = 'zero_at_leaving'"):
        guard = "credit_source_only_on_top_returns_to_company"
        await stage.world.refused(guard, (f"UPDATE credit_source SET {change}", {}))


async def test_a_top_up_is_resolved_once(stage: Stage) -> None:
    insert = (
        "INSERT INTO top_up (id, company_id, amount_cents, status, payment_reference, created_by, created_at,"
        " resolved_at) VALUES (:id, :company, 100, :status, 'RF00', :id, :at, :resolved)"
    )
    values = {"id": ids.new_id(), "company": stage.company.id, "at": NOON, "status": "pending", "resolved": None}
    this = "WHERE payment_reference = 'RF00'"
    confirm = (
        "UPDATE top_up SET status = 'confirmed', resolved_at = created_at, confirmed_by = created_by,"
        f" confirmed_at = created_at {this}"
    )
    await stage.world.refused("top_up_transition", (insert, {**values, "status": "confirmed", "resolved": NOON}))
    await stage.world.refused(
        "top_up_transition",
        (insert, values),
        (confirm, {}),
        (f"UPDATE top_up SET status = 'returned' {this}", {}),
    )
    await stage.world.refused("top_up_fixed", (insert, values), ("UPDATE top_up SET amount_cents = 101", {}))
    seen = f"UPDATE top_up SET status = 'confirming', confirmed_by = created_by, confirmed_at = created_at {this}"
    cancel = f"UPDATE top_up SET status = 'cancelled', resolved_by = created_by, resolved_at = created_at {this}"
    await stage.world.refused("top_up_transition", (insert, values), (seen, {}), (cancel, {}))
    take = cancel.replace("cancelled", "returned")
    await stage.world.refused("top_up_transition", (insert, values), (take, {}), role="beatrice_hr")


async def test_hr_takes_nothing_back_but_from_revoked_grants(stage: Stage) -> None:
    lot_id = await stage.lot(100_00)
    grant_id = await stage.world.scalar("SELECT grant_id FROM lot")
    take = "SELECT revoke_lots(:company, :grant, NULL, :day, :at)"
    values = {"company": stage.company.id, "grant": grant_id, "day": clock.day_of(NOON), "at": NOON}
    await stage.world.refused("lot_revoked_grant", (take, values), role="beatrice_hr")
    assert await stage.lots() == {lot_id: (100_00, 0)}


async def test_nobody_approves_what_her_own_key_drafted(stage: Stage) -> None:
    programme_id = await stage.programme()
    await stage.world.api_key(stage.company, ["grants:write"])
    key_id, maker = (await stage.world.execute("SELECT id, created_by FROM api_key"))[0]
    grant_id = ids.new_id()
    scope = {"id": grant_id, "company": stage.company.id, "programme": programme_id, "cents": 5_00, "at": NOON}
    draft = (GRANT, {**scope, "people": 1, "by": key_id})
    line = {"grant": grant_id, "company": stage.company.id, "cents": 5_00}
    drafted = (draft, (LINE, {**line, "employee": stage.person.employee_id}))
    approve = (ACTIVE, {"id": grant_id, "by": maker, "at": NOON})
    for role in ("beatrice_app", "beatrice_hr"):
        await stage.world.refused("credit_grant_approver_is_not_maker", *drafted, approve, role=role)
