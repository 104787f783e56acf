"""What a company reads of its own acts, and what it may still do with a programme: never anything of their use."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import ids
from app.grants.reports import LeaversProgramme, Statement, StatementEntry, statement_csv
from tests.credit.stage import NOON, Stage
from tests.grants.desk import Desk, employee, pointers
from tests.people import snapshot
from tests.world import World

LATER = "2027-03-31"


async def patched(desk: Desk, programme_id: str, role: str = "hr", **fields: Any) -> Any:
    path = f"/programmes/{programme_id}"
    tag = (await desk.get(path)).headers["etag"]
    headers = desk.company.headers[role] | {"If-Match": tag}
    return await desk.client.patch(desk.base + path, json=fields, headers=headers)


async def test_a_last_day_moves_later_for_all_that_was_given(desk: Desk, stage: Stage, world: World) -> None:
    lot_id = await stage.lot(100_00)
    colleague = await world.employee(stage.company)
    programme_id = await world.scalar("SELECT source_id FROM lot WHERE id = :id", id=lot_id)
    revoked = await world.grant(stage.company, colleague, 50_00, programme_id)
    grant_id = await world.scalar("SELECT grant_id FROM lot WHERE id = :id", id=revoked)
    await stage.revoke(grant_id, NOON)
    public = ids.encode("prg", programme_id)
    refused = await patched(desk, public, lot_expires_on="2026-12-30")
    assert (refused.status_code, refused.json()["code"]) == (409, "programme_in_use")
    refused = await patched(desk, public, lot_expires_on=LATER, employee_category="impiegati")
    assert (refused.status_code, refused.json()["code"]) == (409, "programme_in_use")
    assert (await patched(desk, public, "payroll", lot_expires_on=LATER)).status_code == 403
    days = "SELECT id, expires_on FROM lot"
    assert {row.id: str(row.expires_on) for row in await world.execute(days)} == {
        lot_id: "2026-12-31", revoked: "2026-12-31",
    }  # fmt: skip

    answer = await patched(desk, public, lot_expires_on=LATER)
    assert (answer.status_code, answer.json()["lot_expires_on"]) == (200, LATER)
    assert {row.id: str(row.expires_on) for row in await world.execute(days)} == {
        lot_id: LATER, revoked: "2026-12-31",
    }  # fmt: skip
    wallet = (await desk.client.get("/v1/me/wallet", headers=stage.person.headers)).json()
    assert wallet["expiring_next"] == {"on": LATER, "amount_cents": 100_00}


async def test_what_is_over_is_not_brought_back(desk: Desk, stage: Stage, world: World) -> None:
    lot_id = await stage.lot(100_00)
    programme_id = await world.scalar("SELECT source_id FROM lot WHERE id = :id", id=lot_id)
    await world.set_now(NOON + timedelta(days=60))
    refused = await patched(desk, ids.encode("prg", programme_id), lot_expires_on=LATER)
    assert (refused.status_code, refused.json()["code"]) == (409, "programme_ended")
    assert str(await world.scalar("SELECT lot_expires_on FROM programme")) == "2026-12-31"


async def test_a_lot_moves_only_with_its_programme(stage: Stage, world: World) -> None:
    lot_id = await stage.lot(100_00)
    ((company, source),) = await world.execute("SELECT company_id, source_id FROM lot WHERE id = :id", id=lot_id)
    extend = "SELECT extend_lots(:company, :source, '2027-03-31', '2026-11-23')"
    given = {"company": company, "source": source}
    await world.refused("lot_fixed", (extend, given), role="beatrice_hr")
    # A company that is not its owner finds nothing.
    async with world.work("beatrice_hr") as session:
        await session.execute(text(extend), {"company": ids.new_id(), "source": source})
    assert str(await world.scalar("SELECT expires_on FROM lot")) == "2026-12-31"


async def test_a_programme_is_put_away_and_brought_back(desk: Desk, world: World) -> None:
    programme_id = await desk.programme()
    waiting = await desk.grant(programme_id, each_cents=50_00)
    away = await desk.post(f"/programmes/{programme_id}/archive")
    assert (away.status_code, away.json()["archived_at"]) == (200, away.json()["archived_at"])
    assert away.json()["archived_at"] is not None
    again = await desk.post(f"/programmes/{programme_id}/archive")
    assert (again.status_code, again.json()["state"]) == (409, "archived")
    assert (await desk.post(f"/programmes/{programme_id}/restore", role="hr_approver")).status_code == 403
    before = await snapshot(world, "credit_grant")
    refused = await desk.post("/grants", {"programme_id": programme_id, "each_cents": 50_00})
    assert (refused.status_code, refused.json()["code"]) == (409, "programme_archived")
    assert await snapshot(world, "credit_grant") == before
    assert [one["id"] for one in (await desk.get("/programmes", archived="true")).json()["data"]] == [programme_id]
    assert (await desk.get("/programmes", archived="false")).json()["data"] == []
    # What was drafted before is still approved: it stands.
    assert (await desk.approve(waiting["id"])).json()["status"] == "active"
    back = await desk.post(f"/programmes/{programme_id}/restore")
    assert (back.status_code, back.json()["archived_at"]) == (200, None)
    assert (await desk.grant(programme_id, each_cents=50_00))["status"] == "draft"


async def test_the_database_refuses_a_grant_of_what_was_put_away(desk: Desk, stage: Stage, world: World) -> None:
    programme_id = await stage.programme()
    await desk.post(f"/programmes/{ids.encode('prg', programme_id)}/archive")
    draft = (
        # Attack: a grant drafted by hand
        "INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, created_by, created_at)"
        " VALUES (:id, :company, :programme, 100, 1, :id, :at)"
    )
    given = {"id": ids.new_id(), "company": stage.company.id, "programme": programme_id, "at": NOON}
    await world.refused("credit_grant_of_open_programme", (draft, given), role="beatrice_hr")


async def test_a_statement_adds_up_to_the_account(desk: Desk, world: World) -> None:
    programme_id = await desk.programme(name="=Natale")
    grant = await desk.grant(programme_id, each_cents=250_00)
    assert (await desk.approve(grant["id"])).json()["status"] == "active"
    shown = (await desk.get("/account/statement")).json()
    ((reference,),) = await world.execute("SELECT payment_reference FROM top_up")
    entries = [(one["kind"], one["reference"], one["amount_cents"]) for one in shown.pop("entries")]
    assert entries == [("top_up", reference, 1_000_00), ("grant", "=Natale", -250_00)]
    assert shown == {"date_from": "2026-01-01", "date_to": "2026-11-23", "opening_cents": 0, "closing_cents": 750_00}
    assert (await desk.account())[0] == 750_00
    after = (await desk.get("/account/statement", date_from="2026-11-24", date_to="2026-11-30")).json()
    assert (after["opening_cents"], after["closing_cents"], after["entries"]) == (750_00, 750_00, [])
    file = await desk.get("/account/statement.csv", format="excel", role="payroll")
    assert (file.headers["content-type"], file.text.split("\r\n")) == (
        "text/csv; charset=utf-8",
        [
            "\N{BYTE ORDER MARK}date;kind;reference;amount;balance",
            "2026-01-01;opening;;;0,00",
            f"2026-11-23;top_up;{reference};1000,00;1000,00",
            "2026-11-23;grant;'=Natale;-250,00;750,00",
            "2026-11-23;closing;;;750,00",
            "",
        ],
    )
    long = await desk.get("/account/statement", date_from="2025-01-01", date_to="2026-01-02")
    assert pointers(long) == [("/query/date_to", "period_too_long")]


def test_a_plain_statement_has_points_and_a_sign() -> None:
    entry = StatementEntry(ids.new_id(), "returns", None, -5, datetime(2026, 12, 31, 23, tzinfo=UTC))
    written = statement_csv(Statement(date(2027, 1, 1), date(2027, 1, 31), 2, [entry]), "csv")
    assert written.split("\r\n")[1:4] == [
        "2027-01-01,opening,,,0.02", "2027-01-01,returns,,-0.05,-0.03", "2027-01-31,closing,,,-0.03",
    ]  # fmt: skip


async def test_the_report_tells_what_was_given_and_nothing_of_its_use(desk: Desk) -> None:
    programme_id = await desk.programme()
    for cents in (100_00, 50_00):
        grant = await desk.grant(programme_id, each_cents=cents)
        assert (await desk.approve(grant["id"])).json()["status"] == "active"
    shown = (await desk.get("/reports/programmes")).json()
    assert shown == {
        "year": 2026,
        "granted_cents": 150_00,
        "employee_count": 1,
        "programmes": [{
            "programme_id": programme_id, "programme_name": "Welfare 2026", "source": "on_top",
            "employee_category": "operai", "lot_expires_on": "2026-12-31", "archived_at": None,
            "granted_cents": 150_00, "grant_count": 2, "employee_count": 1,
        }],
    }  # fmt: skip
    assert (await desk.get("/reports/programmes", year="2027")).json()["programmes"] == []
    file = await desk.get("/reports/programmes.csv", year="2026")
    assert file.text.split("\r\n")[1] == "Welfare 2026,on_top,operai,2026-12-31,150.00,2,1"
    assert (await desk.get("/reports/programmes", role="payroll")).status_code == 403


async def test_lists_of_a_grant_leave_and_come_back(desk: Desk, stage: Stage) -> None:
    programme_id = await desk.programme()
    blank = (await desk.get(f"/programmes/{programme_id}/grant_template.csv", format="excel")).text
    header, row, _ = blank.split("\r\n")
    assert (header, row.split(";")[0], row.split(";")[-1]) == (
        "\N{BYTE ORDER MARK}employee_id;external_id;family_name;given_name;amount", employee(stage.person), "",
    )  # fmt: skip
    filled = f"{header}\r\n{row}12,50\r\n".encode()
    headers = desk.company.headers["hr"] | {"Content-Type": "text/csv", "Idempotency-Key": "filled"}
    query = {"programme_id": programme_id}
    made = await desk.client.post(f"{desk.base}/grants", content=filled, headers=headers, params=query)
    assert (made.status_code, made.json()["total_cents"]) == (201, 12_50)
    back = (await desk.get(f"/grants/{made.json()['id']}/lines.csv", format="excel")).text
    assert back == filled.decode()


@pytest.mark.parametrize(
    ("rule", "ended_on", "until", "to"),
    [
        ("keep_until_expiry", date(2026, 12, 1), date(2026, 12, 31), "carry_over"),
        ("zero_at_leaving", date(2026, 12, 1), date(2026, 12, 1), "company"),
        ("zero_at_leaving", date(2026, 10, 1), date(2026, 10, 23), "company"),  # at most 31 days back
        ("zero_at_leaving", date(2027, 2, 1), date(2026, 12, 31), "carry_over"),
    ],
)
def test_what_leaving_does_by_a_programmes_rule(rule: Any, ended_on: date, until: date, to: str) -> None:
    programme = LeaversProgramme(ids.new_id(), "Welfare", rule, "carry_over", date(2026, 12, 31))
    today = date(2026, 11, 23)
    assert (programme.usable_until(ended_on, today), programme.unused_to(ended_on, today)) == (until, to)


async def test_a_leaving_is_told_before_it_is_saved_without_sums(desk: Desk, stage: Stage, world: World) -> None:
    await stage.lot(100_00)
    await stage.lot(60_00, expired_credit_to="company", leavers_rule="zero_at_leaving")
    path = f"/employees/{employee(stage.person)}/leaving_preview"
    shown = (await desk.get(path, ended_on="2026-11-30")).json()
    told = [(one["leavers_rule"], one["usable_until"], one["unused_to"]) for one in shown["programmes"]]
    assert sorted(told) == [
        ("keep_until_expiry", "2026-12-31", "solidarity_fund"), ("zero_at_leaving", "2026-11-30", "company"),
    ]  # fmt: skip
    assert "cents" not in (await desk.get(path, ended_on="2026-11-30")).text
    assert await world.scalar("SELECT count(*) FROM employee WHERE ended_on IS NOT NULL") == 0
    early = await desk.get(path, ended_on="1990-01-01")
    assert pointers(early) == [("/query/ended_on", "before_hiring")]
    grant_id = await world.scalar("SELECT min(grant_id::text)::uuid FROM lot WHERE amount_cents = 10000")
    await stage.revoke(grant_id, NOON)
    left = (await desk.get(path, ended_on="2026-11-30")).json()["programmes"]
    assert [one["leavers_rule"] for one in left] == ["zero_at_leaving"]
