"""verify-ledger names what somebody with the owner's rights has changed behind the guards."""

from typing import Any

import httpx
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app import api
from app.ledger.verify import verify
from tests.settlements.books import NOW, Books
from tests.settlements.office import close

SETTLED, WAITING = "source_id = :settled", "source_id = :waiting"
DOUBTFUL = "(needs_review, review_by, status, complete_at) = (true, status_at, 'confirmed', NULL)"
GIFT = """
    WITH gone AS (UPDATE ledger.account SET posted_cents = posted_cents - 1 WHERE id = :lot),
        come AS (UPDATE ledger.account SET posted_cents = posted_cents + 1 WHERE id = :company_account)
    INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)
    SELECT gen_random_uuid(), :lot, :company_account, 1, 'gift', created_at, created_at FROM lot
"""
TAMPERED: list[tuple[str, list[tuple[str, str, str, int | None, int | None]]]] = [
    (
        f"UPDATE payable SET gross_cents = 2251 WHERE {SETTLED}",
        [
            ("payable", "settled_payable", "amount", 22_51, 22_50),
            ("settlement_line", "line", "payable_amount", 22_50, 22_51),
            ("unit", "settled", "payable_amount", 22_51, 22_50),
        ],
    ),
    (
        f"DELETE FROM payable WHERE {WAITING}",
        [
            ("transfer", "transfer", "payable_missing", 10_00, 0),
            ("unit", "waiting", "payable_missing", 0, 10_00),
        ],
    ),
    (
        "UPDATE ledger.transfer SET amount_cents = 999 WHERE id = :transfer",
        [("payable", "waiting_payable", "amount", 10_00, 9_99)],
    ),
    (
        f"UPDATE payable SET payable_at = payable_at + interval '1 second' WHERE {WAITING}",
        [
            ("payable", "waiting_payable", "instant", 10_00, 10_00),
            ("unit", "waiting", "payable_differs", 10_00, 10_00),
        ],
    ),
    (
        f"UPDATE payable SET payee_id = :other WHERE {WAITING}",
        [("payable", "waiting_payable", "payee", 10_00, 10_00), ("unit", "waiting", "payable_differs", 10_00, 10_00)],
    ),
    (
        f"UPDATE payable SET kind = 'late_fee' WHERE {WAITING}",
        [("unit", "waiting", "payable_differs", 10_00, 10_00)],
    ),
    (
        f"UPDATE payable SET source_id = :line WHERE {WAITING}",
        [
            ("unit", "waiting", "payable_missing", 0, 10_00),
            ("payable", "waiting_payable", "unit_missing", 10_00, 0),
        ],
    ),
    (
        f"UPDATE payable SET blocked = true WHERE {WAITING}",
        [("unit", "waiting", "payable_blocked", 10_00, 10_00)],
    ),
    (
        "UPDATE payable SET source_id = :waiting WHERE source_id = :fee",
        [
            ("settlement_line", "fee_line", "payable_differs", 4_01, 4_01),
            ("unit", "waiting", "payable_unexpected", 14_01, 10_00),
            ("unit", "fee", "payable_missing", 0, 4_01),
        ],
    ),
    (
        "UPDATE care.unit SET status = 'completed', complete_at = NULL, completed_at = status_at WHERE id = :delivered",
        [("unit", "delivered", "payable_missing", 0, 5_00), ("booking", "booking", "status", None, None)],
    ),
    (
        f"UPDATE payable SET settlement_id = NULL WHERE {SETTLED}",
        [("payable", "settled_payable", "unsettled_line", 22_50, 22_50)],
    ),
    (
        f"UPDATE payable SET settlement_id = :line WHERE {SETTLED}",
        [("payable", "settled_payable", "line_elsewhere", 22_50, 22_50)],
    ),
    (
        "DELETE FROM settlement_line WHERE id = :line",
        [
            ("payable", "settled_payable", "line_missing", 22_50, 0),
            ("settlement", "settlement", "sum", 26_51, 4_01),
        ],
    ),
    (
        "UPDATE settlement_line SET vat_code = 'exempt' WHERE id = :line",
        [("settlement_line", "line", "payable_differs", 22_50, 22_50)],
    ),
    (
        "UPDATE settlement SET gross_cents = gross_cents + 1, payout_cents = payout_cents + 1",
        [("settlement", "settlement", "sum", 26_52, 26_51), ("settlement_run", "run", "sum", 26_51, 26_52)],
    ),
    (
        "UPDATE settlement_run SET settlement_count = 2",
        [("settlement_run", "run", "sum", 26_51, 26_51)],
    ),
    (
        "UPDATE care.booking SET status = 'in_progress' WHERE id = :booking",
        [("booking", "booking", "status", None, None)],
    ),
    (
        f"UPDATE care.unit SET {DOUBTFUL} WHERE id = :delivered",
        [("unit", "delivered", "review_captured", 0, 0), ("booking", "booking", "status", None, None)],
    ),
    (
        "DELETE FROM care.unit WHERE id = :delivered",
        [("booking", "booking", "units_missing", None, None)],
    ),
    (
        "UPDATE lot SET amount_cents = amount_cents + 1",
        [("lot", "lot", "amount", 10_000_000_01, 10_000_000_00)],
    ),
    (
        "UPDATE lot SET ended_at = created_at",
        [("lot", "lot", "ended_with_rest", 10_000_000_00 - 41_51, 0)],
    ),
    (
        GIFT,
        [("lot", "lot", "sums", 10_000_000_00 - 41_52, 10_000_000_00 - 41_51)],
    ),
]


async def test_what_was_tampered_with_is_named(
    fresh_client: httpx.AsyncClient, fresh_books: Books, cluster: Any, fresh_database_name: str
) -> None:
    books = fresh_books
    provider, other = await books.world.provider(), await books.world.provider()
    (settled,) = await books.units(provider, [22_50])
    (waiting,) = await books.units(provider, [10_00], payable_at=NOW)
    (fee,) = await books.units(provider, [80_00], outcome="cancelled_late", fee_cents=4_01)
    (delivered,) = await books.units(provider, [5_00], outcome="delivered")
    await close(fresh_client, books)
    found = {
        "settled": settled, "waiting": waiting, "fee": fee, "delivered": delivered, "other": other.id,
        "lot": books.lot_id, "company_account": books.company.account_id,
    }  # fmt: skip
    for name, sql in (
        ("settled_payable", f"SELECT id FROM payable WHERE {SETTLED}"),
        ("waiting_payable", f"SELECT id FROM payable WHERE {WAITING}"),
        ("transfer", f"SELECT transfer_id FROM payable WHERE {WAITING}"),
        ("line", "SELECT id FROM settlement_line WHERE unit_id = :settled"),
        ("fee_line", "SELECT id FROM settlement_line WHERE unit_id = :fee"),
        ("settlement", "SELECT id FROM settlement"),
        ("run", "SELECT id FROM settlement_run"),
        ("booking", "SELECT booking_id FROM care.unit WHERE id = :delivered"),
    ):
        found[name] = await books.world.scalar(sql, **found)
    engine = create_async_engine(cluster.owner_url(fresh_database_name), poolclass=NullPool)
    async with AsyncSession(engine) as session:
        sound = await verify(session, api.PASSES, batch_size=2)
        assert sound.differences == []
        counted = {name: count for name, count in sound.checked.items() if name not in {"account", "transfer", "hold"}}
        assert counted == {
            "hold_end": 4, "slot": 4, "company_return": 0, "returns_account": 1, "payable": 3,
            "owed_transfer": sound.checked["transfer"], "settlement_line": 2, "settled_payable": 3, "settlement": 1,
            "settlement_run": 1, "unit": 4, "owed_unit": 3, "booking": 4, "lot": 1, "dispute": 0,
            "fringe_leg": 4, "fringe_year": 0, "claim": 0, "claim_document": 0,
        }  # fmt: skip
        for sql, expected in TAMPERED:
            await session.execute(text("SET LOCAL session_replication_role = replica"))
            await session.execute(text(sql), found)
            await session.execute(text("SET LOCAL session_replication_role = origin"))
            report = await verify(session, api.PASSES, batch_size=2)
            named = [(each.table, each.id, each.problem, each.stored, each.recomputed) for each in report.differences]
            assert sorted(named, key=str) == sorted(
                ((table, str(found[key]), problem, stored, again) for table, key, problem, stored, again in expected),
                key=str,
            ), sql
            await session.rollback()
    await engine.dispose()
