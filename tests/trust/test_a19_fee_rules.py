"""A19: a fee rule takes two people, is about days to come, takes a fifth at most, and the provider is told."""

from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from tests.settlements.books import NOW, Books, open_books
from tests.settlements.office import close, settlement
from tests.world import Party, World

RULES = "/v1/operator/fee_rules"
RULE: dict[str, Any] = {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-12-02"}


@pytest.fixture
async def books(world: World) -> Books:
    return await open_books(world)


async def _draft(client: httpx.AsyncClient, books: Books, **rule: Any) -> httpx.Response:
    return await client.post(RULES, json={**RULE, **rule}, headers=books.operator.headers["operator"])


async def _approve(client: httpx.AsyncClient, books: Books, rule: Any, role: str = "finance") -> httpx.Response:
    return await client.post(f"{RULES}/{rule['id']}/approve", headers=books.operator.headers[role])


async def test_a_rule_is_not_retroactive(client: httpx.AsyncClient, books: Books) -> None:
    """Today is over for whoever delivered this morning; what was delivered and not settled keeps its terms."""
    provider = await books.world.provider()
    await books.units(provider, [100_00])
    for day in ("2020-01-01", "2026-11-02", "2026-11-30", "2026-12-01"):
        refused = await _draft(client, books, valid_from=day)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "retroactive")
    assert await books.world.scalar("SELECT count(*) FROM fee_rule") == 0
    rule = (await _draft(client, books)).json()
    assert (await _approve(client, books, rule)).json()["status"] == "approved"
    await close(client, books)
    assert (await settlement(client, provider))["fee_cents"] == 0


async def test_no_rule_for_days_that_are_settled(client: httpx.AsyncClient, books: Books) -> None:
    await close(client, books, "2026-12-01")
    rule = (await _draft(client, books)).json()
    await books.world.set_now(datetime(2026, 12, 2, 8, tzinfo=UTC))
    late = await _approve(client, books, rule)
    assert (late.status_code, late.json()["state"]) == (409, "late")
    await close(client, books, "2026-12-02")
    assert (await _draft(client, books, valid_from="2026-12-02")).status_code == 422
    assert (await _draft(client, books, valid_from="2026-12-03")).status_code == 201
    assert await books.world.scalar("SELECT count(*) FROM fee_rule WHERE status = 'approved'") == 0


async def test_a_rule_takes_a_fifth_at_most(client: httpx.AsyncClient, books: Books) -> None:
    """Neither by its rate, nor by fixed parts, nor by a minimum."""
    first, second = await books.world.provider(), await books.world.provider()
    for bps in (2_001, 10_000):
        refused = await _draft(client, books, percent_bps=bps)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "above_cap")
    for provider, rule in ((first, {"fixed_cents": 100_00}), (second, {"min_cents": 1_000_00})):
        made = (await _draft(client, books, provider_id=provider.public_id, percent_bps=0, **rule)).json()
        assert (await _approve(client, books, made)).status_code == 200
    await books.world.set_now(datetime(2026, 12, 20, 8, tzinfo=UTC))
    for provider in (first, second):
        starts = [datetime(2026, 12, day, 9, tzinfo=UTC) for day in (2, 3)]
        await books.units(provider, [50_00] * 2, starts=starts, payable_at=datetime(2026, 12, 8, 9, tzinfo=UTC))
    await close(client, books, "2026-12-19")
    for provider in (first, second):
        found = await settlement(client, provider)
        assert (found["gross_cents"], found["fee_cents"], found["fee_vat_cents"]) == (100_00, 20_00, 4_40)


async def test_a_draft_takes_nothing_and_its_maker_does_not_approve_it(client: httpx.AsyncClient, books: Books) -> None:
    rule = (await _draft(client, books)).json()
    assert (rule["status"], rule["created_by"], rule["approved_by"]) == (
        "draft", ids.encode("usr", books.operator.users["operator"]), None,
    )  # fmt: skip
    await books.world.membership(books.operator.users["operator"], books.operator.id, "finance")
    own = await _approve(client, books, rule, "operator")
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")
    provider = await books.world.provider()
    start, paid = datetime(2026, 12, 2, 9, tzinfo=UTC), datetime(2026, 12, 8, 9, tzinfo=UTC)
    await books.world.set_now(datetime(2026, 12, 20, 8, tzinfo=UTC))
    await books.units(provider, [100_00], starts=[start], payable_at=paid)
    await close(client, books, "2026-12-19")
    assert (await settlement(client, provider))["fee_cents"] == 0


async def test_the_provider_is_told(client: httpx.AsyncClient, books: Books) -> None:
    one, other = await books.world.provider(), await books.world.provider()
    mails = "SELECT recipient, text FROM outgoing_mail ORDER BY recipient"
    rule = (await _draft(client, books, provider_id=one.public_id)).json()
    assert await books.world.execute(mails) == []
    await _approve(client, books, rule)
    (told,) = await books.world.execute(mails)
    assert (told.recipient, "02.12.2026" in told.text, "2.00 %" in told.text) == (await _email(books, one), True, True)
    assert (await _approve(client, books, rule)).json()["code"] == "already_resolved"
    await _approve(client, books, (await _draft(client, books, category="home_help")).json())
    found = await books.world.execute(mails)
    assert sorted(row.recipient for row in found) == sorted(
        [told.recipient, told.recipient, await _email(books, other)]
    )


async def _email(books: Books, provider: Party) -> str:
    found = await books.world.scalar("SELECT email FROM user_account WHERE id = :id", id=provider.users["manager"])
    return str(found)


async def test_the_database_refuses_too(client: httpx.AsyncClient, books: Books) -> None:
    rule = ids.decode("fee", (await _draft(client, books)).json()["id"])
    insert = (
        # Attack: born approved, or retroactive
        "INSERT INTO fee_rule (id, percent_bps, fixed_cents, payer, valid_from, created_at, created_by, status,"
        " approved_at) VALUES (gen_random_uuid(), {bps}, 0, 'provider', :day, :now, {by}, {status})"
    )
    drafted = {"bps": 200, "by": "gen_random_uuid()", "status": "'draft', NULL"}
    for change, day, guard in (
        ({}, date(2026, 12, 1), "fee_rule_not_retroactive"),
        ({"bps": 2_001}, date(2026, 12, 2), "fee_rule_capped"),
        ({"by": "NULL"}, date(2026, 12, 2), "fee_rule_begins_draft"),
        ({"status": "'approved', CAST(:now AS timestamptz)"}, date(2026, 12, 2), "fee_rule_begins_draft"),
    ):
        await _refused(books.world, insert.format(**drafted | change), guard, day=day, now=NOW)
    approval = "UPDATE fee_rule SET status = 'approved', approved_by = {by}, approved_at = {at} WHERE id = :id"
    for by, at, guard in (
        ("created_by", "created_at", "fee_rule_approver_is_not_maker"),
        ("NULL", "created_at", "fee_rule_transition"),
        ("gen_random_uuid()", "created_at + interval '1 day'", "fee_rule_not_retroactive"),
        ("gen_random_uuid()", "NULL", "fee_rule_approved_once"),
    ):
        await _refused(books.world, approval.format(by=by, at=at), guard, id=rule)
    await books.world.execute(approval.format(by="gen_random_uuid()", at="created_at"), id=rule)
    back = "UPDATE fee_rule SET status = 'draft', approved_by = NULL, approved_at = NULL WHERE id = :id"
    await _refused(books.world, back, "fee_rule_transition", id=rule)


async def _refused(world: World, statement: str, guard: str, **values: Any) -> None:
    async with world.database.session() as session:
        await session.execute(text("SET LOCAL ROLE beatrice_app"))
        with pytest.raises(DBAPIError) as refusal:
            await session.execute(text(statement), values)
        await session.rollback()
    assert refusal.value.orig is not None
    assert refusal.value.orig.diag.constraint_name == guard  # type: ignore[attr-defined]
