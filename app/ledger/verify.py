"""Recompute the ledger from its rows: what the guards promise, found out anew.

The guards stop every client; they do not stop an owner who disables them, a restored dump or a broken disk. Each batch
is one statement, so it sees one state of the database and may run while money moves.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import TextClause, insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.ids import new_id
from app.ledger.models import MAX_TRANSFER_CENTS, Verification

_BOUNDS = f"amount_cents NOT BETWEEN 1 AND {MAX_TRANSFER_CENTS}"


def _pass(batch: str, found: str) -> TextClause:
    """Return a statement which judges one batch: its size, its last key, its first differences."""
    return text(f"""
        WITH batch AS MATERIALIZED ({batch})
        SELECT (SELECT count(*) FROM batch) AS size,
            (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
            (SELECT coalesce(jsonb_agg(jsonb_build_object(
                    'id', key, 'problem', problem, 'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]')
             FROM (SELECT * FROM ({found}) judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit) first
            ) AS differences
    """)  # noqa: S608 - constants of this file


# Ranges of keys, not lookups per account: one account may have half of all transfers, another none.
_IN_RANGE = "BETWEEN :start AND (SELECT key FROM batch ORDER BY key DESC LIMIT 1)"
ACCOUNTS = _pass(
    "SELECT id AS key, * FROM ledger.account WHERE id >= :start ORDER BY id LIMIT :size",
    f"""
    SELECT key, CASE
            WHEN posted_cents <> posted THEN 'posted' WHEN held_cents <> held THEN 'held'
            WHEN guarded AND (held < 0 OR posted - held < 0) THEN 'overdrawn' END AS problem,
        CASE WHEN posted_cents <> posted THEN posted_cents ELSE held_cents END AS stored,
        CASE WHEN posted_cents <> posted THEN posted ELSE held END AS recomputed
    FROM (
        SELECT batch.*, CASE WHEN guarded THEN coalesce(moved.cents, 0) ELSE 0 END AS posted,
            coalesce(reserved.cents, 0) AS held
        FROM batch LEFT JOIN (
            SELECT account_id, sum(cents) AS cents FROM (
                SELECT to_account_id AS account_id, sum(amount_cents) AS cents
                FROM ledger.transfer WHERE to_account_id {_IN_RANGE} GROUP BY to_account_id
                UNION ALL
                SELECT from_account_id, -sum(amount_cents)
                FROM ledger.transfer WHERE from_account_id {_IN_RANGE} GROUP BY from_account_id
            ) AS side GROUP BY account_id
        ) AS moved ON moved.account_id = key LEFT JOIN (
            SELECT account_id, sum(amount_cents) AS cents FROM ledger.hold
            WHERE account_id {_IN_RANGE}
                AND NOT EXISTS (SELECT FROM ledger.hold_end WHERE hold_id = hold.id) GROUP BY account_id
        ) AS reserved ON reserved.account_id = key
    ) AS sums
    """,  # noqa: S608 - a constant range
)
TRANSFERS = _pass(
    "SELECT id AS key, * FROM ledger.transfer WHERE id >= :start ORDER BY id LIMIT :size",
    f"""
    SELECT key, CASE
            WHEN {_BOUNDS} OR from_account_id = to_account_id THEN 'malformed'
            WHEN NOT EXISTS (SELECT FROM ledger.account WHERE id = from_account_id)
                OR NOT EXISTS (SELECT FROM ledger.account WHERE id = to_account_id) THEN 'account_missing'
            WHEN hold_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM ledger.hold JOIN ledger.hold_end ON hold_end.hold_id = hold.id
                WHERE hold.id = batch.hold_id AND hold.account_id = from_account_id
                    AND hold.payee_account_id = to_account_id AND hold.amount_cents >= batch.amount_cents
                    AND hold_end.kind = 'captured' AND hold_end.amount_cents = batch.amount_cents) THEN 'capture'
            WHEN reverses_id IS NOT NULL AND (
                NOT EXISTS (SELECT FROM ledger.transfer o WHERE o.id = batch.reverses_id
                    AND o.from_account_id = batch.to_account_id AND o.to_account_id = batch.from_account_id
                    AND o.amount_cents >= batch.amount_cents)
                OR EXISTS (SELECT FROM ledger.transfer o
                    WHERE o.reverses_id = batch.reverses_id AND o.id <> key)) THEN 'reversal'
            END AS problem, amount_cents AS stored, NULL AS recomputed
    FROM batch
    """,  # noqa: S608 - a constant bound
)
HOLDS = _pass(
    "SELECT id AS key, * FROM ledger.hold WHERE id >= :start ORDER BY id LIMIT :size",
    f"""
    SELECT key, CASE
            WHEN {_BOUNDS} OR NOT EXISTS (SELECT FROM ledger.account WHERE id = account_id AND guarded)
                OR NOT EXISTS (SELECT FROM ledger.account WHERE id = payee_account_id) THEN 'malformed'
            WHEN ends > 1 OR captures > 1 THEN 'ended_twice'
            WHEN captures <> captured_ends OR captured <> transferred OR captured > amount_cents THEN 'capture'
            END AS problem, captured AS stored, transferred AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT count(*) AS ends, count(*) FILTER (WHERE kind = 'captured') AS captured_ends,
            coalesce(sum(amount_cents), 0) AS captured
        FROM ledger.hold_end WHERE hold_id = key
    ) AS ended CROSS JOIN LATERAL (
        SELECT count(*) AS captures, coalesce(sum(amount_cents), 0) AS transferred
        FROM ledger.transfer WHERE hold_id = key
    ) AS paid
    """,  # noqa: S608 - a constant bound
)
HOLD_ENDS = _pass(
    "SELECT hold_id AS key, * FROM ledger.hold_end WHERE hold_id >= :start ORDER BY hold_id LIMIT :size",
    """
    SELECT key, CASE WHEN NOT EXISTS (SELECT FROM ledger.hold WHERE id = key) THEN 'hold_missing' END AS problem,
        amount_cents AS stored, NULL AS recomputed
    FROM batch
    """,
)
PASSES = {"account": ACCOUNTS, "transfer": TRANSFERS, "hold": HOLDS, "hold_end": HOLD_ENDS}

GUARDS = frozenset({
    "account_00_new_is_empty", "account_00_no_update", "account_00_no_delete", "account_00_no_truncate",
    "account_05_hr", "transfer_00_append_only", "transfer_10_lock", "transfer_20_reversal", "transfer_25_hr",
    "transfer_30_apply", "transfer_40_lots", "hold_00_append_only", "hold_30_apply", "hold_40_lots",
    "hold_end_00_append_only", "hold_end_10_lock", "hold_end_30_apply", "verification_00_append_only",
})  # fmt: skip
ENABLED_TRIGGERS = text("""
    SELECT tgname FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
    WHERE relnamespace = CAST('ledger' AS regnamespace) AND NOT tgisinternal AND tgenabled IN ('O', 'A')
""")


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the others say; amounts in cents where the problem is an amount."""

    table: str
    id: str
    problem: str
    stored: int | None = None
    recomputed: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    verified_at: datetime
    checked: dict[str, int]
    differences: list[Difference]

    @property
    def ok(self) -> bool:
        return not self.differences


async def verify(
    session: AsyncSession,
    *,
    progress: Callable[[str, int], None] | None = None,
    batch_size: int = 5_000,
    limit: int = 20,
) -> Report:
    """Check every account, transfer, hold and end, and that the guards are on; stop after `limit` differences.

    `progress` is told the table and how many of its rows were checked so far, after each batch.
    """
    verified_at = clock.now()
    differences = await _missing_guards(session)
    checked: dict[str, int] = {}
    for table, statement in PASSES.items():
        checked[table] = 0
        start: UUID | None = UUID(int=0)
        while start is not None and len(differences) < limit:
            parameters = {"start": start, "size": batch_size, "limit": limit - len(differences)}
            batch = (await session.execute(statement, parameters)).one()
            differences += [Difference(table, **found) for found in batch.differences]
            checked[table] += batch.size
            start = _after(batch.last) if batch.size == batch_size else None
            if progress is not None:
                progress(table, checked[table])
    return Report(verified_at, checked, differences)


async def record(session: AsyncSession, report: Report) -> None:
    """Keep the result: payouts look at the last one."""
    detail = {"checked": report.checked, "differences": [asdict(difference) for difference in report.differences]}
    row = {"id": new_id(), "verified_at": report.verified_at, "ok": report.ok, "detail": detail}
    await session.execute(insert(Verification).values(row))


def _after(key: UUID) -> UUID | None:
    return UUID(int=key.int + 1) if key.int < 2**128 - 1 else None


async def _missing_guards(session: AsyncSession) -> list[Difference]:
    enabled = set((await session.execute(ENABLED_TRIGGERS)).scalars())
    return [Difference("trigger", name, "guard_off") for name in sorted(GUARDS - enabled)]
