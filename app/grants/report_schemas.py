"""What a company reads of its own acts: its account over a period, its programmes over a year, a leaver's credit."""

from app.clock import Day, Instant
from app.credit.models import ExpiredCreditTo, LeaversRule, ProgrammeSource
from app.grants.schemas import CompanyEntryRead
from app.http.schemas import Out
from app.ids import ProgrammeId

LONGEST_DAYS = 366
"""How many days a statement covers at most."""


class StatementEntryRead(CompanyEntryRead):
    reference: str | None
    """What the bank transfer named, or the programme's name; null for what came back."""


class AccountStatementRead(Out):
    """`opening_cents` and the entries add up to `closing_cents`, always."""

    date_from: Day
    """The first day, included."""
    date_to: Day
    """The last day, included."""
    opening_cents: int
    """What was on the account before the first day, in cents."""
    closing_cents: int
    """What was on it when the last day was over, or is now, in cents."""
    entries: list[StatementEntryRead]
    """Every movement of the period, oldest first."""


class ProgrammeGivenRead(Out):
    programme_id: ProgrammeId
    """The programme."""
    programme_name: str
    """The programme's name."""
    source: ProgrammeSource
    """Why the company gives it."""
    employee_category: str
    """Which group of staff it is for."""
    lot_expires_on: Day
    """The last day on which its credit can be spent."""
    archived_at: Instant | None
    """Since when it takes no new grants; null as long as it does."""
    granted_cents: int
    """What was put into credit in the year, in cents, whatever came of it."""
    grant_count: int
    """How many grants became active in the year."""
    employee_count: int
    """To how many people these gave."""


class ProgrammeReportRead(Out):
    """What the company gave in a year, by programme: nothing of what is left or was used."""

    year: int
    """The calendar year."""
    granted_cents: int
    """What was put into credit in all, in cents."""
    employee_count: int
    """To how many people, each counted once."""
    programmes: list[ProgrammeGivenRead]
    """Those that lived in the year or gave in it, by their last day."""


class LeaversProgrammeRead(Out):
    programme_id: ProgrammeId
    """The programme."""
    programme_name: str
    """The programme's name."""
    leavers_rule: LeaversRule
    """What becomes of its credit when the employment ends."""
    usable_until: Day
    """The last day on which the person could spend its credit."""
    unused_to: ExpiredCreditTo
    """Where goes what is unused by then; to the company only as one sum over many people."""


class LeavingPreviewRead(Out):
    """What a last day of work would do to the credit that the person was given: by its programmes' rules, no sums."""

    ended_on: Day
    """The last day of work that was asked about."""
    programmes: list[LeaversProgrammeRead]
    """Those that gave the person credit whose days are not over."""
