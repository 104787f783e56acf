"""What fringe benefits refuse; the docstring is the public message."""

from app.errors import AppError


class FringeLimitExceeded(AppError, status=422, code="fringe_limit_exceeded"):
    """The year's limit of fringe benefits has no room for this; `max_cents` is what it still has room for."""

    def __init__(self, max_cents: int) -> None:
        super().__init__(max_cents=max_cents)


class FringeBelowZero(AppError, status=422, code="fringe_below_zero"):
    """A correction cannot take back more than was posted for this employee and tax year."""
