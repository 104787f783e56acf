"""Credit for many at once, in a fixed number of statements: opening lots, ending the use of those of a grant.

These work under the database role of companies too, which adds lots and never reads one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.credit.models import LotKind
from app.db import APP, HR, NOTHING, WORKER, Query
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount, NewTransfer

INSERT_LOTS = Query(NOTHING, "credit.insert_lots", roles=(APP, HR, WORKER))
REVOKE = Query(int, "credit.revoke", roles=(APP, HR))
EXTEND = Query(NOTHING, "credit.extend", roles=(HR,))
REASONS: dict[LotKind, str] = {"grant": "granted", "entitlement": "awarded"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where the credit comes from and the account that funds it."""

    id: UUID
    funded_by_account_id: UUID


@dataclass(frozen=True, slots=True)
class NewLot:
    """Credit for an employment (company and employee) or else for a person."""

    id: UUID
    amount_cents: int
    company_id: UUID | None = None
    employee_id: UUID | None = None
    user_id: UUID | None = None


async def open_lots(
    session: AsyncSession,
    source: Source,
    lots: Sequence[NewLot],
    *,
    expires_on: date,
    at: datetime,
    kind: LotKind = "grant",
    grant_id: UUID | None = None,
) -> None:
    """Open funded lots, all or none: an account each, the lot, its whole amount from the source's account.

    InsufficientFunds where the account has less.
    """
    await ledger.open_accounts(session, [NewAccount(lot.id, "lot", lot.id) for lot in lots])
    await INSERT_LOTS.run(
        session,
        ids=[lot.id for lot in lots],
        user_ids=[lot.user_id for lot in lots],
        company_ids=[lot.company_id for lot in lots],
        employee_ids=[lot.employee_id for lot in lots],
        amounts=[lot.amount_cents for lot in lots],
        source_id=source.id,
        grant_id=grant_id,
        kind=kind,
        valid_from=clock.day_of(at),
        expires_on=expires_on,
        created_at=at,
    )
    payer_id, reason = source.funded_by_account_id, REASONS[kind]
    await ledger.transfer(
        session,
        [NewTransfer(ids.new_id(), payer_id, lot.id, lot.amount_cents, reason, at, grant_id) for lot in lots],
    )


async def revoke(
    session: AsyncSession, company_id: UUID, grant_id: UUID, employee_ids: Sequence[UUID] | None, at: datetime
) -> int:
    """End the use of a grant's lots, of all its people or of some; return how many given lots still lived.

    What they have left goes later and unseen, what is held stays with its unit.
    """
    return await REVOKE.one(
        session,
        company_id=company_id,
        grant_id=grant_id,
        employee_ids=None if employee_ids is None else list(employee_ids),
        on_day=clock.day_of(at),
        at=at,
    )


async def extend(session: AsyncSession, company_id: UUID, source_id: UUID, last_day: date) -> None:
    """Let what a programme gave be used until a later day; what is over, and grace, stays as it is."""
    await EXTEND.run(session, company_id=company_id, source_id=source_id, last_day=last_day, on_day=clock.today())
