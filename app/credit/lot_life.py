"""Where credit goes once its lot is over. Pure: no database, no present.

A lot is over from the midnight (Rome) after its last day, which the view `lot_life` owns: `expires_on`, or the end of
the employment where the source takes credit back from leavers. A revoked grant ends its lots at once. Credit that died
with its validity goes where its source says; what leaving or revocation freed returns to where it came from.
Carried-over credit becomes a lot of the same owner and source that lives one year longer, so that it never becomes the
company's: expiry to the company is lawful for on-top programmes only.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from app.credit.models import ExpiredCreditTo

Fate = Literal["stays", "expired", "returned", "carried_over", "grace"]


@dataclass(frozen=True, slots=True)
class LotLife:
    """A lot's life as the view `lot_life` says it; `ended_at` is when its rest left, None while it stands.

    `ended_early` says that leaving or revocation ended (or will end) it before its expiry.
    """

    id: UUID
    expires_on: date
    last_day: date
    ended_at: datetime | None
    ended_early: bool

    def over(self, on: date) -> bool:
        """Whether nothing can be paid from the lot on that day."""
        return self.ended_at is not None or on > self.last_day


@dataclass(frozen=True, slots=True)
class LotAndHeirs(LotLife):
    """A lot with where its credit goes and the accounts there.

    `solidarity_account_id` is the fund of the company's alliance; without one credit goes back to its source.
    """

    expired_credit_to: ExpiredCreditTo
    returns_to_account_id: UUID
    solidarity_account_id: UUID | None
    grace_until: date | None
    """The last day that grace gave, where this lot is grace."""

    @property
    def heir_account_id(self) -> UUID:
        """The account to which the lot's credit goes when it neither carries over nor becomes grace."""
        if self.ended_early or self.expired_credit_to != "solidarity_fund" or self.solidarity_account_id is None:
            return self.returns_to_account_id
        return self.solidarity_account_id


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
