"""A company's months over HTTP: what payroll alone reads, and what closing one means."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any

import httpx

from app import ids
from app.payroll.actions import NewLine, record
from tests.world import Caller, Party, Person, World, problem

NOVEMBER = date(2026, 11, 20)
CODES = [
    {"kind": "fringe", "rule_code": None, "cause_code": "=F1"},
    {"kind": "reimbursement_figurative", "rule_code": "C2_F_BIS", "cause_code": "R2"},
]


async def recorded(world: World, *lines: tuple[Person, str, str | None, int, int], day: date = NOVEMBER) -> None:
    async with world.work() as session:
        await record(
            session,
            [
                NewLine(who.company_id, who.employee_id, 2026, kind, cents, day, taxable, rule)  # type: ignore[arg-type]
                for who, kind, rule, cents, taxable in lines
            ],
        )


def at(client: httpx.AsyncClient, company: Party, role: str = "payroll") -> Caller:
    return Caller(client, company.headers[role], f"/v1/companies/{company.public_id}")


def shown(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    names = ("employee_external_id", "kind", "rule_code", "cause_code", "amount_cents", "taxable_cents", "delta_of")
    return [tuple(line[name] for name in names) for line in lines]


async def test_a_month_is_read_closed_and_goes_on_in_the_next(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company()
    anna = await world.employee(company, external_id="OS1", family_name="Abba", given_name="Anna")
    bruno = await world.employee(company, external_id="OS2", family_name="Bini", ended_on=date(2026, 11, 30))
    await world.set_now(datetime(2026, 12, 1, 8, tzinfo=UTC))
    await recorded(
        world,
        (anna, "fringe", "C3_FRINGE", 950_00, 0),
        (anna, "fringe", "C3_FRINGE", 70_00, 1_020_00),
        (anna, "late_fee", None, 11_25, 11_25),
        (bruno, "reimbursement_figurative", "C2_F_BIS", 247_27, 0),
        (bruno, "late_fee", None, 5_00, 5_00),
        (bruno, "late_fee", None, -5_00, -5_00),
    )
    payroll = at(client, company)
    await payroll.ask("PUT", "/payroll_cause_codes", {"cause_codes": CODES})
    (month,) = (await payroll.get("/payroll_exports"))["data"]
    assert month == {"period": "2026-11", "status": "open", "amount_cents": 1_278_52, "taxable_cents": 1_031_25,
        "content_sha256": None, "closed_at": None}  # fmt: skip
    found = await payroll.get("/payroll_exports/2026-11")
    expected = [
        ("OS1", "fringe", "C3_FRINGE", "=F1", 1_020_00, 1_020_00, None),
        ("OS1", "late_fee", None, None, 11_25, 11_25, None),
        ("OS2", "reimbursement_figurative", "C2_F_BIS", "R2", 247_27, 0, None),
    ]
    assert shown(found["lines"]) == expected
    assert found["missing_cause_codes"] == [{"kind": "late_fee", "rule_code": None}]
    leavers = await payroll.get("/payroll_exports/2026-11", has_left=True)
    assert shown(leavers["lines"]) == expected[2:]
    assert leavers["content_sha256"] == found["content_sha256"]
    own = await payroll.get("/payroll_exports/2026-11", employee_id=ids.encode("emp", anna.employee_id))
    assert shown(own["lines"]) == expected[:2]

    seen = {"content_sha256": found["content_sha256"]}
    closed = await payroll.post("/payroll_exports/2026-11/close", seen)
    assert (closed["status"], closed["lines"]) == ("closed", found["lines"])
    again = await payroll.ask("POST", "/payroll_exports/2026-11/close", seen)
    assert (again.status_code, problem(again)["code"]) == (409, "already_resolved")
    await payroll.ask("PUT", "/payroll_cause_codes", {"cause_codes": []})
    await world.execute("UPDATE employee SET external_id = 'other' WHERE id = :id", id=anna.employee_id)
    await recorded(world, (anna, "late_fee", None, -11_25, -11_25))
    assert await payroll.get("/payroll_exports/2026-11") == closed
    assert shown((await payroll.get("/payroll_exports/2026-12"))["lines"]) == [
        ("other", "late_fee", None, None, -11_25, -11_25, "2026-11")
    ]


async def test_the_file_runs_no_formula_and_says_the_same(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company()
    person = await world.employee(company, external_id="=1+1", family_name="Abba")
    await recorded(world, (person, "late_fee", None, 11_25, 11_25))
    await at(client, company).ask(
        "PUT", "/payroll_cause_codes", {"cause_codes": [{"kind": "late_fee", "cause_code": "-1"}]}
    )
    answer = await at(client, company).ask("GET", "/payroll_exports/2026-11.csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    (line,) = (await at(client, company).get("/payroll_exports/2026-11"))["lines"]
    assert answer.headers["content-disposition"] == 'attachment; filename="payroll-2026-11.csv"'
    assert row == {"period": "2026-11", "employee_external_id": "'=1+1", "fiscal_code": line["fiscal_code"],
        "family_name": "Abba", "given_name": line["given_name"], "ended_on": "", "cause_code": "'-1",
        "kind": "late_fee", "rule_code": "", "amount_cents": "1125", "taxable_cents": "1125", "tax_year": "2026",
        "delta_of": ""}  # fmt: skip


async def test_what_cannot_be_closed_stays_open(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company()
    person = await world.employee(company)
    await world.set_now(datetime(2026, 12, 1, 8, tzinfo=UTC))
    await recorded(world, (person, "late_fee", None, 1_00, 1_00), day=date(2026, 10, 2))
    payroll = at(client, company)
    before = await payroll.get("/payroll_exports/2026-10")
    await recorded(world, (person, "late_fee", None, 2_00, 2_00), day=date(2026, 10, 3))
    for period, code in (
        ("2026-10", "content_changed"),
        ("2026-11", "period_not_in_order"),
        ("2027-01", "period_not_in_order"),
    ):
        seen = before if period == "2026-10" else await payroll.get(f"/payroll_exports/{period}")
        refused = await payroll.ask(
            "POST", f"/payroll_exports/{period}/close", {"content_sha256": seen["content_sha256"]}
        )
        assert (refused.status_code, problem(refused)["code"]) == (409, code)
    seen = await payroll.get("/payroll_exports/2026-10")
    await payroll.post("/payroll_exports/2026-10/close", {"content_sha256": seen["content_sha256"]})
    seen = await payroll.get("/payroll_exports/2027-01")
    refused = await payroll.ask("POST", "/payroll_exports/2027-01/close", {"content_sha256": seen["content_sha256"]})
    assert (refused.status_code, problem(refused)["code"]) == (409, "period_not_begun")
    states = [(one["period"], one["status"]) for one in (await payroll.get("/payroll_exports"))["data"]]
    assert states == [("2026-10", "closed")]


async def test_a_code_is_given_once_and_a_refused_list_changes_nothing(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company()
    payroll = at(client, company)
    written = await payroll.ask("PUT", "/payroll_cause_codes", {"cause_codes": CODES})
    assert written.json() == {"cause_codes": CODES}
    refused = await payroll.ask("PUT", "/payroll_cause_codes", {"cause_codes": [CODES[0], CODES[1], CODES[0]]})
    assert (refused.status_code, problem(refused)["errors"][0]["pointer"]) == (422, "/cause_codes/2")
    assert await payroll.get("/payroll_cause_codes") == {"cause_codes": CODES}


async def test_neither_hr_nor_a_key_nor_another_company_reads_it(client: httpx.AsyncClient, world: World) -> None:
    company, other = await world.company(), await world.company()
    await world.membership(company.users["hr_approver"], company.id, "admin")
    paths = ("/payroll_exports", "/payroll_exports/2026-11", "/payroll_exports/2026-11.csv", "/payroll_cause_codes")
    for role in ("hr", "hr_approver"):
        for path in paths:
            refused = await at(client, company, role).ask("GET", path)
            assert (refused.status_code, problem(refused)["code"]) == (403, "forbidden")
    for path in paths:
        stranger = await client.get(f"/v1/companies/{company.public_id}{path}", headers=other.headers["payroll"])
        assert (stranger.status_code, problem(stranger)["code"]) == (404, "not_found")
    made = {"name": "payroll program", "scopes": ["payroll:read"]}
    key = await client.post(
        f"/v1/organisations/{company.public_id}/api_keys", json=made, headers=company.headers["hr_approver"]
    )
    assert key.status_code == 422
