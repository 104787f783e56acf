"""Verification finds what the guards cannot stop: an owner who switches them off."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.ids import new_id
from app.ledger import actions, queries
from app.ledger.instructions import Capture, HoldRelease, NewAccount, NewHold, NewTransfer, Reversal
from app.ledger.verify import GUARDS, Difference, record, verify

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


FORGED_TRANSFER = """
    INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)
    SELECT :released, :provider, :lot, 70, 'forged', event_at, created_at FROM ledger.transfer WHERE id = :grant
"""
FORGED_END = """
    INSERT INTO ledger.hold_end SELECT id, 'captured', 5, event_at, created_at FROM ledger.hold WHERE id = :open
"""
MOVED_CAPTURE = "UPDATE ledger.transfer SET amount_cents = 251, to_account_id = :company WHERE id = :paid"
UNCAPTURED = "UPDATE ledger.hold_end SET kind = 'released', amount_cents = 0 WHERE hold_id = :captured"
Found = tuple[str, str, str, int | None, int | None]
CORRUPTIONS: dict[str, tuple[str, str, list[Found]]] = {
    "balance": (
        "account",
        "UPDATE ledger.account SET posted_cents = posted_cents + 1 WHERE id = :lot",
        [("account", "lot", "posted", 801, 800)],
    ),
    "held": (
        "account",
        "UPDATE ledger.account SET held_cents = 299 WHERE id = :lot",
        [("account", "lot", "held", 299, 300)],
    ),
    "transfer amount": (
        "transfer",
        "UPDATE ledger.transfer SET amount_cents = 999 WHERE id = :grant",
        [("account", "company", "posted", 4_000, 4_001), ("account", "lot", "posted", 800, 799)],
    ),
    "capture to another": (
        "transfer",
        MOVED_CAPTURE,
        [
            ("account", "company", "posted", 4_000, 4_251),
            ("account", "lot", "posted", 800, 799),
            ("transfer", "paid", "capture", 251, None),
            ("transfer", "refund", "reversal", 50, None),
            ("hold", "captured", "capture", 250, 251),
        ],
    ),
    "transfer gone": (
        "transfer",
        "DELETE FROM ledger.transfer WHERE id = :refund",
        [("account", "lot", "posted", 800, 750)],
    ),
    "reversal too large": (
        "transfer",
        "UPDATE ledger.transfer SET amount_cents = 251 WHERE id = :refund",
        [("account", "lot", "posted", 800, 1_001), ("transfer", "refund", "reversal", 251, None)],
    ),
    "hold amount": (
        "hold",
        "UPDATE ledger.hold SET amount_cents = 301 WHERE id = :open",
        [("account", "lot", "held", 300, 301)],
    ),
    "hold below its capture": (
        "hold",
        "UPDATE ledger.hold SET amount_cents = 249 WHERE id = :captured",
        [("transfer", "paid", "capture", 250, None), ("hold", "captured", "capture", 250, 250)],
    ),
    "release gone": (
        "hold_end",
        "DELETE FROM ledger.hold_end WHERE hold_id = :released",
        [("account", "lot", "held", 300, 600)],
    ),
    "capture called a release": (
        "hold_end",
        UNCAPTURED,
        [("transfer", "paid", "capture", 250, None), ("hold", "captured", "capture", 0, 250)],
    ),
    "forged end": (
        "hold_end",
        FORGED_END,
        [("account", "lot", "held", 300, 0), ("hold", "open", "capture", 5, 0)],
    ),
    "forged transfer": ("transfer", FORGED_TRANSFER, [("account", "lot", "posted", 800, 870)]),
}


@pytest.fixture
async def world(owner_session: AsyncSession) -> dict[str, UUID]:
    """One of everything: a grant, a captured, a released and an open hold, a reversal."""
    kinds = {
        "clearing": "bank_clearing_company",
        "company": "company_account",
        "lot": "lot",
        "provider": "provider_earned",
    }
    ids = {name: new_id() for name in (*kinds, "top_up", "grant", "captured", "released", "open", "paid", "refund")}
    await actions.open_accounts(owner_session, [NewAccount(ids[name], kind, new_id()) for name, kind in kinds.items()])
    await actions.transfer(
        owner_session, [NewTransfer(ids["top_up"], ids["clearing"], ids["company"], 5_000, "top_up", AT)]
    )
    await actions.transfer(owner_session, [NewTransfer(ids["grant"], ids["company"], ids["lot"], 1_000, "granted", AT)])
    await actions.place_holds(
        owner_session,
        [NewHold(ids[name], ids["lot"], ids["provider"], 300, AT) for name in ("captured", "released", "open")],
    )
    await actions.capture(owner_session, [Capture(ids["paid"], ids["captured"], "captured", AT, amount_cents=250)])
    await actions.release(owner_session, [HoldRelease(ids["released"], AT)])
    await actions.reverse(owner_session, [Reversal(ids["refund"], ids["paid"], "refunded", AT, amount_cents=50)])
    return ids


async def corrupt(owner_session: AsyncSession, table: str, sql: str, ids: dict[str, UUID]) -> None:
    await owner_session.execute(text(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER"))
    await owner_session.execute(text(sql), ids)
    await owner_session.execute(
        text("SET CONSTRAINTS ALL IMMEDIATE")
    )  # what waits for COMMIT forbids to alter the table
    await owner_session.execute(text(f"ALTER TABLE ledger.{table} ENABLE TRIGGER USER"))


async def test_a_sound_ledger_is_ok_at_any_batch_size(owner_session: AsyncSession, world: dict[str, UUID]) -> None:
    whole = await verify(owner_session)
    assert whole.ok
    assert whole.differences == []
    seen: list[tuple[str, int]] = []
    small = await verify(owner_session, batch_size=1, progress=lambda table, count: seen.append((table, count)))
    assert small.checked == whole.checked
    assert {table: max(count for name, count in seen if name == table) for table in whole.checked} == whole.checked
    counts = {
        table: (await owner_session.execute(text(f"SELECT count(*) FROM ledger.{table}"))).scalar_one()
        for table in ("account", "transfer", "hold", "hold_end")
    }
    assert whole.checked == counts
    assert counts["transfer"] >= len({"top_up", "grant", "paid", "refund"})
    assert world["lot"] in await queries.balances_of(owner_session, [world["lot"]])


@pytest.mark.parametrize(
    ("table", "sql", "expected"),
    [pytest.param(table, sql, expected, id=name) for name, (table, sql, expected) in CORRUPTIONS.items()],
)
async def test_corruption_is_found(
    owner_session: AsyncSession,
    world: dict[str, UUID],
    table: str,
    sql: str,
    expected: list[Found],
) -> None:
    await corrupt(owner_session, table, sql, world)
    report = await verify(owner_session, batch_size=3)
    assert not report.ok
    assert report.differences == [
        Difference(name, str(world[key]), problem, stored, recomputed)
        for name, key, problem, stored, recomputed in expected
    ]


async def test_only_the_first_differences_are_listed(owner_session: AsyncSession, world: dict[str, UUID]) -> None:
    await corrupt(owner_session, "transfer", "UPDATE ledger.transfer SET amount_cents = 999 WHERE id = :grant", world)
    report = await verify(owner_session, limit=1)
    assert report.differences == [Difference("account", str(world["company"]), "posted", 4_000, 4_001)]
    assert report.checked["transfer"] == 0


async def test_a_guard_that_is_off_is_a_difference(owner_session: AsyncSession) -> None:
    await owner_session.execute(text("ALTER TABLE ledger.hold DISABLE TRIGGER hold_00_append_only"))
    await owner_session.execute(text("DROP TRIGGER transfer_30_apply ON ledger.transfer"))
    report = await verify(owner_session)
    assert report.differences == [
        Difference("trigger", "hold_00_append_only", "guard_off"),
        Difference("trigger", "transfer_30_apply", "guard_off"),
    ]


async def test_the_list_of_guards_is_complete(owner_session: AsyncSession) -> None:
    found = await owner_session.execute(
        text(
            "SELECT tgname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE relnamespace = 'ledger'::regnamespace AND NOT tgisinternal"
        )
    )
    assert set(found.scalars()) == GUARDS


async def test_the_last_result_is_kept(owner_session: AsyncSession, world: dict[str, UUID]) -> None:
    sound = await verify(owner_session)
    await record(owner_session, sound)
    last = await queries.last_verification(owner_session)
    assert last is not None
    assert (last.verified_at, last.ok) == (sound.verified_at, True)
    assert last.detail == {"checked": sound.checked, "differences": []}
    await corrupt(owner_session, "account", "UPDATE ledger.account SET held_cents = 1 WHERE id = :lot", world)
    await record(owner_session, await verify(owner_session))
    last = await queries.last_verification(owner_session)
    assert last is not None
    assert last.ok is False
    assert last.detail["differences"] == [
        {"table": "account", "id": str(world["lot"]), "problem": "held", "stored": 1, "recomputed": 300}
    ]


@pytest.mark.parametrize("role", ["beatrice_app", "beatrice_worker"])
async def test_the_roles_that_run_commands_may_verify(owner_session: AsyncSession, role: str) -> None:
    await owner_session.execute(text(f"SET LOCAL ROLE {role}"))
    report = await verify(owner_session)
    assert report.differences == []
    await record(owner_session, report)
    assert await queries.last_verification(owner_session) is not None
