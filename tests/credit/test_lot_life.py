from datetime import date, datetime, timedelta
from uuid import UUID

import pytest

from app import clock
from app.credit.jobs import SWEEPS
from app.credit.lot_life import carried_until, fate_at_end, fate_of_freed
from app.credit.models import ExpiredCreditTo
from app.credit.queries import LotAndHeirs, LotLife
from tests.credit.stage import Stage

EXPIRED, RETURNED = UUID(int=1), UUID(int=2)
EXPIRES = date(2026, 12, 31)
DEAD, LEFT = clock.end_of(EXPIRES), clock.end_of(date(2026, 11, 30))


def lot(
    *,
    last_day: date = EXPIRES,
    ended_at: datetime | None = None,
    to: ExpiredCreditTo = "company",
    grace_until: date | None = None,
) -> LotAndHeirs:
    early = (clock.day_of(ended_at) if ended_at else last_day + timedelta(days=1)) <= EXPIRES
    return LotAndHeirs(UUID(int=9), EXPIRES, last_day, ended_at, early, to, EXPIRED, RETURNED, None, grace_until)


@pytest.mark.parametrize(
    ("life", "on", "by_employee", "fate"),
    [
        (lot(), date(2026, 12, 24), False, "stays"),
        (lot(), date(2026, 12, 25), False, "grace"),
        (lot(), date(2026, 12, 31), True, "stays"),
        (lot(), date(2027, 1, 1), True, "expired"),
        (lot(), date(2027, 1, 1), False, "grace"),
        (lot(grace_until=EXPIRES), date(2026, 12, 31), False, "stays"),
        (lot(grace_until=EXPIRES), date(2027, 1, 1), False, "expired"),
        (lot(grace_until=EXPIRES, to="carry_over"), date(2027, 1, 1), False, "carried_over"),
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
        (lot(), "expired", EXPIRED),
        (lot(to="solidarity_fund"), "expired", EXPIRED),
        (lot(to="solidarity_fund", ended_at=LEFT), "returned", RETURNED),
        (lot(to="carry_over", last_day=date(2026, 11, 30)), "returned", RETURNED),
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


@pytest.mark.parametrize("rule", ["zero_at_leaving", "keep_until_expiry"])
@pytest.mark.parametrize("left", [None, date(2026, 12, 10), EXPIRES, date(2027, 1, 31)])
@pytest.mark.parametrize("swept", [False, True])
async def test_python_and_sql_agree_when_a_lot_is_over(
    stage: Stage,
    rule: str,
    left: date | None,
    swept: bool,  # noqa: FBT001
) -> None:
    lot_id = await stage.lot(100_00, leavers_rule=rule)
    await stage.world.execute(
        "UPDATE employee SET ended_on = :left WHERE id = :id", left=left, id=stage.person.employee_id
    )
    early = rule == "zero_at_leaving" and left is not None and left < EXPIRES
    last_day = left if early else EXPIRES
    if swept:
        for sweep in SWEEPS:
            await stage.sweep(sweep, clock.midnight(date(2027, 2, 2)))
    (row,) = await stage.world.execute(
        "SELECT id, expires_on, last_day, ended_at, ended_early FROM lot_life WHERE id = :id", id=lot_id
    )
    assert (row.last_day, row.ended_early, row.ended_at is not None) == (last_day, early, swept)
    life = LotLife(row.id, row.expires_on, row.last_day, row.ended_at, row.ended_early)
    for day in (
        date(2026, 11, 23),
        date(2026, 12, 10),
        date(2026, 12, 11),
        EXPIRES,
        date(2027, 1, 1),
        date(2027, 2, 1),
    ):
        over = await stage.world.scalar(
            "SELECT CAST(:day AS date) > usable_until FROM lot_life WHERE id = :id", day=day, id=lot_id
        )
        assert (life.over(day), over) == (swept or day > last_day,) * 2
