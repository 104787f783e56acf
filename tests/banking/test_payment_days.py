"""Days on which banks pay, against the calendars of 2026 and 2027."""

from datetime import date

import pytest

from app.banking.payment_days import expected_payment_on, is_working_day, payment_day, working_day


@pytest.mark.parametrize(
    ("day", "paid_on"),
    [
        (date(2026, 11, 23), date(2026, 11, 23)),
        (date(2026, 11, 28), date(2026, 11, 30)),  # Saturday
        (date(2026, 11, 29), date(2026, 11, 30)),  # Sunday
        (date(2026, 12, 8), date(2026, 12, 9)),  # Immaculate Conception: Italian, not of TARGET
        (date(2027, 3, 26), date(2027, 3, 30)),  # Good Friday: of TARGET, not Italian; then Easter Monday
        (date(2026, 12, 25), date(2026, 12, 28)),
        (date(2027, 1, 6), date(2027, 1, 7)),
        (date(2027, 5, 1), date(2027, 5, 3)),
        (date(2032, 6, 2), date(2032, 6, 3)),
    ],
)
def test_moves_to_the_next_working_day(day: date, paid_on: date) -> None:
    assert working_day(day) == paid_on
    assert is_working_day(day) is (day == paid_on)


def test_payment_day_counts_from_the_cutoff() -> None:
    assert payment_day(date(2026, 11, 30), 10) == date(2026, 12, 10)
    assert payment_day(date(2026, 11, 30), 8) == date(2026, 12, 9)
    assert payment_day(date(2026, 12, 31), 10) == date(2027, 1, 11)


@pytest.mark.parametrize(
    ("on", "paid_on"),
    [
        (date(2026, 12, 1), date(2027, 1, 11)),
        (date(2026, 12, 31), date(2027, 1, 11)),
        (date(2027, 2, 28), date(2027, 3, 10)),
        (date(2028, 2, 1), date(2028, 3, 10)),
    ],
)
def test_expected_payment_follows_the_month_end(on: date, paid_on: date) -> None:
    assert expected_payment_on(on, 10) == paid_on
    assert expected_payment_on(on) == paid_on
