"""Owing: money and item in one call; each guard attacked as the application's role."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import ids
from app.payables import actions as payables
from app.payables.actions import Owed
from tests.settlements.books import PAYABLE, Books
from tests.world import Party

ROW = """
    INSERT INTO payable (id, payee_id, source_kind, source_id, kind, sequence, gross_cents, vat_code, category,
        service_on, payable_at, transfer_id, settlement_id, created_at)
    SELECT gen_random_uuid(), {payee}, 'adjustment', gen_random_uuid(), 'adjustment', 1, {gross}, 'vat_5', 'home_help',
        '2026-11-02', {at}, transfer.id, {settlement}, event_at
    FROM ledger.transfer WHERE cause_id = :unit AND reason = 'fee_payable'
"""
FITTING = {"payee": ":provider", "gross": "amount_cents", "at": "event_at", "settlement": "NULL"}


async def owed(books: Books, provider: Party, cents: int = 5_00) -> Owed:
    accounts = "SELECT earned_account_id, payable_account_id FROM provider WHERE organisation_id = :id"
    ((earned, payable),) = await books.world.execute(accounts, id=provider.id)
    return Owed(
        provider.id, earned, payable, "claim", ids.new_id(), "service", cents, "exempt", "home_help",
        date(2026, 11, 2), PAYABLE, "completed",
    )  # fmt: skip


async def owe(books: Books, *items: Owed) -> None:
    async with books.world.database.begin() as session:
        await payables.owe(session, items)


async def refused(books: Books, sql: str, **values: Any) -> str:
    async with books.world.database.session() as session:
        await session.execute(text("SET LOCAL ROLE beatrice_app"))
        with pytest.raises(DBAPIError) as caught:
            await session.execute(text(sql), values)
        await session.rollback()
    assert isinstance(caught.value.orig, psycopg.Error)
    denied = isinstance(caught.value.orig, psycopg.errors.InsufficientPrivilege)
    return "denied" if denied else str(caught.value.orig.diag.constraint_name)


async def balance(books: Books, account_id: UUID) -> int:
    return int(
        await books.world.scalar(
            "SELECT coalesce(sum(CASE WHEN to_account_id = :id THEN amount_cents ELSE -amount_cents END), 0)"
            " FROM ledger.transfer WHERE :id IN (to_account_id, from_account_id)",
            id=account_id,
        )
    )


async def test_owing_moves_the_money_and_writes_the_item(books: Books) -> None:
    item = await owed(books, await books.world.provider())
    taken_back = replace(item, kind="adjustment", gross_cents=-1_25, funding_line=ids.new_id(), reason="adjusted")
    await owe(books, item, taken_back, replace(taken_back, sequence=2, blocked=True))
    assert await balance(books, item.payee_account_id) == 2_50
    assert await balance(books, item.from_account_id) == -2_50
    rows = await books.world.execute(
        "SELECT kind, sequence, gross_cents, funding_line IS NULL, blocked, settlement_id, payable_at, amount_cents,"
        " transfer.reason, cause_id = source_id FROM payable JOIN ledger.transfer ON transfer.id = transfer_id"
        " WHERE source_id = :id ORDER BY kind DESC, sequence",
        id=item.source_id,
    )
    assert rows == [
        ("service", 1, 5_00, True, False, None, PAYABLE, 5_00, "completed", True),
        ("adjustment", 1, -1_25, False, False, None, PAYABLE, 1_25, "adjusted", True),
        ("adjustment", 2, -1_25, False, True, None, PAYABLE, 1_25, "adjusted", True),
    ]


async def test_owing_nothing_does_nothing(books: Books) -> None:
    await owe(books)
    assert await books.world.scalar("SELECT count(*) FROM payable") == 0


async def test_a_source_owes_a_kind_once_per_sequence(books: Books) -> None:
    item = await owed(books, await books.world.provider())
    await owe(books, item)
    with pytest.raises(DBAPIError, match="payable_source_once_key"):
        await owe(books, item)
    with pytest.raises(DBAPIError, match="payable_gross"):
        await owe(books, replace(item, sequence=2, gross_cents=-5, reason="adjusted"))


async def test_a_payable_is_its_transfer(books: Books) -> None:
    provider, other = await books.world.provider(), await books.world.provider()
    item = await owed(books, provider)
    await books.world.execute(
        "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at,"
        " created_at) VALUES (:id, :earned, :payable, 500, 'fee_payable', :unit, :at, :at)",
        id=ids.new_id(), earned=item.from_account_id, payable=item.payee_account_id, unit=item.source_id, at=PAYABLE,
    )  # fmt: skip
    for change in (
        {"gross": "amount_cents + 1"},
        {"gross": "-amount_cents"},
        {"payee": ":other"},
        {"at": "event_at + interval '1 microsecond'"},
        {"settlement": "gen_random_uuid()"},
    ):
        sql = ROW.format(**{**FITTING, **change}) + " AND :other <> :provider"
        guard = await refused(books, sql, unit=item.source_id, provider=provider.id, other=other.id)
        assert guard == "payable_is_its_transfer", change
    await books.world.execute(ROW.format(**FITTING), unit=item.source_id, provider=provider.id)
    again = await refused(books, ROW.format(**FITTING), unit=item.source_id, provider=provider.id)
    assert again == "payable_transfer_id_key"


async def test_a_payable_never_changes_or_vanishes(books: Books) -> None:
    await owe(books, await owed(books, await books.world.provider()))
    for column in ("gross_cents", "payee_id", "payable_at", "kind", "source_id", "vat_code", "transfer_id"):
        assert await refused(books, f"UPDATE payable SET {column} = {column}") == "denied"
    assert await refused(books, "DELETE FROM payable") == "denied"
    assert await refused(books, "TRUNCATE payable") == "denied"


async def test_not_even_for_the_owner(fresh_books: Books, cluster: Any, fresh_database_name: str) -> None:
    await owe(fresh_books, await owed(fresh_books, await fresh_books.world.provider()))
    with cluster.admin(fresh_database_name) as owner:
        for sql in (
            "UPDATE payable SET gross_cents = gross_cents + 1",
            "UPDATE payable SET payable_at = payable_at + interval '1 second'",
            "DELETE FROM payable",
            "TRUNCATE payable CASCADE",
        ):
            with pytest.raises(psycopg.errors.CheckViolation):
                owner.execute(sql)
    assert await fresh_books.world.scalar("SELECT sum(gross_cents) FROM payable") == 5_00


async def test_what_is_unsettled_is_found_by_its_index(books: Books) -> None:
    """A run costs what is new, whatever was settled before; a table of one page would be read whole."""
    explain = "EXPLAIN SELECT id FROM payable WHERE settlement_id IS NULL AND NOT blocked AND payable_at < :end"
    async with books.world.work() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.scalars(text(explain), {"end": PAYABLE + timedelta(days=1)})
        assert "payable_unsettled_idx" in "\n".join(plan)
