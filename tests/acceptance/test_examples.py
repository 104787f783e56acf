"""The worked examples, over HTTP, in a town whose people are registered and have credit."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree

from app import ids
from tests.bookings.scene import NOW, Scene, make_scene
from tests.credit.stage import Stage
from tests.grants.desk import Desk
from tests.world import Caller, World
from tests.world.people import fiscal_code

DECEMBER = [date(2026, 12, day) for day in (1, 2, 3, 4, 9)]
YEARS_END = datetime(2026, 12, 31, 23, 0, tzinfo=UTC)
"""The midnight in Rome at which 2027 begins."""
PROVIDER, OFFERING = "Cooperativa Canarino", "Assistenza Cardellino"
CANARIES = ("canarino", "cardellino", "maria", "mazzini")
"""Words that only care knows (the last two are the mother's): the company must never read one."""
Town = Callable[..., Awaitable[Scene]]


@pytest.fixture
def make_town(fresh_client: httpx.AsyncClient, fresh_world: World) -> Town:
    """E1's people; the provider's own software acts by API key, and asks so much for a visit."""

    async def make(price_cents: int = 22_50, **terms: str) -> Scene:
        town = await make_scene(fresh_world, fresh_client, **terms)
        town.provider.headers["key"] = await fresh_world.api_key(town.provider, ["bookings:read", "bookings:write"])
        town.offering_id = await fresh_world.offering(town.provider, name=OFFERING, price_cents=price_cents)
        path = f"/operator/organisations/{town.provider.public_id}"
        await town.by("operator").patch(path, {"name": PROVIDER})
        return town

    return make


def visit_at(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, 0, tzinfo=UTC)


async def slots(town: Scene, days: list[date]) -> list[str]:
    return [await town.slot(visit_at(day)) for day in days]


async def move_to(town: Scene, instant: datetime) -> None:
    await town.by("operator").post("/sandbox/clock", {"now": instant.isoformat()})


async def run_jobs(town: Scene) -> Any:
    return (await town.by("operator").post("/sandbox/jobs/run"))["ran"]


async def lots(town: Scene) -> dict[str, tuple[int, int, int]]:
    """Available, held, captured by lot: A expires in 2026, B in 2027. A lot always adds up."""
    found = {}
    for lot in (await town.by("employee").get("/me/wallet"))["lots"]:
        cents = [lot[f"{part}_cents"] for part in ("available", "held", "captured", "expired", "returned")]
        assert sum(cents) == lot["amount_cents"]
        found["A" if lot["expires_on"] == "2026-12-31" else "B"] = (cents[0], cents[1], cents[2])
    return found


async def assert_nothing_leaks(town: Scene) -> None:
    """Call every reading route of the company, as each of its people: no word of care may appear.

    The words do appear where they belong, and the provider reads nothing about who pays.
    """
    mine = (await town.by("employee").ask("GET", "/me/bookings")).text.lower()
    assert all(word in mine for word in CANARIES[:2])
    theirs = (await town.by("key").ask("GET", f"/providers/{town.provider.public_id}/bookings")).text
    assert all(word in theirs.lower() for word in CANARIES[1:])
    assert not [word for word in (town.company.name, "Welfare", "C2_F", '"lot_') if word in theirs]
    company = f"/companies/{town.company.public_id}"
    known = {"employee_id": "employees", "programme_id": "programmes", "grant_id": "grants", "top_up_id": "top_ups"}
    document = (await town.client.get("/openapi.json")).json()
    paths = [path for path, verbs in document["paths"].items() if "/companies/{" in path and "get" in verbs]
    assert len(paths) >= 10
    for path in paths:
        opened = path.removeprefix("/v1/companies/{company_id}")
        parameter = re.search(r"{(\w+)}", opened)
        listed = [{"id": "2026-11"}]  # a period
        if parameter and parameter[1] != "period":
            listed = (await town.by("hr").get(f"{company}/{known[parameter[1]]}"))["data"]
        for concrete in [company + re.sub(r"{\w+}", item["id"], opened) for item in listed]:
            for role in ("hr", "hr_approver", "payroll"):
                answer = await town.by(role).ask("GET", concrete)
                assert answer.status_code in {200, 403}, answer.text
                seen = (answer.text + str(answer.headers)).lower()
                assert not [word for word in CANARIES if word in seen], concrete


@pytest.mark.parametrize(
    ("fee_funding", "after_late", "after_delivery", "due_cents", "expired_cents"),
    [
        ("out_of_pocket", (52_50, 67_50, 0), (52_50, 0, 67_50), 11_25, 52_50),
        ("from_credit", (41_25, 67_50, 11_25), (41_25, 0, 78_75), 0, 41_25),
    ],
)
async def test_e1_first_to_expire_first_and_late_cancellation(
    make_town: Town,
    fee_funding: str,
    after_late: tuple[int, int, int],
    after_delivery: tuple[int, int, int],
    due_cents: int,
    expired_cents: int,
) -> None:
    town = await make_town(fee_funding=fee_funding)
    employee = town.by("employee")
    booking = await town.book(await slots(town, DECEMBER))
    assert (booking["total_cents"], booking["credit_cents"], booking["own_money_due_cents"]) == (112_50, 112_50, 0)
    assert await lots(town) == {"A": (7_50, 112_50, 0), "B": (300_00, 0, 0)}
    assert (await town.theirs(booking["id"], "confirm", role="key")).json()["status"] == "confirmed"
    units = {unit["starts_at"][:10]: unit["id"] for unit in booking["units"]}

    await move_to(town, visit_at(date(2026, 12, 1)) - timedelta(hours=23))
    await employee.post(f"/me/bookings/{booking['id']}/cancel", {"unit_ids": [units["2026-12-09"]]})
    assert await lots(town) == {"A": (30_00, 90_00, 0), "B": (300_00, 0, 0)}
    preview = await employee.get(f"/me/bookings/{booking['id']}/cancellation_preview", unit_ids=units["2026-12-01"])
    assert (preview["fee_cents"], preview["fee_own_money_cents"]) == (11_25, due_cents)
    late = await employee.post(f"/me/bookings/{booking['id']}/cancel", {"unit_ids": [units["2026-12-01"]]})
    assert [unit["status"] for unit in late["units"]] == ["cancelled_late", *["confirmed"] * 3, "cancelled"]
    assert late["own_money_due_cents"] == due_cents
    assert await lots(town) == {"A": after_late, "B": (300_00, 0, 0)}

    await move_to(town, visit_at(date(2026, 12, 4)) + timedelta(hours=1))
    delivered = (await town.theirs(booking["id"], "deliver", role="key")).json()
    assert [unit["status"] for unit in delivered["units"]] == ["cancelled_late", *["delivered"] * 3, "cancelled"]
    assert delivered["units"][0]["to_collect_cents"] == due_cents
    assert await lots(town) == {"A": after_delivery, "B": (300_00, 0, 0)}

    await move_to(town, YEARS_END)
    gone = {"A": (0, 0, after_delivery[2]), "B": (300_00, 0, 0)}
    for _ in range(2):  # the deadline counts at once; the jobs book it
        wallet = await employee.get("/me/wallet")
        assert (wallet["available_cents"], await lots(town)) == (300_00, gone)
        assert [lot["expired_cents"] for lot in wallet["lots"] if lot["expires_on"] == "2026-12-31"] == [expired_cents]
        await run_jobs(town)
    await assert_nothing_leaks(town)


async def test_e2_series_over_an_expiry_and_a_holiday(make_town: Town) -> None:
    town = await make_town()
    tuesdays = [date(2026, 12, 1) + timedelta(weeks=week) for week in range(9)]
    assert tuesdays[-1] == date(2027, 1, 26)
    closed = date(2026, 12, 8)
    await slots(town, [day for day in tuesdays if day != closed])
    listed = await town.client.get(
        f"/v1/offerings/{ids.encode('off', town.offering_id)}/slots",
        params={"date_from": "2026-12-01", "date_to": "2027-01-26"},
    )
    slot_ids = [slot["id"] for slot in listed.json()["data"]]
    assert len(slot_ids) == 8
    booking = await town.book(slot_ids)
    assert (booking["total_cents"], booking["credit_cents"], booking["own_money_due_cents"]) == (180_00, 180_00, 0)
    assert [unit["starts_at"][:10] for unit in booking["units"]] == [
        day.isoformat() for day in tuesdays if day != closed
    ]
    wallet = await town.by("employee").get("/me/wallet")
    lot_of = {lot["id"]: "A" if lot["expires_on"] == "2026-12-31" else "B" for lot in wallet["lots"]}
    paid_by = [[(lot_of[leg["source_id"]], leg["amount_cents"]) for leg in unit["funding"]]
               for unit in booking["units"]]  # fmt: skip
    assert paid_by == [[("A", 22_50)]] * 4 + [[("B", 22_50)]] * 4
    assert await lots(town) == {"A": (30_00, 90_00, 0), "B": (210_00, 90_00, 0)}

    # Ten more in January: nine fit into B's 210.00; the tenth is own money although A has 30.00.
    more = await slots(town, [date(2027, 1, 7) + timedelta(days=day) for day in range(10)])
    quoted = (await town.quote(more)).json()
    sources = [leg["source"] for unit in quoted["units"] for leg in unit["funding"]]
    assert (quoted["credit_cents"], quoted["own_money_cents"]) == (202_50, 22_50)
    assert sorted(sources) == ["lot"] * 9 + ["own_money"]
    assert {lot_of[leg["source_id"]] for unit in quoted["units"] for leg in unit["funding"] if leg["source_id"]} == {
        "B"
    }
    await assert_nothing_leaks(town)


async def test_e3_two_bookings_at_the_same_instant(make_town: Town) -> None:
    town = await make_town(250_00)
    employee = town.by("employee")
    slot_ids = await slots(town, DECEMBER[:2])
    quotes = [(await town.quote([slot_id])).json() for slot_id in slot_ids]
    bodies = [{"quote_id": quoted["id"]} for quoted in quotes]
    answers = await asyncio.gather(
        *(employee.ask("POST", "/me/bookings", body, key=f"race-{index}") for index, body in enumerate(bodies))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    winner = 0 if answers[0].status_code == 201 else 1
    refusal = answers[1 - winner].json()
    assert (refusal["code"], refusal["available_cents"]) == ("insufficient_credit", 170_00)
    assert await lots(town) == {"A": (0, 120_00, 0), "B": (170_00, 130_00, 0)}

    again = await employee.ask("POST", "/me/bookings", bodies[winner], key=f"race-{winner}")
    assert (again.status_code, again.content) == (201, answers[winner].content)
    assert again.headers["idempotent-replayed"] == "true"
    other = await employee.ask("POST", "/me/bookings", bodies[1 - winner], key=f"race-{winner}")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    listed = await employee.get("/me/bookings")
    assert [booking["id"] for booking in listed["data"]] == [again.json()["id"]]
    assert await lots(town) == {"A": (0, 120_00, 0), "B": (170_00, 130_00, 0)}
    await assert_nothing_leaks(town)


async def test_e3_a_grant_waits_whole_for_its_money(fresh_stage: Stage, fresh_client: httpx.AsyncClient) -> None:
    world, desk = fresh_stage.world, Desk(fresh_client, fresh_stage.company)
    first = Caller(fresh_client, (await world.employee(fresh_stage.company, category="impiegati")).headers)
    rows = [f"Persona;Numero{number};{fiscal_code(number)};impiegati;01/03/2021" for number in range(3, 122)]
    content = "\n".join(["given_name;family_name;fiscal_code;category;hired_on", *rows])
    imported = await desk.of().ask("POST", "/employees/import", content=content, headers={"Content-Type": "text/csv"})
    assert (imported.status_code, imported.json()["created"]) == (200, 119), imported.text

    await world.fund(fresh_stage.company, 24_000_00)
    programme_id = await desk.programme(employee_category="impiegati")
    body = {"programme_id": programme_id, "each_cents": 250_00}
    drafted = await desk.post("/grants", body, key="grant-1")
    assert (drafted.status_code, drafted.json()["total_cents"], drafted.json()["employee_count"]) == (
        201, 30_000_00, 120
    )  # fmt: skip
    path = f"/grants/{drafted.json()['id']}"
    waiting = (await desk.approve(drafted.json()["id"])).json()
    assert (waiting["status"], waiting["shortfall_cents"]) == ("awaiting_funds", 5_000_00)
    account = {"balance_cents": 25_000_00, "granted_cents": 0, "awaiting_cents": 30_000_00}
    assert (await desk.get("/account")).json() == {**account, "next_returns_on": "2027-01-01"}
    assert (await first.get("/me/wallet"))["lots"] == []

    top_up = (await desk.post("/top_ups", {"amount_cents": 5_000_00})).json()
    finance = Caller(fresh_client, (await world.operator()).headers["finance"])
    assert (await finance.post(f"/operator/top_ups/{top_up['id']}/confirm"))["status"] == "confirmed"
    active = (await desk.get(path)).json()
    assert (active["status"], active["shortfall_cents"]) == ("active", 0)
    await _assert_granted_once(desk, path)
    assert [lot["available_cents"] for lot in (await first.get("/me/wallet"))["lots"]] == [250_00]

    again = await desk.post("/grants", body, key="grant-1")
    assert (again.status_code, again.content) == (201, drafted.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await desk.get("/grants")).json()["data"]) == 1
    await _assert_granted_once(desk, path)
    assert [lot["available_cents"] for lot in (await first.get("/me/wallet"))["lots"]] == [250_00]


async def _assert_granted_once(desk: Desk, path: str) -> None:
    page = (await desk.get(f"{path}/lines", limit=100)).json()
    rest = (await desk.get(f"{path}/lines", limit=100, cursor=page["next_cursor"])).json()
    lines = page["data"] + rest["data"]
    assert (len(lines), {line["amount_cents"] for line in lines}) == (120, {250_00})
    assert await desk.account() == (0, 30_000_00, 0)


async def test_e4_silent_provider(make_town: Town) -> None:
    town = await make_town(62_00)
    employee = town.by("employee")
    booking = await town.book(await slots(town, DECEMBER[:2]))
    assert booking["credit_cents"] == 124_00
    held = {"A": (0, 120_00, 0), "B": (296_00, 4_00, 0)}
    assert await lots(town) == held
    answer_by = datetime.fromisoformat(booking["confirm_by"])
    assert answer_by - datetime.fromisoformat(booking["created_at"]) == timedelta(hours=48)

    await move_to(town, NOW + timedelta(hours=49))
    late = await town.theirs(booking["id"], "confirm", role="key")
    assert (late.status_code, late.json()["code"], late.json()["state"]) == (409, "already_resolved", "expired")
    assert (await employee.get(f"/me/bookings/{booking['id']}"))["status"] == "expired"
    assert await lots(town) == held

    await run_jobs(town)
    assert await lots(town) == {"A": (120_00, 0, 0), "B": (300_00, 0, 0)}
    later = await town.theirs(booking["id"], "confirm", role="key")
    assert (later.status_code, later.json()["code"], later.json()["state"]) == (409, "already_resolved", "expired")
    assert await lots(town) == {"A": (120_00, 0, 0), "B": (300_00, 0, 0)}
    entries = (await employee.get("/me/wallet/entries"))["data"]
    assert sorted((entry["reason"], entry["amount_cents"]) for entry in entries) == [
        ("granted", 120_00), ("granted", 300_00),
    ]  # fmt: skip
    await assert_nothing_leaks(town)


@pytest.mark.parametrize("reading", ["strict", "lenient"])
async def test_e8_relatives_by_date(fresh_client: httpx.AsyncClient, fresh_world: World, reading: str) -> None:
    """A mother-in-law of 80 lives with her family from 1 March to 1 October."""
    operator = await fresh_world.operator()
    await fresh_world.set_now(datetime(2026, 2, 2, 8, tzinfo=UTC))
    company, provider = await fresh_world.company(), await fresh_world.provider()
    person = await fresh_world.employee(company)
    since = '[{"from": "2026-03-01"}]'
    kin = await fresh_world.beneficiary(person.user_id, "parent_in_law", date(1945, 6, 1), cohabitation=since)
    offering = await fresh_world.offering(provider, confirmation="instant")
    lot = await fresh_world.lot(company, person, 300_00, date(2026, 12, 31), reading=reading)
    town = Scene(fresh_world, fresh_client, operator, company, provider, person, kin, offering, lot, lot)
    days = [date(2026, 2, 12), date(2026, 3, 12), date(2026, 9, 15), date(2026, 10, 6)]
    slot_ids = await slots(town, days)
    quoted = (await town.quote(slot_ids)).json()
    strict = reading == "strict"
    assert [said["allowed"] for said in quoted["decisions"]] == [not strict, True, True, True]
    assert quoted["decisions"][0]["code"] == ("relative_not_eligible" if strict else "allowed")
    assert ("estensiva" in quoted["decisions"][0]["reason"]) is not strict, quoted["decisions"][0]["reason"]
    ways = [(way["code"], way["valid_from"]) for way in quoted["decisions"][0]["alternatives"]]
    assert ways == ([("say_cohabitation", None), ("from_date", "2026-03-01")] if strict else [])
    booking = await town.book(slot_ids[1:])
    until = {"cohabitation": [{"from": "2026-03-01", "to": "2026-09-30"}]}
    await town.by("employee").patch(f"/me/beneficiaries/{ids.encode('ben', kin)}", until)
    units = (await town.by("employee").get(f"/me/bookings/{booking['id']}"))["units"]
    assert [unit["needs_review"] for unit in units] == [False, False, strict]
    assert [unit["status"] for unit in units] == ["confirmed"] * 3
    assert await fresh_world.balances(lot) == (232_50, 67_50)
    await move_to(town, visit_at(date(2026, 10, 6)) + timedelta(hours=1))
    late = await town.theirs(booking["id"], "deliver", {"unit_ids": [units[2]["id"]]})
    assert late.status_code == (409 if strict else 200)
    await run_jobs(town)
    # March was never reported, September still may be; October was cancelled free of charge, or paid.
    assert await fresh_world.balances(lot) == ((277_50, 22_50) if strict else (255_00, 22_50))


@pytest.mark.parametrize("with_fee", [True, False])
async def test_e13_settlement_and_rounding(make_town: Town, *, with_fee: bool) -> None:
    town = await make_town()
    if with_fee:
        drafted = await town.by("operator").post(
            "/operator/fee_rules",
            {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-12-01"},
        )
        approved = await town.by("finance").post(f"/operator/fee_rules/{drafted['id']}/approve")
        assert (drafted["status"], approved["status"]) == ("draft", "approved")
    days = [date(2026, 12, day) for day in (1, 2, 3, 4, 9, 10, 11)]
    booking = await town.book(await slots(town, days))
    assert (await town.theirs(booking["id"], "confirm", role="key")).status_code == 200
    await move_to(town, visit_at(days[-1]) + timedelta(hours=1))
    assert (await town.theirs(booking["id"], "deliver", role="key")).json()["status"] == "delivered"
    await move_to(town, visit_at(days[-1]) + timedelta(days=5, hours=2))
    assert (await run_jobs(town))["bookings.complete_delivered"] == 7
    assert (await town.by("employee").get(f"/me/bookings/{booking['id']}"))["status"] == "completed"

    fee_cents, fee_vat_cents, payout_cents = (3_15, 69, 153_66) if with_fee else (0, 0, 157_50)
    run = await town.by("operator").post("/operator/settlement_runs", {"cutoff_on": "2026-12-16"})
    assert (run["status"], run["settlement_count"], run["total_cents"]) == ("closed", 1, payout_cents)
    manager, ours = town.by("manager"), f"/providers/{town.provider.public_id}"
    (item,) = (await manager.get(f"{ours}/settlements"))["data"]
    settlement = await manager.get(f"{ours}/settlements/{item['id']}")
    assert {name: cents for name, cents in settlement.items() if name.endswith("_cents")} == {
        "gross_cents": 157_50, "vat_cents": 7_50, "fee_cents": fee_cents, "fee_vat_cents": fee_vat_cents,
        "subsidy_cents": 0, "payout_cents": payout_cents,
    }  # fmt: skip
    assert [line["gross_cents"] for line in settlement["lines"]] == [22_50] * 7
    assert sum(line["net_cents"] for line in settlement["lines"]) == payout_cents
    await _assert_csv_equals(town, settlement)
    await _assert_paid_by_two_people(town, run, payout_cents)
    assert (await town.by("finance").get("/operator/ledger/trial_balance"))["balanced"] is True
    await assert_nothing_leaks(town)


async def _assert_csv_equals(town: Scene, settlement: dict[str, object]) -> None:
    answer = await town.by("manager").ask(
        "GET", f"/providers/{town.provider.public_id}/settlements/{settlement['id']}.csv"
    )
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    header, *rows = [row.split(",") for row in answer.text.splitlines()]
    lines = settlement["lines"]
    assert isinstance(lines, list)
    assert header == ["number", *lines[0]]
    assert rows == [["2026/1", *(str(value) for value in line.values())] for line in lines]


async def _assert_paid_by_two_people(town: Scene, run: dict[str, str], payout_cents: int) -> None:
    path = f"/operator/settlement_runs/{run['id']}"
    seen = {"content_sha256": run["content_sha256"]}
    own = await town.by("operator").ask("POST", f"{path}/approve", seen)
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")
    early = await town.by("finance").ask("GET", f"{path}/payment_file")
    assert (early.status_code, early.json()["code"]) == (409, "state_conflict")
    assert (await town.by("finance").post(f"{path}/approve", seen))["status"] == "approved"
    first, second = [await town.by("finance").ask("GET", f"{path}/payment_file") for _ in range(2)]
    assert (first.status_code, first.content) == (200, second.content)
    document = etree.fromstring(first.content)
    payment_schema().assertValid(document)
    amounts = document.xpath("//*[local-name()='InstdAmt' or local-name()='CtrlSum']/text()")
    assert set(amounts) == {f"{payout_cents / 100:.2f}"}


def payment_schema() -> etree.XMLSchema:
    """The bank's schema, from a test dependency that ships it."""
    spec = find_spec("sepaxml")
    assert spec is not None
    assert spec.origin is not None
    return etree.XMLSchema(etree.parse(Path(spec.origin).parent / "schemas" / "pain.001.001.09.xsd"))
