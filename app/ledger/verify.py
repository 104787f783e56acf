"""Recompute the ledger from its rows: what the guards promise, found out anew.

The guards stop every client; they do not stop an owner who disables them, a restored dump or a broken disk. Each batch
is one statement, so it sees one state of the database and may run while money moves.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import WORKER, Query
from app.ids import new_id
from app.ledger.models import Verification


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not what the others say; amounts in cents where the problem is an amount."""

    table: str
    id: str
    problem: str
    stored: int | None = None
    recomputed: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """One batch of a table: its size, its last key, its first differences."""

    size: int
    last: UUID | None
    differences: list[Difference]


@dataclass(frozen=True, slots=True)
class Pass:
    """One walk over a table: what is counted, where, and the statement that judges a batch of it."""

    name: str
    table: str
    statement: Query[Judged]


PASSES = (
    Pass("account", "ledger.account", Query(Judged, "ledger.verify_accounts", roles=(WORKER,))),
    Pass("transfer", "ledger.transfer", Query(Judged, "ledger.verify_transfers", roles=(WORKER,))),
    Pass("hold", "ledger.hold", Query(Judged, "ledger.verify_holds", roles=(WORKER,))),
    Pass("hold_end", "ledger.hold_end", Query(Judged, "ledger.verify_hold_ends", roles=(WORKER,))),
)
"""The ledger's own; modules that stand on it have further ones, which app/api.py lists."""
ENABLED_TRIGGERS = Query(str, "ledger.enabled_triggers", roles=(WORKER,))
GUARDS = frozenset({
    "account_00_new_is_empty", "account_00_no_update", "account_00_no_delete", "account_00_no_truncate",
    "account_05_hr", "transfer_00_append_only", "transfer_10_lock", "transfer_20_reversal", "transfer_25_hr",
    "transfer_27_routes",
    "transfer_30_apply", "transfer_40_lots", "transfer_50_returns", "transfer_60_company_money",
    "hold_00_append_only", "hold_30_apply",
    "hold_40_lots",
    "hold_end_00_append_only", "hold_end_10_lock", "hold_end_30_apply", "verification_00_append_only",
})  # fmt: skip


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
    passes: Sequence[Pass] = PASSES,
    *,
    progress: Callable[[str, int], None] | None = None,
    batch_size: int = 5_000,
    limit: int = 20,
) -> Report:
    """Check all that the passes walk over, and that the ledger's guards are on; stop after `limit` differences.

    `progress` is told the pass and how many of its rows were checked so far, after each batch.
    """
    verified_at = clock.now()
    differences = await _missing_guards(session)
    checked: dict[str, int] = {}
    for each in passes:
        checked[each.name] = 0
        start: UUID | None = UUID(int=0)
        while start is not None and len(differences) < limit:
            batch = await each.statement.one(session, start=start, size=batch_size, limit=limit - len(differences))
            differences += batch.differences
            checked[each.name] += batch.size
            start = _after(batch.last) if batch.last is not None and batch.size == batch_size else None
            if progress is not None:
                progress(each.name, checked[each.name])
    return Report(verified_at, checked, differences)


async def record(session: AsyncSession, report: Report) -> None:
    """Keep the result: payouts look at the last one."""
    detail = {"checked": report.checked, "differences": [asdict(difference) for difference in report.differences]}
    await session.execute(
        insert(Verification).values(id=new_id(), verified_at=report.verified_at, ok=report.ok, detail=detail)
    )


def _after(key: UUID) -> UUID | None:
    return UUID(int=key.int + 1) if key.int < 2**128 - 1 else None


async def _missing_guards(session: AsyncSession) -> list[Difference]:
    enabled = set(await ENABLED_TRIGGERS.all(session))
    return [Difference("trigger", name, "guard_off") for name in sorted(GUARDS - enabled)]
