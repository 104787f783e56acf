"""Refusals of the sandbox."""

from app.errors import AppError


class ClockBackwards(AppError, status=409, code="clock_backwards"):
    """Business time only moves forward; `now` says what it is."""
