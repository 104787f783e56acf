"""Instructions to the ledger: each is one statement for any number of rows, all or nothing.

They raise `InsufficientFunds`, `HoldEnded`, `AlreadyReversed` (ordinary conflicts) or `Refused` (a mistake); the
caller's transaction or savepoint must then be rolled back. Rows may come in any order: each statement locks the guarded
accounts it touches by id.
"""

from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.ledger.errors import Refused, refusals
from app.ledger.instructions import Capture, HoldRelease, NewAccount, NewHold, NewTransfer, Reversal

OPEN_ACCOUNTS = text("""
    INSERT INTO ledger.account (id, kind, owner_id, created_at)
    SELECT given.id, given.kind, given.owner_id, :created_at
    FROM unnest(CAST(:id AS uuid[]), CAST(:kind AS text[]), CAST(:owner_id AS uuid[])) AS given (id, kind, owner_id)
""")
TRANSFER = text("""
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    SELECT given.*, :created_at
    FROM unnest(CAST(:id AS uuid[]), CAST(:from_account_id AS uuid[]), CAST(:to_account_id AS uuid[]),
        CAST(:amount_cents AS bigint[]), CAST(:reason AS text[]), CAST(:cause_id AS uuid[]),
        CAST(:event_at AS timestamptz[])) AS given
""")
PLACE_HOLDS = text("""
    INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, cause_id, event_at, created_at)
    SELECT given.*, :created_at
    FROM unnest(CAST(:id AS uuid[]), CAST(:account_id AS uuid[]), CAST(:payee_account_id AS uuid[]),
        CAST(:amount_cents AS bigint[]), CAST(:cause_id AS uuid[]), CAST(:event_at AS timestamptz[])) AS given
""")
# A capture and a reversal have unique keys that others may wait for, so all accounts are locked before the first row.
CAPTURE = text("""
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:hold_id AS uuid[]), CAST(:amount_cents AS bigint[]),
            CAST(:reason AS text[]), CAST(:cause_id AS uuid[]), CAST(:event_at AS timestamptz[]))
            AS row (id, hold_id, amount_cents, reason, cause_id, event_at)
    ), held AS MATERIALIZED (
        SELECT given.id, hold.id AS hold_id, hold.account_id, hold.payee_account_id,
            coalesce(given.amount_cents, hold.amount_cents) AS amount_cents,
            given.reason, given.cause_id, given.event_at
        FROM given JOIN ledger.hold ON hold.id = given.hold_id
    ), locked AS MATERIALIZED (
        SELECT count(*) FROM ledger.lock_accounts(ARRAY(
            SELECT account_id FROM held UNION SELECT payee_account_id FROM held))
    )
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, hold_id, cause_id, event_at, created_at)
    SELECT held.id, held.account_id, held.payee_account_id, held.amount_cents,
        held.reason, held.hold_id, held.cause_id, held.event_at, :created_at
    FROM held, locked ORDER BY held.account_id, held.hold_id
""")
REVERSE = text("""
    WITH given AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:reverses_id AS uuid[]), CAST(:amount_cents AS bigint[]),
            CAST(:reason AS text[]), CAST(:cause_id AS uuid[]), CAST(:event_at AS timestamptz[]))
            AS row (id, reverses_id, amount_cents, reason, cause_id, event_at)
    ), original AS MATERIALIZED (
        SELECT given.id, transfer.id AS reverses_id, transfer.from_account_id, transfer.to_account_id,
            coalesce(given.amount_cents, transfer.amount_cents) AS amount_cents,
            given.reason, given.cause_id, given.event_at
        FROM given JOIN ledger.transfer ON transfer.id = given.reverses_id
    ), locked AS MATERIALIZED (
        SELECT count(*) FROM ledger.lock_accounts(ARRAY(
            SELECT from_account_id FROM original UNION SELECT to_account_id FROM original))
    )
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, reverses_id, cause_id, event_at, created_at)
    SELECT original.id, original.to_account_id, original.from_account_id, original.amount_cents,
        original.reason, original.reverses_id, original.cause_id, original.event_at, :created_at
    FROM original, locked ORDER BY original.reverses_id
""")
# The row trigger locks each hold's account in this order, before the row's primary key exists.
END_HOLDS = text("""
    INSERT INTO ledger.hold_end (hold_id, kind, amount_cents, event_at, created_at)
    SELECT hold.id, :kind, 0, given.event_at, :created_at
    FROM unnest(CAST(:hold_id AS uuid[]), CAST(:event_at AS timestamptz[])) AS given (hold_id, event_at)
    JOIN ledger.hold ON hold.id = given.hold_id
    ORDER BY hold.account_id, hold.id
""")


async def open_accounts(session: AsyncSession, rows: Sequence[NewAccount]) -> None:
    """Open accounts with nothing on them; one account per kind and owner (`Refused` otherwise)."""
    await _insert(session, OPEN_ACCOUNTS, rows, ("id", "kind", "owner_id"))


async def transfer(session: AsyncSession, rows: Sequence[NewTransfer]) -> None:
    """Move money between accounts."""
    columns = ("id", "from_account_id", "to_account_id", "amount_cents", "reason", "cause_id", "event_at")
    await _insert(session, TRANSFER, rows, columns)


async def place_holds(session: AsyncSession, rows: Sequence[NewHold]) -> None:
    """Reserve money of guarded accounts for their payees."""
    columns = ("id", "account_id", "payee_account_id", "amount_cents", "cause_id", "event_at")
    await _insert(session, PLACE_HOLDS, rows, columns)


async def capture(session: AsyncSession, rows: Sequence[Capture]) -> None:
    """Pay holds to their payees, at most what they hold."""
    await _insert(session, CAPTURE, rows, ("id", "hold_id", "amount_cents", "reason", "cause_id", "event_at"))


async def reverse(session: AsyncSession, rows: Sequence[Reversal]) -> None:
    """Send transfers back over the same accounts, at most what they moved; each once."""
    await _insert(session, REVERSE, rows, ("id", "reverses_id", "amount_cents", "reason", "cause_id", "event_at"))


async def release(session: AsyncSession, rows: Sequence[HoldRelease]) -> None:
    """Free holds that will not be captured."""
    await _insert(session, END_HOLDS, rows, ("hold_id", "event_at"), kind="released")


async def expire(session: AsyncSession, rows: Sequence[HoldRelease]) -> None:
    """Free holds whose time ran out."""
    await _insert(session, END_HOLDS, rows, ("hold_id", "event_at"), kind="expired")


async def _insert(
    session: AsyncSession, statement: TextClause, rows: Sequence[object], columns: Sequence[str], **scalars: str
) -> None:
    if not rows:
        return
    arrays: dict[str, list[UUID | str | int | None]] = {
        column: [getattr(row, column) for row in rows] for column in columns
    }
    with refusals():
        result = await session.execute(statement, {**arrays, **scalars, "created_at": clock.now()})
    # A join drops what it does not find.
    if cast("CursorResult[Any]", result).rowcount != len(rows):
        raise Refused("unknown_reference")
