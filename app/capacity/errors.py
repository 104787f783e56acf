"""Refusals of capacity."""

from app.errors import AppError


class SlotFull(AppError, status=409, code="slot_full", constraints=("slot_taken_within_capacity",)):
    """No seat is left in one of these slots."""


class SlotClosed(AppError, status=409, code="slot_closed"):
    """One of these slots is not open any more."""


class SlotTaken(AppError, status=409, code="slot_taken", constraints=("slot_cancelled_is_empty",)):
    """Seats of this slot are booked; `taken` says how many."""
