"""Where credit goes once its lot is over. Pure: no database, no present.

A lot is over from the midnight (Rome) after its last day, which the view `lot_life` owns: `expires_on`, or the end of
the employment where the source takes credit back from leavers. A revoked lot is over at once. Credit that died with its
validity goes where its source says; what leaving or revocation freed returns, as the view says, to the account of what
comes back to the company or to the fund. Carried-over credit becomes a lot of the same owner and source that lives one
year longer, so that it never becomes the company's: expiry to the company is lawful for on-top programmes only.
"""

from datetime import date, timedelta
from typing import Literal

from app.credit.queries import LotAndHeirs, LotLife

Fate = Literal["stays", "expired", "returned", "carried_over", "grace"]


def fate_at_end(lot: LotAndHeirs) -> Fate:
    """What becomes of the rest when the lot ends."""
    if lot.ended_early:
        return "returned"
    return "carried_over" if lot.expired_credit_to == "carry_over" else "expired"


def fate_of_freed(lot: LotAndHeirs, on: date, *, caused_by_employee: bool, grace_window_days: int) -> Fate:
    """What becomes of credit freed on that day: it stays in a living lot, except in its last days by others' fault.

    Grace never chains: what a grace lot gets back stays to that lot's last day, and after it has that lot's own fate.
    """
    over = lot.over(on)
    if over and lot.ended_early:
        return "returned"
    if not caused_by_employee and lot.grace_until is None and (over or in_window(lot, on, grace_window_days)):
        return "grace"
    return fate_at_end(lot) if over else "stays"


def in_window(lot: LotLife, on: date, days: int) -> bool:
    """Whether a day is one of the lot's last so many, or later."""
    return on > lot.expires_on - timedelta(days=days)


def carried_until(expires_on: date, on: date) -> date:
    """The last day of carried-over credit: the same day a year on, the first not before `on`."""
    year = expires_on.year + 1
    while (until := _same_day(expires_on, year)) < on:
        year += 1
    return until


def _same_day(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # 29 February
        return day.replace(year=year, day=28)
