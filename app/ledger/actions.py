"""Instructions to the ledger: each is one statement for any number of rows, all or nothing.

They raise `InsufficientFunds`, `HoldEnded`, `AlreadyReversed` (ordinary conflicts) or `Refused` (a mistake); the
caller's transaction or savepoint must then be rolled back. Rows may come in any order: each statement locks the guarded
accounts it touches by id.
"""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import APP, HR, NOTHING, WORKER, Query
from app.ledger.errors import Refused, refusals
from app.ledger.instructions import Capture, HoldRelease, NewAccount, NewHold, NewTransfer, Reversal

OPEN_ACCOUNTS = Query(NOTHING, "ledger.open_accounts", roles=(APP, HR, WORKER))
TRANSFER = Query(NOTHING, "ledger.transfer", roles=(APP, HR, WORKER))
PLACE_HOLDS = Query(NOTHING, "ledger.place_holds", roles=(APP, WORKER))
CAPTURE = Query(NOTHING, "ledger.capture", roles=(APP, WORKER))
REVERSE = Query(NOTHING, "ledger.reverse", roles=(APP, WORKER))
RELEASE_HOLDS = Query(NOTHING, "ledger.release_holds", roles=(APP, WORKER))


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
    await _insert(session, RELEASE_HOLDS, rows, ("hold_id", "event_at"))


async def _insert(
    session: AsyncSession, statement: Query[None], rows: Sequence[object], columns: Sequence[str]
) -> None:
    if not rows:
        return
    arrays = {column: [getattr(row, column) for row in rows] for column in columns}
    with refusals():
        touched = await statement.run(session, **arrays, created_at=clock.now())
    if touched != len(rows):
        raise Refused("unknown_reference")
