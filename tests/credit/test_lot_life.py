from datetime import date, datetime
from uuid import UUID

import pytest

from app import clock
from app.credit.lot_life import LotAndHeirs, carried_until, fate_at_end, fate_of_freed
from app.credit.models import ExpiredCreditTo

COMPANY, FUND = UUID(int=1), UUID(int=2)
EXPIRES = date(2026, 12, 31)
DEAD, LEFT = clock.end_of(EXPIRES), clock.end_of(date(2026, 11, 30))


def lot(
    *,
    last_day: date = EXPIRES,
    ended_at: datetime | None = None,
    to: ExpiredCreditTo = "company",
    fund: UUID | None = FUND,
) -> LotAndHeirs:
    return LotAndHeirs(UUID(int=9), EXPIRES, last_day, ended_at, to, COMPANY, fund)


@pytest.mark.parametrize(
    ("life", "on", "by_employee", "fate"),
    [
        (lot(), date(2026, 12, 24), False, "stays"),
        (lot(), date(2026, 12, 25), False, "grace"),
        (lot(), date(2026, 12, 31), True, "stays"),
        (lot(), date(2027, 1, 1), True, "expired"),
        (lot(), date(2027, 1, 1), False, "grace"),
        (lot(ended_at=DEAD), date(2026, 12, 1), True, "expired"),
        (lot(to="carry_over"), date(2027, 1, 1), True, "carried_over"),
        (lot(last_day=date(2026, 11, 30)), date(2026, 11, 30), True, "stays"),
        (lot(last_day=date(2026, 11, 30)), date(2026, 12, 1), False, "returned"),
        (lot(ended_at=LEFT), date(2027, 1, 5), False, "returned"),
    ],
)
def test_what_becomes_of_freed_credit(life: LotAndHeirs, on: date, by_employee: bool, fate: str) -> None:  # noqa: FBT001
    assert fate_of_freed(life, on, caused_by_employee=by_employee, grace_window_days=7) == fate


@pytest.mark.parametrize(
    ("life", "fate", "heir"),
    [
        (lot(), "expired", COMPANY),
        (lot(to="solidarity_fund"), "expired", FUND),
        (lot(to="solidarity_fund", fund=None), "expired", COMPANY),
        (lot(to="solidarity_fund", ended_at=LEFT), "returned", COMPANY),
        (lot(to="carry_over", last_day=date(2026, 11, 30)), "returned", COMPANY),
    ],
)
def test_who_inherits(life: LotAndHeirs, fate: str, heir: UUID) -> None:
    assert (fate_at_end(life), life.heir_account_id) == (fate, heir)


@pytest.mark.parametrize(
    ("expires_on", "on", "until"),
    [
        (date(2026, 12, 31), date(2027, 1, 1), date(2027, 12, 31)),
        (date(2026, 5, 31), date(2028, 6, 1), date(2029, 5, 31)),
        (date(2028, 2, 29), date(2028, 3, 1), date(2029, 2, 28)),
    ],
)
def test_carried_over_credit_lives_to_the_same_day_a_year_on(expires_on: date, on: date, until: date) -> None:
    assert carried_until(expires_on, on) == until
