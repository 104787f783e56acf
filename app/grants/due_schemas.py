"""What is shown of a collective agreement's credit: who is due it, who is not, what is missing by when."""

from pydantic import Field

from app.clock import Day
from app.grants.models import DueCode
from app.grants.schemas import GrantRead
from app.http.schemas import Out, Page
from app.http.words import words
from app.ids import EmployeeId, ProgrammeId
from app.rules.rows import Status


class NotDueRead(Out):
    """Somebody of the category whom the collective agreement does not owe its credit now."""

    employee_id: EmployeeId
    """Who gets nothing."""
    external_id: str | None
    """Your own id for this employee; null when there is none."""
    given_name: str
    """The given name."""
    family_name: str
    """The family name."""
    code: DueCode
    """Why, as a stable code."""
    reason: str
    """Why, in the caller's language."""
    due_from: Day | None
    """From when the credit is due, where that day is known; else null."""


class GrantDrafted(GrantRead):
    """The grant, and whom of the category a collective agreement leaves out of it."""

    left_out: list[NotDueRead]
    """Empty where no agreement is named, or where the people were."""


class DueRead(NotDueRead):
    """Whether an agreement owes one person its credit, by when, and why."""

    amount_cents: int
    """What is due, or was given; else 0, in cents."""
    due_by: Day | None
    """By when it is to be given; null where it is not due."""


class YearsCreditRead(Out):
    """What a collective agreement says of a year's credit."""

    code: str = Field(examples=["metalworkers"])
    """Which agreement."""
    name: str
    """Its name."""
    name_en: str
    """Its name in English."""
    year: int
    """The year whose credit it is."""
    amount_cents: int
    """What each person gets, in cents, never in proportion to part-time work."""
    available_by: Day
    """By when the credit is to be given to whoever is due it then."""
    usable_until: Day
    """The last day on which the agreement lets it be used."""
    citation: str
    """Where that is written."""
    status: Status
    """Whether somebody has confirmed how it is read."""


class DueList(Page[DueRead]):
    """Who is due a programme's credit by when, who is not, and what is still missing; nothing of its use."""

    agreement: YearsCreditRead | None
    """The agreement; null, and no people, where the programme is of none."""
    due_count: int
    """How many are due it and lack it."""
    missing_cents: int
    """What they lack in all, in cents."""
    overdue_count: int
    """How many of them should have had it by now."""
    granted_count: int
    """How many have it."""
    not_due_count: int
    """How many are not due it, now or ever."""


class DeadlineRead(Out):
    """A deadline of a collective agreement for which somebody still lacks the credit."""

    programme_id: ProgrammeId
    """The programme under which it is given."""
    programme_name: str
    """The programme's name."""
    due_by: Day
    """The agreement's day."""
    days_left: int
    """How many days are left; negative once it is over."""
    due_count: int
    """How many are due it and lack it."""
    missing_cents: int
    """What they lack in all, in cents."""


class DeadlinesRead(Out):
    data: list[DeadlineRead]
    """The nearest first."""


words(
    "DueCode",
    DueCode,
    due="the agreement's conditions are met",
    granted="this person has this year's credit",
    other_agreement="another agreement applies to this person",
    not_employed_then="not employed here in the period that counts",
    employment_ended="this employment has ended",
    agency="employed by an agency, which owes the credit",
    fixed_term_too_short="a fixed term with too few months in the calendar year",
    unpaid_leave="on unpaid leave during the whole period that counts",
    not_hired_yet="the employment has not begun yet",
    in_probation="due when the probation ends",
)
