"""What must hold after every step: rows of the database against the paper."""

from datetime import UTC
from typing import Any
from uuid import UUID

from app.credit.schemas import WalletRead
from tests.model.paper import Paper, booking_status
from tests.model.things import Lot, Unit, day_of


def lots_agree(paper: Paper, rows: list[Any]) -> None:
    found = {row.id: row for row in rows}
    known = {lot.id for lot in paper.lots}
    unknown = sorted((_row_of_lot(row), row.id) for row in rows if row.id not in known)
    for lot in sorted((lot for lot in paper.lots if lot.id is None), key=_lot_on_paper):
        place = next((i for i, (row, _) in enumerate(unknown) if row == _lot_on_paper(lot)), None)
        assert place is not None, (_lot_on_paper(lot), unknown)
        lot.id = unknown.pop(place)[1]
    assert unknown == []
    for lot in paper.lots:
        assert lot.id is not None
        assert _row_of_lot(found[lot.id]) == _lot_on_paper(lot)
        amount, *parts = lot.figures
        assert sum(parts) == amount
        assert min(parts) >= 0


def wallet_agrees(paper: Paper, shown: WalletRead) -> None:
    alive = [lot for lot in paper.lots if lot.usable(day_of(paper.now))]
    assert shown.available_cents == sum(lot.available for lot in alive)
    assert shown.held_cents == sum(lot.held for lot in paper.lots)
    assert shown.captured_cents == sum(lot.captured for lot in paper.lots)
    for read in shown.lots:
        parts = [read.available_cents, read.held_cents, read.captured_cents, read.expired_cents]
        assert sum(parts) + read.returned_cents == read.amount_cents


def units_agree(paper: Paper, rows: list[Any]) -> None:
    by_booking: dict[UUID, list[Any]] = {}
    for row in rows:
        by_booking.setdefault(row.booking_id, []).append(row)
    assert set(by_booking) == {booking.id for booking in paper.bookings}
    for booking in paper.bookings:
        assert booking.id is not None
        own = by_booking[booking.id]
        assert [_row_of_unit(row) for row in own] == [_unit_on_paper(unit) for unit in booking.units]
        stored = booking_status(unit.status for unit in booking.units)
        assert {(row.booking_status, row.confirm_by) for row in own} == {(stored, booking.confirm_by)}


def accounts_agree(paper: Paper, accounts: list[UUID], posted: dict[UUID, int]) -> None:
    companies = [paper.company[employment] for employment in paper.employments]
    assert [posted[account] for account in accounts] == [
        paper.earned, paper.payable, paper.solidarity, *companies,
    ]  # fmt: skip
    in_lots = sum(lot.available + lot.held for lot in paper.lots)
    granted = sum(lot.amount for lot in paper.lots if lot.origin is None)
    given_back = paper.solidarity + paper.elsewhere + sum(companies)
    assert in_lots + paper.earned + paper.payable + given_back == granted


def _lot_on_paper(lot: Lot) -> tuple[Any, ...]:
    origin = str(lot.origin.id) if lot.origin else ""
    return (origin, lot.valid_from, lot.expires_on, lot.figures, lot.ended.isoformat() if lot.ended else "")


def _row_of_lot(row: Any) -> tuple[Any, ...]:
    figures = (row.amount_cents, row.available, row.held, row.captured, row.expired, row.returned)
    ended = row.ended_at.astimezone(UTC).isoformat() if row.ended_at else ""
    return (str(row.grace_of or ""), row.valid_from, row.expires_on, figures, ended)


def _unit_on_paper(unit: Unit) -> tuple[Any, ...]:
    return (
        unit.id, unit.slot.id, unit.status, unit.status_at, unit.price, unit.fee, unit.fee_source, unit.own_due,
        unit.captured, unit.complete_at, unit.completed_at, unit.payable_at, unit.disputed, unit.refunded,
        [[str(lot.id), cents] for lot, cents in unit.legs],
    )  # fmt: skip


def _row_of_unit(row: Any) -> tuple[Any, ...]:
    return (
        row.id, row.slot_id, row.status, row.status_at, row.price_cents, row.fee_cents, row.fee_source,
        row.own_money_due_cents, row.captured_cents, row.complete_at, row.completed_at, row.payable_at,
        row.disputed, row.refunded_cents, row.legs,
    )  # fmt: skip
