"""A period of Rome days in a query."""

from datetime import date, datetime

from app import clock
from app.errors import Invalid


def period(date_from: date | None, date_to: date | None, earliest: datetime) -> tuple[datetime, datetime]:
    """Return from when to before when these days are, both included, open where none is given; Invalid backwards."""
    if date_from is not None and date_to is not None and date_to < date_from:
        raise Invalid("/query/date_to", "end_before_start", "the last day is before the first")
    start = earliest if date_from is None else clock.midnight(date_from)
    return start, clock.midnight(date(clock.LAST_YEAR, 12, 31)) if date_to is None else clock.end_of(date_to)
