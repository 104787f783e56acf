"""The demo world: complete, the same every time, in a ledger that adds up."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree
from sqlalchemy import text

from app import api, clock, ids, sealing
from app.banking.fiscal_codes import is_born_on, normalise_fiscal_code, normalise_tax_code
from app.banking.iban import normalise_iban
from app.beneficiaries.details import open_details
from app.catalogue import schemas as catalogue
from app.config import settings
from app.db import WORKER_TIMEOUTS, Database, create_database
from app.ledger import verify
from app.main import create_app
from app.rules.book import book_in_force
from app.sandbox import demo
from tests.conftest import Cluster

PASSWORD = "beatrice-demo-2026"
START = datetime(2026, 11, 23, 8, tzinfo=UTC)
KEY_TABLES = (
    "organisation", "user_account", "role_grant", "company", "provider", "network", "alliance",
    "alliance_municipality", "alliance_membership", "employee", "care.beneficiary", "site", "offering",
    "offering_area", "price", "slot", "top_up", "programme", "credit_grant", "grant_line", "lot", "ledger.account",
    "ledger.transfer", "ledger.hold", "ledger.hold_end", "care.quote", "care.booking", "care.unit", "care.leg",
    "care.unit_transition", "care.dispute", "care.dispute_unit", "fee_rule",
    "settlement_run", "settlement_counter", "settlement", "settlement_line",
    "payout", "payroll_line", "payroll_period", "payroll_cause_code", "event", "audit_entry",
)  # fmt: skip
OWN = (
    "sealed_fiscal_code", "sealed_access_notes", "sealed_details", "sealed_note", "sealed_end_reason", "sealed_reason",
    "sealed_decision", "sealed_content", "password_hash", "recorded_at", "hash",
)  # fmt: skip
"""What no two loads have alike: what is sealed with a nonce, and real time."""
UNIT_STATES = {
    "requested", "confirmed", "delivered", "completed", "declined", "expired", "cancelled", "cancelled_late", "no_show",
}  # fmt: skip
BOOKING_STATES = UNIT_STATES - {"cancelled_late"} | {"in_progress"}


@dataclass
class Loaded:
    """A clone with the demo world in it."""

    database: Database
    reported: list[str] = field(default_factory=list)

    async def rows(self, sql: str, **values: Any) -> list[Any]:
        async with self.database.begin() as session:
            return list((await session.execute(text(sql), values)).all())

    async def scalar(self, sql: str, **values: Any) -> Any:
        return (await self.rows(sql, **values))[0][0]

    @asynccontextmanager
    async def client(self, email: str) -> AsyncIterator[httpx.AsyncClient]:
        transport = httpx.ASGITransport(app=create_app(self.database))
        async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as client:
            answer = await client.post("/v1/auth/token", data={"username": email, "password": PASSWORD})
            assert answer.status_code == 200, answer.text
            client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client


@asynccontextmanager
async def loaded(cluster: Cluster) -> AsyncIterator[Loaded]:
    name = cluster.clone()
    made = Loaded(create_database(cluster.app_url(name), timeouts=WORKER_TIMEOUTS))
    try:
        assert await demo.is_empty(made.database) is True
        await demo.load(made.database, made.reported.append)
        yield made
    finally:
        await made.database.dispose()
        cluster.drop(name)


async def assert_at_rest(made: Loaded, start: datetime) -> None:
    """All history lies before the start, and what deadlines do by then has been done."""
    for column in ("ledger.transfer:event_at", "ledger.hold:event_at", "event:created_at", "care.booking:created_at"):
        table, name = column.split(":")
        assert await made.scalar(f"SELECT max({name}) FROM {table}") <= start, column
    async with made.database.begin() as session:
        waiting = {sweep.name for sweep in api.SWEEPS if await sweep.due(session, clock.now()) is not None}
    assert waiting <= {"audit.chain"}  # the worker chains what the demo recorded


@pytest.fixture(scope="module")
async def world(cluster: Cluster) -> AsyncIterator[Loaded]:
    async with loaded(cluster) as made:
        yield made


async def test_it_is_loaded_once(world: Loaded) -> None:
    assert await demo.is_empty(world.database) is False
    assert world.reported[:2] == ["45 organisations in 42 municipalities", "2000 employees with logins and families"]
    assert world.reported[-1] == "business time starts at 23.11.2026 09:00"
    offset = await world.scalar("SELECT offset_interval FROM clock_offset")
    assert 0 <= (clock.real() + offset - START).total_seconds() < 300


async def test_two_loads_give_the_same_rows(cluster: Cluster, world: Loaded) -> None:
    async with loaded(cluster) as other:
        for table in KEY_TABLES:
            sql = f"""
                SELECT count(*), md5(string_agg(row.line, '|' ORDER BY row.line))
                FROM (SELECT (to_jsonb(t) - ARRAY{list(OWN)})::text AS line FROM {table} t) AS row
            """
            first, second = (await world.rows(sql))[0], (await other.rows(sql))[0]
            assert first[0] > 0, table
            assert tuple(first) == tuple(second), table
        sql = "SELECT id, sealed_details FROM care.beneficiary ORDER BY id"
        here, there = await world.rows(sql), await other.rows(sql)
        assert [open_details(row.sealed_details, row.id) for row in here] == [
            open_details(row.sealed_details, row.id) for row in there
        ]


@pytest.fixture
def early_start(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BEATRICE_SANDBOX_NOW", "2026-02-10T09:00:00")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.usefixtures("early_start")
async def test_another_start_moves_the_history(cluster: Cluster) -> None:
    async with loaded(cluster) as early:
        start = datetime(2026, 2, 10, 8, tzinfo=UTC)
        assert early.reported[-1] == "business time starts at 10.02.2026 09:00"
        await assert_at_rest(early, start)
        assert {row[0] for row in await early.rows("SELECT DISTINCT status FROM care.unit")} == UNIT_STATES
        days = await early.rows("SELECT DISTINCT expires_on FROM lot ORDER BY 1")
        assert [row[0] for row in days] == [date(2026, 12, 31), date(2027, 5, 31)]
        assert await early.scalar("SELECT max(valid_from) FROM lot") < start.date()


async def test_everybody_is_there(world: Loaded) -> None:
    assert dict(
        await world.rows(
            "SELECT o.name, count(*) FROM employee e JOIN organisation o ON o.id = e.company_id GROUP BY o.name"
        )
    ) == {"Orobia Stampi": 900, "Seriana Moto": 500, "Scalve Plast": 400, "Presolana Progetti": 200}
    counts = (
        await world.rows(
            "SELECT (SELECT count(*) FROM provider), (SELECT count(*) FROM offering),"
            " (SELECT count(*) FROM alliance_municipality), (SELECT count(*) FROM care.beneficiary"
            " WHERE relation = 'self'), (SELECT count(*) FROM settlement_run), (SELECT count(*) FROM fee_rule)"
        )
    )[0]
    assert tuple(counts) == (34, 98, 42, 2000, 1, 1)
    names = (
        await world.rows(
            "SELECT a.name, n.name, o.kinds FROM alliance a JOIN network n ON n.id = a.network_id"
            " JOIN organisation o ON o.id = a.lead_organisation_id"
        )
    )[0]
    assert tuple(names) == ("Beatrice - Valle Seriana e Val di Scalve", "ATS Bergamo", ["municipality"])


async def test_every_state_has_a_booking(world: Loaded) -> None:
    assert {row[0] for row in await world.rows("SELECT DISTINCT status FROM care.unit")} == UNIT_STATES
    assert {row[0] for row in await world.rows("SELECT DISTINCT status FROM care.booking")} == BOOKING_STATES
    sources = {row[0] for row in await world.rows("SELECT DISTINCT fee_source FROM care.unit WHERE fee_cents > 0")}
    assert sources == {"credit", "out_of_pocket"}
    assert await world.scalar("SELECT count(*) FROM care.leg WHERE source = 'own_money'") > 0
    # A mother moves out: credit may not pay for two of her visits any more.
    assert await world.scalar("SELECT count(*) FROM care.unit WHERE needs_review") == 2


async def test_every_state_has_a_dispute(world: Loaded) -> None:
    rows = await world.rows("SELECT status, count(*) FROM care.dispute GROUP BY status")
    assert dict(tuple(row) for row in rows) == {"open": 1, "upheld": 1, "partly_upheld": 1, "rejected": 1}
    frozen = "SELECT count(*) FROM care.unit WHERE disputed"
    assert await world.scalar(frozen) == 1


async def test_the_ledger_adds_up(world: Loaded) -> None:
    async with world.database.begin() as session:
        report = await verify.verify(session, api.PASSES)
    assert report.differences == []
    async with world.client("finance@beatrice.example") as client:
        balance = (await client.get("/v1/operator/ledger/trial_balance")).json()
    assert balance["balanced"] is True
    # Every lot that lives: available + held + captured = amount.
    assert (
        await world.scalar(
            "SELECT count(*) FROM lot JOIN ledger.account a ON a.id = lot.id WHERE lot.amount_cents <> a.posted_cents"
            " + coalesce((SELECT sum(t.amount_cents) FROM ledger.transfer t WHERE t.from_account_id = a.id), 0)"
            " - coalesce((SELECT sum(t.amount_cents) FROM ledger.transfer t WHERE t.to_account_id = a.id"
            " AND t.reverses_id IS NOT NULL), 0)"
        )
        == 0
    )


async def test_every_company_keeps_free_money(world: Loaded) -> None:
    balances = dict(
        await world.rows(
            "SELECT o.name, a.posted_cents - a.held_cents FROM company c"
            " JOIN organisation o ON o.id = c.organisation_id JOIN ledger.account a ON a.id = c.account_id"
        )
    )
    assert balances == {
        "Orobia Stampi": 23_750_00, "Seriana Moto": 30_000_00, "Scalve Plast": 10_000_00,
        "Presolana Progetti": 10_000_00,
    }  # fmt: skip
    without_credit = "SELECT count(*) FROM employee e WHERE NOT EXISTS (SELECT FROM lot WHERE lot.employee_id = e.id)"
    assert await world.scalar(without_credit) == 0


async def test_the_demo_starts_at_rest(world: Loaded) -> None:
    await assert_at_rest(world, START)


async def test_employee1_has_the_two_lots_and_the_family(world: Loaded) -> None:
    async with world.client("employee1@orobia-stampi.example") as client:
        wallet = (await client.get("/v1/me/wallet")).json()
        family = (await client.get("/v1/me/beneficiaries")).json()["data"]
    assert (wallet["available_cents"], wallet["held_cents"], wallet["captured_cents"]) == (420_00, 0, 0)
    assert wallet["expiring_next"] == {"on": "2026-12-31", "amount_cents": 120_00}
    lots = [(lot["amount_cents"], lot["available_cents"], lot["expires_on"]) for lot in wallet["lots"]]
    assert sorted(lots) == [(120_00, 120_00, "2026-12-31"), (300_00, 300_00, "2027-05-31")]
    today = date(2026, 11, 23)
    ages = []
    for one in family:
        born = date.fromisoformat(one["birth_date"])
        ages.append((one["relation"], today.year - born.year - ((today.month, today.day) < (born.month, born.day))))
        assert one["address"]["istat_code"] == "016004"
    assert [each for each in sorted(ages) if each[0] != "self"] == [
        ("child", 4), ("child", 9), ("parent", 80), ("spouse", 45),
    ]  # fmt: skip


async def test_eight_tuesdays_of_home_help_spend_first_what_dies_first(world: Loaded) -> None:
    async with world.client("employee1@orobia-stampi.example") as client:
        found = (await client.get("/v1/offerings", params={"category": "home_help", "municipality": "016004"})).json()
        [offering] = [one for one in found["data"] if one["price_cents"] == 22_50]
        assert offering["provider_name"] == "Cooperativa Serio"
        family = (await client.get("/v1/me/beneficiaries")).json()["data"]
        slots = []
        for day in ("12-01", "12-08", "12-15", "12-22", "12-29", "01-05", "01-12", "01-19", "01-26"):
            on = f"{'2026' if day.startswith('12') else '2027'}-{day}"
            path = f"/v1/offerings/{offering['id']}/slots"
            free = (await client.get(path, params={"date_from": on, "date_to": on})).json()["data"]
            slots += [slot for slot in free if slot["starts_at"] == f"{on}T08:00:00Z"]
        assert len(slots) == 8
        mother = next(one["id"] for one in family if one["relation"] == "parent")
        body = {
            "offering_id": offering["id"], "beneficiary_id": mother, "slot_ids": [slot["id"] for slot in slots]
        }  # fmt: skip
        quote = (await client.post("/v1/me/quotes", json=body)).json()
    assert (quote["total_cents"], quote["credit_cents"], quote["own_money_cents"]) == (180_00, 180_00, 0)
    sources = [unit["funding"][0]["source_id"] for unit in quote["units"]]
    assert (len(set(sources[:4])), len(set(sources[4:])), len(set(sources))) == (1, 1, 2)
    assert {unit["funding"][0]["rule_code"] for unit in quote["units"]} == {"C2_F_TER"}


@pytest.mark.parametrize(
    ("email", "role"),
    [
        ("operator@beatrice.example", "operator"),
        ("finance@beatrice.example", "finance"),
        ("coordinator@ambito-albino.example", "coordinator"),
        ("observer@sindacati.example", "observer"),
        ("hr@orobia-stampi.example", "hr"),
        ("approver@orobia-stampi.example", "hr_approver"),
        ("payroll@orobia-stampi.example", "payroll"),
        ("hr@seriana-moto.example", "hr"),
        ("approver@seriana-moto.example", "hr_approver"),
        ("payroll@seriana-moto.example", "payroll"),
        ("manager@cooperativa-serio.example", "manager"),
        ("manager@rsa-honio.example", "manager"),
        ("manager@nido-arcobaleno.example", "manager"),
    ],
)
async def test_logins(world: Loaded, email: str, role: str) -> None:
    async with world.client(email) as client:
        me = (await client.get("/v1/me")).json()
    assert role in me["memberships"][0]["roles"]
    assert me["employments"] == []


async def test_payroll_has_closed_a_month_and_a_correction_waits(world: Loaded) -> None:
    for company, closed in (("orobia-stampi", ["2026-10"]), ("seriana-moto", ["2026-10"])):
        async with world.client(f"payroll@{company}.example") as client:
            company_id = (await client.get("/v1/me")).json()["memberships"][0]["organisation_id"]
            months = (await client.get(f"/v1/companies/{company_id}/payroll_exports")).json()["data"]
            assert [month["period"] for month in months if month["status"] == "closed"] == closed
            lines = (await client.get(f"/v1/companies/{company_id}/payroll_exports/2026-11")).json()["lines"]
            assert [line["delta_of"] for line in lines if line["kind"] == "bonus_conversion"] == (
                ["2026-10"] if company == "orobia-stampi" else []
            )


async def test_the_last_employee_logs_in(world: Loaded) -> None:
    async with world.client("employee900@orobia-stampi.example") as client:
        me = (await client.get("/v1/me")).json()
    assert [job["company_name"] for job in me["employments"]] == ["Orobia Stampi"]


async def test_the_run_is_sent_with_a_valid_file(world: Loaded) -> None:
    row = (await world.rows("SELECT * FROM settlement_run"))[0]
    assert (row.status, row.cutoff_on) == ("sent", date(2026, 10, 31))
    assert row.created_by != row.approved_by
    assert row.settlement_count == await world.scalar("SELECT count(*) FROM payout WHERE status = 'paying'")
    async with world.client("operator@beatrice.example") as client:
        answer = await client.get(f"/v1/operator/settlement_runs/{ids.encode('run', row.id)}/payment_file")
    assert answer.status_code == 200, answer.text
    spec = find_spec("sepaxml")
    assert spec is not None
    assert spec.origin is not None
    schema = etree.XMLSchema(etree.parse(Path(spec.origin).parent / "schemas" / "pain.001.001.09.xsd"))
    document = etree.fromstring(answer.content)
    schema.assertValid(document)
    [total] = document.iterfind(".//{*}GrpHdr/{*}CtrlSum")
    assert total.text == f"{row.total_cents / 100:.2f}"


async def test_codes_and_accounts_are_valid(world: Loaded) -> None:
    for row in await world.rows("SELECT tax_code, iban_in_force(id, created_at) AS iban FROM organisation"):
        assert normalise_tax_code(row.tax_code) == row.tax_code
        assert normalise_iban(row.iban) == row.iban
    for row in await world.rows("SELECT id, sealed_fiscal_code, fiscal_code_index FROM employee"):
        code = sealing.open_fiscal_code(row.sealed_fiscal_code, row.id)
        assert normalise_fiscal_code(code) == code
        assert sealing.fiscal_code_index(code) == row.fiscal_code_index
    for row in await world.rows("SELECT id, sealed_fiscal_code, sealed_details FROM care.beneficiary"):
        born_on = open_details(row.sealed_details, row.id).birth_date
        assert is_born_on(sealing.open_fiscal_code(row.sealed_fiscal_code, row.id), born_on)


async def test_offerings_are_such_as_providers_may_publish(world: Loaded) -> None:
    rows = await world.rows(
        "SELECT o.*, p.price_cents, ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id) AS area,"
        " (SELECT count(*) FROM slot s WHERE s.offering_id = o.id AND s.starts_at > :start) AS slots"
        " FROM offering o JOIN price p ON p.offering_id = o.id",
        start=START,
    )
    for row in rows:
        values = dict(row._mapping)
        cancellation = {name: values[name] for name in ("free_until_hours", "late_fee_bps", "no_show_fee_bps")}
        wanted = {name: values[name] for name in catalogue.OfferingCreate.model_fields if name in values}
        catalogue.OfferingCreate.model_validate({**wanted, "service_area": row.area, "cancellation": cancellation})
        category = book_in_force().category(row.category, date(2026, 11, 23))
        assert category is not None
        assert row.unit in category.units
        assert (row.mode == "home_visit") <= (len(row.area) > 0)
        assert row.slots > 0, row.name
    assert {row.mode for row in rows} == {"appointment", "home_visit", "session"}
    assert {row.confirmation for row in rows} == {"instant", "provider"}
    assert len({row.category for row in rows}) == 21


async def test_every_provider_takes_credit_and_can_be_paid(world: Loaded) -> None:
    """Each step by two people: of the operator for accounts, of operator and alliance for accreditations."""
    (counted,) = await world.rows(
        "SELECT count(*) AS providers, count(iban_in_force(organisation_id, created_at)) AS payable,"
        " count(*) FILTER (WHERE takes_credit(organisation_id, 'home_help', CAST(created_at AS date))) AS accredited"
        " FROM provider JOIN organisation ON organisation.id = organisation_id"
    )
    assert (counted.providers, counted.payable, counted.accredited) == (34, 34, 34)
    for table in ("bank_account", "accreditation"):
        decided = await world.rows(f"SELECT DISTINCT status, requested_by <> decided_by AS by_two FROM {table}")
        assert [tuple(row) for row in decided] == [("approved", True)]
