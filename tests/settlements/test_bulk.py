"""Many units: the set-based run against the same sums in Python, its statements counted, two runs at once."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncSession

from app import money
from app.actor import Actor
from app.catalogue.models import VAT_BPS
from app.db import open_unit_of_work
from app.ledger import verify
from app.settlements import actions, closing
from tests.settlements.books import CUTOFF, Books
from tests.settlements.office import approve, close, fee_rule, post, settlement
from tests.world import Party

UNITS = 2_000
PROVIDERS = 8
CATEGORIES = ("home_help", "home_nursing", "respite_stay")
RULES: tuple[dict[str, Any], ...] = (
    {"percent_bps": 137},
    {"percent_bps": 250, "category": "home_nursing", "fixed_cents": 7},
    {"percent_bps": 999, "category": "respite_stay", "max_cents": 30_01},
)
STATEMENTS_PER_RUN = 13


@contextmanager
def counted() -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def _fill(books: Books, count: int, seed: int) -> list[Party]:
    dice = random.Random(seed)  # noqa: S311 - prices, not secrets
    providers = [await books.world.provider() for _ in range(PROVIDERS)]
    for number, provider in enumerate(providers):
        for category in CATEGORIES:
            code = list(VAT_BPS)[number % len(VAT_BPS)]
            prices = [dice.randint(1, 99_99) for _ in range(count // PROVIDERS // len(CATEGORIES) + 1)]
            await books.units(provider, prices, category=category, vat_code=code)
    return providers


async def _expected(books: Books, provider: Party) -> list[tuple[int, int]]:
    """Return fee and fee VAT of each line, in document order, by app/money.py."""
    rows = await books.world.execute(
        "SELECT line.gross_cents, offering.category FROM settlement_line AS line"
        " JOIN care.unit ON unit.id = line.unit_id JOIN care.booking ON booking.id = unit.booking_id"
        " JOIN offering ON offering.id = booking.offering_id"
        " WHERE line.provider_id = :id ORDER BY line.service_on, line.unit_id",
        id=provider.id,
    )
    fees = [0] * len(rows)
    for category in CATEGORIES:
        rule = next((rule for rule in RULES if rule.get("category") == category), RULES[0])
        places = [place for place, row in enumerate(rows) if row.category == category]
        gross = [rows[place].gross_cents for place in places]
        fee = money.share_bps(sum(gross), rule["percent_bps"]) + rule.get("fixed_cents", 0) * len(places)
        for place, cents in zip(places, money.split(min(fee, rule.get("max_cents", fee)), gross), strict=True):
            fees[place] = cents
    return list(zip(fees, money.split(money.share_bps(sum(fees), 2_200), fees), strict=True))


async def test_two_thousand_units_in_a_handful_of_statements(client: httpx.AsyncClient, books: Books) -> None:
    providers = await _fill(books, UNITS, seed=13)
    for rule in RULES:
        await fee_rule(client, books, **rule)
    with counted() as statements:
        run = await close(client, books)
    assert len(statements) <= STATEMENTS_PER_RUN, statements
    assert run["settlement_count"] == PROVIDERS
    total = 0
    for number, provider in enumerate(providers):
        found = await settlement(client, provider)
        lines = found["lines"]
        assert [(line["fee_cents"], line["fee_vat_cents"]) for line in lines] == await _expected(books, provider)
        rate = list(VAT_BPS.values())[number % len(VAT_BPS)]
        assert found["vat_cents"] == money.included_vat(found["gross_cents"], rate)
        for name in ("gross", "fee", "fee_vat", "subsidy"):
            assert found[f"{name}_cents"] == sum(line[f"{name}_cents"] for line in lines)
        assert found["payout_cents"] == sum(line["net_cents"] for line in lines)
        total += found["payout_cents"]
    assert run["total_cents"] == total
    assert await books.world.scalar("SELECT count(*) FROM settlement_line") >= UNITS
    await approve(client, books, run)
    async with books.world.database.begin() as session:
        await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        report = await verify.verify(session)
    assert report.differences == []


ROWS = (
    "SELECT to_jsonb(s) - 'run_id' - 'created_at' FROM settlement s ORDER BY id",
    "SELECT to_jsonb(l) FROM settlement_line l ORDER BY id",
    "SELECT to_jsonb(c) FROM settlement_counter c ORDER BY provider_id",
    "SELECT content_sha256, total_cents, settlement_count FROM settlement_run",
)


async def test_two_runs_at_once_and_a_killed_one(fresh_client: httpx.AsyncClient, fresh_books: Books) -> None:
    books = fresh_books
    await _fill(books, 200, seed=14)
    await fee_rule(fresh_client, books)
    headers = books.operator.headers["operator"]
    async with books.world.database.session() as session:
        await open_unit_of_work(session, "beatrice_app")
        maker = Actor("user", books.operator.users["operator"], books.operator.id)
        await actions.close_run(session, maker, CUTOFF)
        lost = [(await session.execute(text(statement))).all() for statement in ROWS]
        await session.rollback()
    assert [len(rows) for rows in lost] == [PROVIDERS, 9 * len(CATEGORIES) * PROVIDERS, PROVIDERS, 1]
    assert [await books.world.execute(statement) for statement in ROWS] == [[], [], [], []]

    body = {"cutoff_on": CUTOFF.isoformat()}
    answers = await asyncio.gather(
        *(post(fresh_client, "/v1/operator/settlement_runs", headers, body) for _ in range(6))
    )
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201, 409, 409, 409, 409, 409]
    refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
    assert refused <= {"settlement_run_in_progress", "settlement_run_exists"}
    # Made again after the loss, the rows are the same, ids and numbers included.
    assert [await books.world.execute(statement) for statement in ROWS] == lost
    async with books.world.database.begin() as session:
        assert (await verify.verify(session)).differences == []


async def test_two_approvals_at_once_pay_once(fresh_client: httpx.AsyncClient, fresh_books: Books) -> None:
    provider = await fresh_books.world.provider()
    await fresh_books.units(provider, [22_50])
    run = await close(fresh_client, fresh_books)
    path, seen = f"/v1/operator/settlement_runs/{run['id']}/approve", {"content_sha256": run["content_sha256"]}
    answers = await asyncio.gather(
        *(post(fresh_client, path, fresh_books.operator.headers["finance"], seen) for _ in range(6))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"state_conflict"}
    moved = await fresh_books.world.execute("SELECT amount_cents FROM ledger.transfer WHERE reason = 'payout'")
    assert moved == [(22_50,)]


async def test_a_change_during_the_run_waits_and_is_refused(
    fresh_client: httpx.AsyncClient, fresh_books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books = fresh_books
    provider = await books.world.provider()
    (unit,) = await books.units(provider, [80_00], outcome="cancelled_late", fee_cents=8_00)
    real = closing.close
    changing: list[asyncio.Task[Any]] = []

    async def overtaken(session: AsyncSession, wanted: closing.Closing) -> Any:
        rows = await real(session, wanted)
        change = "UPDATE care.unit SET fee_cents = 700 WHERE id = :unit"
        changing.append(asyncio.create_task(books.world.execute(change, unit=unit)))
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while not changing[0].done() and not await books.world.scalar(waiting):  # noqa: ASYNC110 - the database has no event
            await asyncio.sleep(0)
        return rows

    monkeypatch.setattr(closing, "close", overtaken)
    await close(fresh_client, books)
    with pytest.raises(Exception, match="a settled unit never changes"):
        await changing[0]
    assert await books.world.scalar("SELECT fee_cents FROM care.unit WHERE id = :unit", unit=unit) == 8_00
