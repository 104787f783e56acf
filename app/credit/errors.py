"""What credit refuses; the docstring is the public message."""

from app.errors import AppError


class InsufficientCredit(AppError, status=409, code="insufficient_credit"):
    """There is not enough usable credit; `available_cents` is what the person can use now, over all lots."""

    def __init__(self, available_cents: int) -> None:
        super().__init__(available_cents=available_cents)
