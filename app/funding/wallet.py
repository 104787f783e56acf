"""The person's credit as of a day, pure over rows.

Deadlines are data: a lot that is over shows nothing available and its rest as gone, before any sweep ran.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any

from app import clock
from app.funding.schemas import ExpiringRead, LotRead, WalletRead


def read_wallet(rows: Iterable[Any], today: date) -> WalletRead:
    """Sum up lots, as `credit_queries.wallet` gives them, as of a Rome day."""
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


def _lot(row: Any, today: date) -> LotRead:  # noqa: ANN401 - a row of SQL
    rest = row.posted_cents - row.held_cents
    left_early = row.last_day < row.expires_on
    if row.expired_at is not None:
        left_early = clock.day_of(row.expired_at) <= row.expires_on
    over = row.expired_at is not None or today > row.last_day
    return LotRead(
        id=row.id,
        employment_id=row.employee_id,
        programme_name=row.programme_name,
        source=row.source,
        kind=row.kind,
        rule_codes=row.rule_codes,
        amount_cents=row.amount_cents,
        available_cents=0 if over else rest,
        held_cents=row.held_cents,
        captured_cents=row.captured_cents,
        expired_cents=row.expired_cents + (rest if over and not left_early else 0),
        returned_cents=row.returned_cents + (rest if over and left_early else 0),
        valid_from=row.valid_from,
        expires_on=row.expires_on,
    )
