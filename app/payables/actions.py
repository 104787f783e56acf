"""The one verb: to owe."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.catalogue.models import VatCode
from app.db import APP, NOTHING, WORKER, Query
from app.ledger import actions as ledger
from app.ledger.instructions import NewTransfer
from app.payables.models import PayableKind, SourceKind

NEW_PAYABLES = Query(NOTHING, "payables.new_payables", roles=(APP, WORKER))
COLUMNS = ("payee_id", "source_kind", "source_id", "kind", "sequence", "gross_cents", "vat_code", "category",
    "service_on", "payable_at", "funding_line", "blocked")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Owed:
    """An item to owe: money goes from one account to the payee's (back, where the amount is negative)."""

    payee_id: UUID
    from_account_id: UUID
    payee_account_id: UUID
    source_kind: SourceKind
    source_id: UUID
    kind: PayableKind
    gross_cents: int
    vat_code: VatCode
    category: str
    service_on: date
    payable_at: datetime
    reason: str
    """The transfer's."""
    sequence: int = 1
    funding_line: UUID | None = None
    blocked: bool = False


async def owe(session: AsyncSession, items: Sequence[Owed]) -> None:
    """Move the money and write the items, each with its transfer."""
    if not items:
        return
    transfer_ids = [ids.new_id() for _ in items]
    await ledger.transfer(session, [_transfer(*pair) for pair in zip(transfer_ids, items, strict=True)])
    columns = {name: [getattr(item, name) for item in items] for name in COLUMNS}
    await NEW_PAYABLES.run(
        session, id=[ids.new_id() for _ in items], transfer_id=transfer_ids, created_at=clock.now(), **columns
    )


def _transfer(transfer_id: UUID, item: Owed) -> NewTransfer:
    source, target = item.from_account_id, item.payee_account_id
    if item.gross_cents < 0:
        source, target = target, source
    return NewTransfer(transfer_id, source, target, abs(item.gross_cents), item.reason, item.payable_at, item.source_id)
