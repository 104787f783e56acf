"""Where credit goes once its lot is over. Pure: no database, no present.

A lot is over from the midnight (Rome) after its last day: `expires_on`, or the end of the employment where the
programme takes credit back from leavers. A revoked grant ends its lots at once. Credit that died with its validity goes
where the programme says; what leaving or revocation freed returns to the company. Carried-over credit becomes a lot of
the same person and programme that lives one year longer, so that it never becomes the company's: expiry to the company
is lawful for on-top programmes only.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from app import clock
from app.credit.models import ExpiredCreditTo

Fate = Literal["stays", "expired", "returned", "carried_over", "grace"]


@dataclass(frozen=True, slots=True)
class LotLife:
    """A lot's days; `ended_at` is when its rest left, None while it stands."""

    id: UUID
    expires_on: date
    last_day: date
    ended_at: datetime | None

    def over(self, on: date) -> bool:
        """Whether nothing can be paid from the lot on that day."""
        return self.ended_at is not None or on > self.last_day

    @property
    def ended_early(self) -> bool:
        """Whether leaving or revocation ended (or will end) the lot before its expiry."""
        if self.ended_at is not None:
            return clock.day_of(self.ended_at) <= self.expires_on
        return self.last_day < self.expires_on


@dataclass(frozen=True, slots=True)
class LotAndHeirs(LotLife):
    """A lot with where its credit goes and the accounts there.

    `solidarity_account_id` is the fund of the company's alliance; without one the company is the heir.
    """

    expired_credit_to: ExpiredCreditTo
    company_account_id: UUID
    solidarity_account_id: UUID | None

    @property
    def heir_account_id(self) -> UUID:
        """The account to which the lot's credit goes when it neither carries over nor becomes grace."""
        if self.ended_early or self.expired_credit_to != "solidarity_fund" or self.solidarity_account_id is None:
            return self.company_account_id
        return self.solidarity_account_id


def fate_at_end(lot: LotAndHeirs) -> Fate:
    """What becomes of the rest when the lot ends."""
    if lot.ended_early:
        return "returned"
    return "carried_over" if lot.expired_credit_to == "carry_over" else "expired"


def fate_of_freed(lot: LotAndHeirs, on: date, *, caused_by_employee: bool, grace_window_days: int) -> Fate:
    """What becomes of credit freed on that day: it stays in a living lot, except in its last days by others' fault."""
    over = lot.over(on)
    if over and lot.ended_early:
        return "returned"
    if not caused_by_employee and (over or on > lot.expires_on - timedelta(days=grace_window_days)):
        return "grace"
    return fate_at_end(lot) if over else "stays"


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
