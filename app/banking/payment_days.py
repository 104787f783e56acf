"""On which days banks pay: working days of TARGET (the euro's settlement system) that are no Italian holiday."""

from calendar import monthrange
from collections.abc import Container
from datetime import date, timedelta
from functools import lru_cache

from app.config import settings

SATURDAY = 5


def working_day(day: date) -> date:
    """Return the day itself if banks pay on it, else the next such day."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


def is_working_day(day: date) -> bool:
    return day.weekday() < SATURDAY and not any(day in calendar for calendar in _calendars())


def payment_day(cutoff_on: date, payout_days: int) -> date:
    """Return when a settlement of this cutoff is paid: so many days later, moved to a working day."""
    return working_day(cutoff_on + timedelta(days=payout_days))


def expected_payment_on(on: date, payout_days: int | None = None) -> date:
    """Return when money that becomes payable on a Rome day is paid: cutoffs are the ends of months.

    An expectation, no promise: a dispute, a sum below the minimum payout or a missing IBAN moves it to a later run.
    """
    month_end = on.replace(day=monthrange(on.year, on.month)[1])
    return payment_day(month_end, settings().payout_days if payout_days is None else payout_days)


def load_calendars() -> None:
    """Import and build the calendars now: done inside a request it would hold that request's locks for a second."""
    is_working_day(date(2026, 1, 1))


@lru_cache(maxsize=1)
def _calendars() -> tuple[Container[date], ...]:
    import holidays

    # Both add years as they are asked for.
    return holidays.country_holidays("IT"), holidays.financial_holidays("ECB")
