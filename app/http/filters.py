"""What lists are filtered by in one way everywhere: words, days, when something changed last."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Query

from app import clock
from app.errors import Invalid

T = TypeVar("T")
Words = Annotated[str | None, Query(min_length=1, max_length=100, description="a part of the name, whatever its case")]
ExternalId = Annotated[str | None, Query(min_length=1, max_length=64, description="the id in your own system")]
UpdatedSince = Annotated[
    clock.Instant | None, Query(description="changed at or after this instant (RFC 3339, with an offset)")
]


@dataclass(frozen=True)
class Days:
    """A period of Rome days, both included, open where none is given."""

    first: date | None
    last: date | None

    @property
    def start(self) -> datetime | None:
        return None if self.first is None else clock.midnight(self.first)

    @property
    def end(self) -> datetime | None:
        """The instant after the last day."""
        return None if self.last is None else clock.end_of(self.last)


async def days(
    date_from: Annotated[clock.Day | None, Query(description="first day (Rome), included")] = None,
    date_to: Annotated[clock.Day | None, Query(description="last day (Rome), included")] = None,
) -> Days:
    """Read a period; Invalid backwards."""
    if date_from is not None and date_to is not None and date_to < date_from:
        raise Invalid("/query/date_to", "end_before_start", "the last day is before the first")
    return Days(date_from, date_to)


DaysDep = Annotated[Days, Depends(days)]


def containing(words: str | None) -> str | None:
    """Return the pattern of a text that contains these words, for ILIKE."""
    return None if words is None else f"%{literal(words)}%"


def literal(words: str) -> str:
    """Return words so that a pattern takes them as they are."""
    return words.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def any_of(values: Sequence[T] | None) -> list[T] | None:
    """Return a repeated parameter's values; none given restricts nothing."""
    return list(values) if values else None
