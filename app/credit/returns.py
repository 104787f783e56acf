"""What comes back to companies: taken from leavers' and revoked lots, posted as one sum a period, or restored.

Nothing here depends on whose credit it is, and no company sees any of it but the sum: the account of returns, what
waits on it and since when are closed to the role of company routes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.credit import queries
from app.credit.queries import ReturnersLot
from app.db import WORKER, Query
from app.ledger import actions as ledger
from app.ledger.instructions import NewTransfer, Reversal


@dataclass(frozen=True, slots=True)
class NextReturn:
    """A company to which can be posted what came back, and the day of the sum."""

    company_id: UUID
    returned_on: date


@dataclass(frozen=True, slots=True)
class CollectedReturn:
    """The sum of a period, and the company's accounts."""

    amount_cents: int
    account_id: UUID
    returns_account_id: UUID


NEXT_RETURN = Query(NextReturn, "credit.next_return", roles=(WORKER,))
COLLECT_RETURN = Query(CollectedReturn, "credit.collect_return", roles=(WORKER,))


async def post(session: AsyncSession, given: NextReturn) -> int:
    """Post what came back to a company by a period's first day; return how much.

    The caller has locked the company's account.
    """
    return_id = ids.new_id()
    collected = await COLLECT_RETURN.one(
        session,
        id=return_id,
        company_id=given.company_id,
        returned_on=given.returned_on,
        created_at=clock.now(),
    )
    payer_id, payee_id = collected.returns_account_id, collected.account_id
    due = clock.midnight(given.returned_on)
    await ledger.transfer(session, [NewTransfer(return_id, payer_id, payee_id, collected.amount_cents, "returns", due)])
    return collected.amount_cents


async def restore(session: AsyncSession, lots: Sequence[ReturnersLot]) -> None:
    """Let lots live again whose leaving was taken back, with what has not been posted to the company meanwhile."""
    if not lots:
        return
    lot_ids = [lot.id for lot in lots]
    noted_at = {lot.id: lot.noted_at for lot in lots}
    await queries.REOPEN.run(session, ids=lot_ids)
    back = await queries.RETURNED_UNPOSTED.all(session, ids=lot_ids)
    await ledger.reverse(session, [Reversal(ids.new_id(), each.id, "restored", noted_at[each.lot_id]) for each in back])
