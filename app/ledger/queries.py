"""Reads and locks of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import APP, HR, WORKER, Query
from app.ledger.models import Verification


@dataclass(frozen=True, slots=True)
class Balance:
    """What is on an account: credits less debits, and how much of it is reserved."""

    posted_cents: int
    held_cents: int

    @property
    def available_cents(self) -> int:
        return self.posted_cents - self.held_cents


@dataclass(frozen=True, slots=True)
class AccountBalance:
    """An account with what is on it, as the statements return it."""

    account_id: UUID
    posted_cents: int
    held_cents: int

    @property
    def balance(self) -> Balance:
        return Balance(self.posted_cents, self.held_cents)


@dataclass(frozen=True, slots=True)
class KindRow:
    """One row of the trial balance; `agrees` says that the stored balances are the sums of the transfers."""

    kind: str
    debit_cents: int
    credit_cents: int
    agrees: bool


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """All debits and credits by kind; `balanced` also says that every stored balance is the sum of its transfers."""

    balanced: bool
    accounts: list[KindRow]


LOCK_ACCOUNTS = Query(AccountBalance, "ledger.lock_accounts", roles=(APP, WORKER))
COMPANY_BALANCE = Query(AccountBalance, "ledger.company_balance", roles=(APP, HR, WORKER))
BALANCES_OF = Query(AccountBalance, "ledger.balances_of", roles=(APP, WORKER))
TRIAL_BALANCE = Query(KindRow, "ledger.trial_balance")


async def lock_accounts(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, Balance]:
    """Lock guarded accounts by id until the transaction ends and return what is on them; open ones are left out."""
    return {row.account_id: row.balance for row in await LOCK_ACCOUNTS.all(session, ids=list(ids))}


async def company_balance(
    session: AsyncSession, company_id: UUID, *, for_update: bool = False
) -> AccountBalance | None:
    """Return a company's account and balance, locked on demand: the one read of the ledger that HR has."""
    return await COMPANY_BALANCE.maybe(session, company_id=company_id, for_update=for_update)


async def balances_of(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, Balance]:
    """Return balances: of guarded accounts as stored, of open ones summed over all their transfers."""
    return {row.account_id: row.balance for row in await BALANCES_OF.all(session, ids=list(ids))}


async def trial_balance(session: AsyncSession) -> TrialBalance:
    """Sum the whole ledger by kind of account."""
    kinds = await TRIAL_BALANCE.all(session)
    even = sum(kind.debit_cents for kind in kinds) == sum(kind.credit_cents for kind in kinds)
    return TrialBalance(even and all(kind.agrees for kind in kinds), kinds)


async def last_verification(session: AsyncSession) -> Verification | None:
    """Return the newest result of recomputing the ledger, None before the first."""
    newest = select(Verification).order_by(Verification.verified_at.desc(), Verification.id.desc()).limit(1)
    return await session.scalar(newest)
