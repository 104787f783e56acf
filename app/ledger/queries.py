"""Reads and locks of the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.ledger.models import Verification

LOCK_ACCOUNTS = text("SELECT account_id, posted_cents, held_cents FROM ledger.lock_accounts(CAST(:ids AS uuid[]))")
COMPANY_BALANCE = text(
    "SELECT account_id, posted_cents, held_cents FROM ledger.company_balance(:company_id, :for_update)"
)
BALANCES_OF = text("""
    SELECT account.id, account.held_cents, CASE WHEN account.guarded THEN account.posted_cents ELSE (
        (SELECT coalesce(sum(amount_cents), 0) FROM ledger.transfer WHERE to_account_id = account.id)
        - (SELECT coalesce(sum(amount_cents), 0) FROM ledger.transfer WHERE from_account_id = account.id)
    )::bigint END AS posted_cents
    FROM ledger.account WHERE account.id = ANY (CAST(:ids AS uuid[]))
""")
TOTALS_BY_REASON = text("""
    SELECT account_id, reason, sum(amount_cents)::bigint AS amount_cents
    FROM ledger.entry WHERE account_id = ANY (CAST(:ids AS uuid[])) GROUP BY account_id, reason
""")
TRIAL_BALANCE = text("""
    SELECT account.kind, coalesce(sum(side.debit), 0)::bigint AS debit_cents,
        coalesce(sum(side.credit), 0)::bigint AS credit_cents,
        bool_and(NOT account.guarded OR account.posted_cents = coalesce(side.credit - side.debit, 0)) AS agrees
    FROM ledger.account LEFT JOIN (
        SELECT account_id, sum(debit) AS debit, sum(credit) AS credit FROM (
            SELECT from_account_id AS account_id, sum(amount_cents) AS debit, 0 AS credit
            FROM ledger.transfer GROUP BY from_account_id
            UNION ALL
            SELECT to_account_id, 0, sum(amount_cents) FROM ledger.transfer GROUP BY to_account_id
        ) half GROUP BY account_id
    ) side ON side.account_id = account.id
    GROUP BY account.kind ORDER BY account.kind COLLATE "C"
""")


@dataclass(frozen=True, slots=True)
class Balance:
    """What is on an account: credits less debits, and how much of it is reserved."""

    posted_cents: int
    held_cents: int

    @property
    def available_cents(self) -> int:
        return self.posted_cents - self.held_cents


@dataclass(frozen=True, slots=True)
class KindTotal:
    kind: str
    debit_cents: int
    credit_cents: int


@dataclass(frozen=True, slots=True)
class TrialBalance:
    """All debits and credits by kind; `balanced` also says that every stored balance is the sum of its transfers."""

    balanced: bool
    accounts: list[KindTotal]


@dataclass(frozen=True, slots=True)
class LastVerification:
    verified_at: datetime
    ok: bool
    detail: dict[str, Any]


async def lock_accounts(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, Balance]:
    """Lock guarded accounts by id until the transaction ends and return what is on them; open ones are left out."""
    result = await session.execute(LOCK_ACCOUNTS, {"ids": list(ids)})
    return {row.account_id: Balance(row.posted_cents, row.held_cents) for row in result}


async def company_balance(
    session: AsyncSession, company_id: UUID, *, for_update: bool = False
) -> tuple[UUID, Balance] | None:
    """Return a company's account and balance, locked on demand: the one read of the ledger that HR has."""
    result = await session.execute(COMPANY_BALANCE, {"company_id": company_id, "for_update": for_update})
    row = result.one_or_none()
    return None if row is None else (row.account_id, Balance(row.posted_cents, row.held_cents))


async def balances_of(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, Balance]:
    """Return balances: of guarded accounts as stored, of open ones summed over all their transfers."""
    result = await session.execute(BALANCES_OF, {"ids": list(ids)})
    return {row.id: Balance(row.posted_cents, row.held_cents) for row in result}


async def totals_by_reason(session: AsyncSession, ids: Iterable[UUID]) -> dict[UUID, dict[str, int]]:
    """Return for each account the signed sum of its entries by reason."""
    totals: dict[UUID, dict[str, int]] = {}
    for row in await session.execute(TOTALS_BY_REASON, {"ids": list(ids)}):
        totals.setdefault(row.account_id, {})[row.reason] = row.amount_cents
    return totals


async def trial_balance(session: AsyncSession) -> TrialBalance:
    """Sum the whole ledger by kind of account."""
    rows = (await session.execute(TRIAL_BALANCE)).all()
    accounts = [KindTotal(row.kind, row.debit_cents, row.credit_cents) for row in rows]
    even = sum(total.debit_cents for total in accounts) == sum(total.credit_cents for total in accounts)
    return TrialBalance(even and all(row.agrees for row in rows), accounts)


async def last_verification(session: AsyncSession) -> LastVerification | None:
    """Return the newest result of recomputing the ledger, None before the first."""
    newest = select(Verification).order_by(Verification.verified_at.desc(), Verification.id.desc()).limit(1)
    found = (await session.execute(newest)).scalar_one_or_none()
    return None if found is None else LastVerification(found.verified_at, found.ok, found.detail)
