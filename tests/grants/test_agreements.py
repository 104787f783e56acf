"""E10: a collective agreement's credit, computed person by person with the reason, given once and on time."""

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from app import clock, ids
from app.employees.queries import Leave
from app.grants import jobs
from app.grants.agreements import REASONS, YearsCredit, entitlement, months_within, years_credit
from app.grants.queries import AgreementFacts
from app.rules.book import book_in_force
from tests.grants.desk import Desk, count, pointers
from tests.world import World
from tests.world.given import PROGRAMME
from tests.world.people import fiscal_code

JANUARY = datetime(2026, 1, 15, 9, tzinfo=UTC)
TODAY = date(2026, 11, 23)
FULL_TIME = AgreementFacts(
    ids.new_id(), "A1", "Anna", "Riva", b"anna", date(2020, 1, 1), None, "permanent", None, (), None,
    [date(2020, 1, 1)], [date(2026, 12, 31)], 0,
)  # fmt: skip
METAL: dict[str, Any] = {
    "source": "collective_agreement",
    "agreement_code": "metalworkers",
    "agreement_year": 2026,
    "lot_expires_on": "2027-05-31",
}


def metalworkers(year: int = 2026) -> YearsCredit:
    found = years_credit(book_in_force(), "metalworkers", year)
    assert found is not None
    return found


def fixed_term(start: date, end: date) -> dict[str, Any]:
    return {"contract": "fixed_term", "hired_on": start, "spell_starts": [start], "spell_ends": [end]}


@pytest.mark.parametrize(
    ("year", "amount_cents", "available_by", "usable_until"),
    [
        (2025, 200_00, date(2025, 6, 1), date(2026, 5, 31)),
        (2026, 250_00, date(2026, 2, 28), date(2027, 5, 31)),
        (2027, 250_00, date(2027, 6, 1), date(2028, 5, 31)),
        (2028, 250_00, date(2028, 6, 1), date(2029, 5, 31)),
    ],
)
def test_a_year_of_the_metalworkers(year: int, amount_cents: int, available_by: date, usable_until: date) -> None:
    found = metalworkers(year)
    assert (found.row.amount_cents, found.available_by, found.usable_until) == (
        amount_cents, available_by, usable_until,
    )  # fmt: skip
    assert (found.row.probation_excluded, found.row.fixed_term_min_months) == (True, 3)


def test_confapi_has_its_own_days() -> None:
    found = years_credit(book_in_force(), "confapi", 2026)
    assert found is not None
    assert (found.row.amount_cents, found.available_by) == (200_00, date(2026, 2, 28))
    assert found.usable_until == date(2026, 12, 31)
    assert years_credit(book_in_force(), "confapi", 2024) is None
    assert years_credit(book_in_force(), "unknown", 2026) is None


PROBATION, LEAVE = date(2026, 12, 10), (Leave(date(2026, 5, 1), date(2026, 12, 31)),)


@pytest.mark.parametrize(
    ("changes", "code", "due_from", "due_by"),
    [
        ({}, "due", date(2020, 1, 1), date(2026, 2, 28)),
        ({"granted_cents": 250_00}, "granted", None, None),
        ({"agreement_code": "C011"}, "due", date(2020, 1, 1), date(2026, 2, 28)),
        ({"agreement_code": "confapi"}, "other_agreement", None, None),
        ({"agreement_code": "C018"}, "other_agreement", None, None),
        ({"hired_on": date(2027, 1, 1)}, "not_employed_then", None, None),
        ({"ended_on": date(2026, 11, 22)}, "employment_ended", None, None),
        ({"ended_on": TODAY}, "due", date(2020, 1, 1), date(2026, 2, 28)),
        ({"hired_on": date(2026, 9, 1)}, "due", date(2026, 9, 1), date(2026, 9, 1)),
        ({"hired_on": date(2026, 12, 1)}, "not_hired_yet", date(2026, 12, 1), date(2026, 12, 1)),
        ({"contract": "agency"}, "agency", None, None),
        (fixed_term(date(2026, 10, 15), date(2027, 6, 30)), "fixed_term_too_short", None, None),
        (fixed_term(date(2026, 10, 1), date(2027, 6, 30)), "due", date(2026, 10, 1), date(2026, 10, 1)),
        (fixed_term(date(2026, 10, 2), date(2027, 6, 30)), "fixed_term_too_short", None, None),
        ({"probation_ends_on": PROBATION}, "in_probation", date(2026, 12, 11), date(2026, 12, 11)),
        ({"probation_ends_on": date(2026, 11, 22)}, "due", TODAY, TODAY),
        ({"unpaid_leave": LEAVE}, "unpaid_leave", None, None),
        ({"unpaid_leave": (replace(LEAVE[0], end=date(2026, 12, 30)),)}, "due", date(2020, 1, 1), date(2026, 2, 28)),
        ({"unpaid_leave": (Leave(date(2026, 9, 1), date(2026, 12, 31)), Leave(date(2026, 6, 1), date(2026, 8, 31)))},
         "unpaid_leave", None, None),
        ({"unpaid_leave": (Leave(date(2026, 6, 2), date(2026, 12, 31)),)}, "due", date(2020, 1, 1), date(2026, 2, 28)),
    ],
)  # fmt: skip
def test_one_person(changes: dict[str, Any], code: str, due_from: date | None, due_by: date | None) -> None:
    found = entitlement(metalworkers(), replace(FULL_TIME, **changes), TODAY)
    assert (found.code, found.due_from, found.due_by) == (code, due_from, due_by)
    assert found.amount_cents == (250_00 if code in {"due", "granted"} else 0)


@pytest.mark.parametrize(
    ("spells", "months"),
    [
        ([(date(2026, 10, 15), date(2026, 12, 31))], 2),
        ([(date(2025, 3, 1), date(2027, 3, 1))], 12),
        ([(date(2026, 1, 31), date(2026, 2, 27))], 0),
        ([(date(2026, 1, 10), date(2026, 2, 24)), (date(2026, 9, 1), date(2026, 10, 15))], 3),
        ([(date(2025, 1, 1), date(2025, 12, 31)), (date(2026, 11, 1), date(2026, 11, 30))], 1),
    ],
)
def test_months_within_the_calendar_year(spells: list[tuple[date, date]], months: int) -> None:
    starts, ends = (list(part) for part in zip(*spells, strict=True))
    facts = replace(FULL_TIME, spell_starts=starts, spell_ends=ends)
    assert months_within(facts, date(2026, 1, 1), date(2026, 12, 31)) == months


async def hire(desk: Desk, number: int, **facts: Any) -> str:
    person = {
        "given_name": "Anna", "family_name": f"Riva {number:02}", "category": "operai", "hired_on": "2020-01-01",
        "fiscal_code": CODES[number],
    }  # fmt: skip
    return str((await desk.of().post("/employees", person | facts))["id"])


CODES = [fiscal_code(number) for number in range(3)]


async def test_e10_only_who_is_due_gets_it_once(client: httpx.AsyncClient, world: World) -> None:
    await world.operator()
    desk = Desk(client, await world.company())
    await world.set_now(JANUARY)
    await world.fund(desk.company, 1_000_00)
    full = await hire(desk, 0)
    trial = await hire(desk, 1, hired_on="2026-01-10", probation_ends_on="2026-03-10")
    agency = await hire(desk, 2, contract="agency")
    refused = await desk.post("/programmes", {**PROGRAMME, **METAL, "lot_expires_on": "2027-05-30"})
    assert pointers(refused) == [("/lot_expires_on", "agreement_longer")]
    refused = await desk.post("/programmes", {**PROGRAMME, **METAL, "agreement_year": 2024})
    assert pointers(refused) == [("/agreement_year", "no_such_agreement")]
    programme_id = await desk.programme(**METAL)
    made = (await desk.get(f"/programmes/{programme_id}")).json()
    assert (made["agreement_code"], made["agreement_year"], made["due_by"]) == ("metalworkers", 2026, "2026-02-28")

    shown = (await desk.get(f"/programmes/{programme_id}/due")).json()
    assert {one["employee_id"]: (one["code"], one["amount_cents"], one["due_by"]) for one in shown["data"]} == {
        full: ("due", 250_00, "2026-02-28"),
        trial: ("in_probation", 0, "2026-03-11"),
        agency: ("agency", 0, None),
    }
    assert (shown["due_count"], shown["missing_cents"], shown["overdue_count"], shown["not_due_count"]) == (
        1, 250_00, 0, 2,
    )  # fmt: skip
    assert shown["agreement"]["available_by"] == "2026-02-28"
    assert [one["due_count"] for one in (await desk.get("/deadlines")).json()["data"]] == [1]

    lines = [{"employee_id": one, "amount_cents": 250_00} for one in (full, trial, agency)]
    lines[0]["amount_cents"] = 249_99
    refused = await desk.post("/grants", {"programme_id": programme_id, "lines": lines}, dry_run="true")
    assert pointers(refused) == [
        ("/lines/0/amount_cents", "below_agreement"),
        ("/lines/1/employee_id", "in_probation"),
        ("/lines/2/employee_id", "agency"),
    ]
    refused = await desk.post("/grants", {"programme_id": programme_id, "each_cents": 249_99})
    assert pointers(refused) == [("/each_cents", "below_agreement")]
    dry = (await desk.post("/grants", {"programme_id": programme_id, "each_cents": 250_00}, dry_run="true")).json()
    assert (dry["employee_count"], dry["total_cents"], dry["generality_reason"]) == (1, 250_00, "agreement")
    assert [(one["code"], one["reason"], one["due_from"]) for one in dry["left_out"]] == [
        ("in_probation", REASONS["in_probation"]["it"], "2026-03-11"),
        ("agency", REASONS["agency"]["it"], None),
    ]
    assert await count(world, "credit_grant") == 0

    first, second = [await desk.grant(programme_id, each_cents=250_00) for _ in range(2)]
    assert (await desk.approve(first["id"])).json()["status"] == "active"
    twice = await desk.approve(second["id"])
    assert (twice.status_code, twice.json()["code"]) == (409, "agreement_given_already")
    assert await count(world, "lot") == 1
    assert (await desk.get("/deadlines")).json() == {"data": []}
    other = await desk.programme(**METAL, name="Un altro")
    refused = await desk.post("/grants", {"programme_id": other, "lines": lines[:1]})
    assert pointers(refused) == [("/lines/0/employee_id", "granted")]

    await world.set_now(datetime(2026, 3, 11, 9, tzinfo=UTC))
    after = (await desk.get(f"/programmes/{programme_id}/due", code="due")).json()
    assert [(one["employee_id"], one["due_by"]) for one in after["data"]] == [(trial, "2026-03-11")]
    await desk.post(f"/grants/{first['id']}/revoke", {"reason": "Errore", "employee_ids": [full]})
    await desk.post(f"/grants/{first['id']}/approve_revocation", role="hr_approver")
    after = (await desk.get(f"/programmes/{programme_id}/due")).json()
    assert (after["due_count"], after["overdue_count"], after["granted_count"]) == (2, 1, 0)


async def test_hr_is_reminded_60_30_7_days_before_once_each(client: httpx.AsyncClient, world: World) -> None:
    await world.operator()
    desk = Desk(client, await world.company())
    await world.set_now(datetime(2025, 12, 1, 9, tzinfo=UTC))
    programme_id = await desk.programme(**METAL)
    told = []
    for year, month, day in ((2025, 12, 29), (2025, 12, 30), (2026, 1, 29), (2026, 2, 22)):
        now = datetime(year, month, day, 12, tzinfo=UTC)
        if month == 1:
            await hire(desk, 0)  # only from now on somebody lacks it
        due = await world.act(now, jobs.reminding_due, now)
        told.append((due, await world.act(now, jobs.remind, now) if due else 0, await count(world, "outgoing_mail")))
        assert await world.act(now, jobs.reminding_due, now) is None
    assert [(due and clock.day_of(due).isoformat(), looked, mails) for due, looked, mails in told] == [
        (None, 0, 0),
        ("2025-12-30", 1, 0),
        ("2026-01-29", 1, 1),
        ("2026-02-21", 1, 2),
    ]
    (text, *_) = await world.execute("SELECT recipient, text FROM outgoing_mail ORDER BY created_at LIMIT 1")
    assert text.recipient.startswith("hr")
    assert f"/programmes/{programme_id}/due" in text.text
    assert "28.02.2026" in text.text
    assert "Anna" not in text.text


def test_who_is_known_to_leave_before_the_period_that_counts_is_not_due() -> None:
    january = date(2026, 1, 15)
    left = replace(FULL_TIME, ended_on=date(2026, 5, 31))
    assert entitlement(metalworkers(), left, january).code == "not_employed_then"
    assert entitlement(metalworkers(), replace(FULL_TIME, ended_on=date(2026, 6, 1)), january).code == "due"
