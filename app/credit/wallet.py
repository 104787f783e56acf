"""The person's credit as of a day, pure over rows.

Deadlines are data: a lot that is over shows nothing available and its rest as gone, before any sweep ran.
"""

from collections.abc import Iterable
from datetime import date

from app.credit.queries import WalletLot
from app.credit.schemas import ExpiringRead, LotRead, WalletRead


def read_wallet(rows: Iterable[WalletLot], today: date) -> WalletRead:
    """Sum up lots as of a Rome day."""
    dated = [(row.last_day, _lot(row, today)) for row in rows]
    lots = [lot for _, lot in dated]
    next_on = min((day for day, lot in dated if lot.available_cents), default=None)
    return WalletRead(
        available_cents=sum(lot.available_cents for lot in lots),
        held_cents=sum(lot.held_cents for lot in lots),
        captured_cents=sum(lot.captured_cents for lot in lots),
        expiring_next=None
        if next_on is None
        else ExpiringRead(on=next_on, amount_cents=sum(lot.available_cents for day, lot in dated if day == next_on)),
        lots=lots,
    )


def _lot(row: WalletLot, today: date) -> LotRead:
    rest = row.posted_cents - row.held_cents
    gone = rest if row.over(today) else 0
    return LotRead(
        id=row.id,
        employment_id=row.employee_id,
        programme_name=row.programme_name,
        source=row.source,
        kind=row.kind,
        rule_codes=row.rule_codes,
        categories=row.categories,
        amount_cents=row.amount_cents,
        available_cents=rest - gone,
        held_cents=row.held_cents,
        captured_cents=row.captured_cents,
        expired_cents=row.expired_cents + (0 if row.ended_early else gone),
        returned_cents=row.returned_cents + (gone if row.ended_early else 0),
        valid_from=row.valid_from,
        expires_on=row.expires_on,
    )
