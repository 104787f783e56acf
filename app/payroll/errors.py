"""What payroll refuses."""

from app.errors import AppError


class ContentChanged(AppError, status=409, code="content_changed", constraints=("payroll_period_whole",)):
    """The content is not the one you saw: read it again and compare `content_sha256`."""


class PeriodNotInOrder(AppError, status=409, code="period_not_in_order", constraints=("payroll_period_in_order",)):
    """Periods are closed in their order: an earlier one has lines and is open, or a later one is closed."""


class PeriodNotBegun(AppError, status=409, code="period_not_begun", constraints=("payroll_period_has_begun",)):
    """This period has not begun: it can be closed from its first day on."""
