"""Closing the books for a cutoff: one statement finds the due payables, prices, numbers, hashes and writes everything.

Money (half up on the document's total, largest remainder on the split, as in app/money.py):
- a fee is taken per document and fee rule: percent of the total + the fixed part for each line, within the rule's
  bounds and never more than leaves the provider zero; it is split over the lines by their gross amount;
- VAT on fees is taken per document and rate, split over the lines by their fee;
- the VAT contained in the gross amount is taken per document and VAT code.
Ids follow from cutoff, provider and payable, so that a run that was killed and is made again gives the same rows.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.catalogue.models import VAT_BPS
from app.db import Query


@dataclass(frozen=True, slots=True)
class Prepared:
    """Whether this is the only run, an earlier one of the cutoff, where fees go; `settings` are the ones changed."""

    settings: list[str]
    locked: bool
    run_id: UUID | None
    fees_account_id: UUID
    vat_account_id: UUID


@dataclass(frozen=True, slots=True)
class Closing:
    """What to close: the run's own id, the cutoff, when it will be paid."""

    run_id: UUID
    cutoff_on: date
    pay_on: date
    created_by: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Settled:
    """A new settlement and what the platform takes of it."""

    id: UUID
    provider_id: UUID
    fee_cents: int
    fee_vat_cents: int
    payable_account_id: UUID


PREPARE = Query(Prepared, "settlements.prepare")
CLOSE = Query(Settled, "settlements.close")


async def prepare(session: AsyncSession, cutoff_on: date) -> Prepared:
    """Allow the transaction more time, try to be the only run, look for an earlier one of this cutoff."""
    return await PREPARE.one(session, cutoff_on=cutoff_on)


async def close(session: AsyncSession, closing: Closing) -> list[Settled]:
    """Write run, settlements and lines."""
    cutoff_end = clock.end_of(closing.cutoff_on)
    return await CLOSE.all(
        session,
        run_id=closing.run_id,
        cutoff_on=closing.cutoff_on,
        year=closing.cutoff_on.year,
        pay_on=closing.pay_on,
        created_by=closing.created_by,
        created_at=closing.created_at,
        cutoff_end=cutoff_end,
        cutoff_hex=f"{int(cutoff_end.timestamp() * 1000):012x}",
        vat_codes=list(VAT_BPS),
        vat_bps=list(VAT_BPS.values()),
    )
