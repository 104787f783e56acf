"""Time: `now()` is business time, `real()` the machine's; days end at midnight Europe/Rome.

Business time is real time plus an offset which lives in one database row (movable in the sandbox only); whoever opens
a unit of work reads that row and sets it here, so that API and worker agree. Only Python converts between instants
and local days.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

ROME = ZoneInfo("Europe/Rome")
FIRST_YEAR, LAST_YEAR = 1900, 2199
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    _DAY.pattern + r"T([01][0-9]|2[0-3]):[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
"""Narrower than Python reads: no week dates, no basic format, no 24:00."""
_offset: ContextVar[timedelta] = ContextVar("clock_offset", default=timedelta(0))
_stopped_at: ContextVar[datetime | None] = ContextVar("clock_stopped_at", default=None)


def real() -> datetime:
    """Return the machine's time in UTC: for sessions, tokens, rate limits, retention of keys."""
    return datetime.now(UTC)


def now() -> datetime:
    """Return business time in UTC."""
    return _stopped_at.get() or real() + _offset.get()


def today() -> date:
    return day_of(now())


def day_of(instant: datetime) -> date:
    """Return the Rome day of an instant."""
    return instant.astimezone(ROME).date()


def midnight(day: date) -> datetime:
    """Return the instant at which a Rome day begins (Rome never changes its clock at midnight)."""
    return datetime.combine(day, time(), ROME).astimezone(UTC)


def end_of(day: date) -> datetime:
    """Return the instant at which a Rome day is over."""
    return midnight(day + timedelta(days=1))


def set_offset(offset: timedelta) -> None:
    """Let the current task see business time at this distance from real time."""
    _offset.set(offset)


@contextmanager
def moved(offset: timedelta) -> Iterator[None]:
    """See business time at another distance from real time inside the block."""
    token = _offset.set(offset)
    try:
        yield
    finally:
        _offset.reset(token)


@contextmanager
def at(instant: datetime) -> Iterator[None]:
    """See business time start at an instant inside the block."""
    with moved(instant - real()):
        yield


@contextmanager
def stopped_at(instant: datetime) -> Iterator[None]:
    """See business time stand still at an instant inside the block, whatever the offset: for the demo's history."""
    token = _stopped_at.set(instant.astimezone(UTC))
    try:
        yield
    finally:
        _stopped_at.reset(token)


def _parse_instant(value: object) -> datetime:
    if isinstance(value, datetime):
        parsed = value
    elif isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("instant", "not an RFC 3339 instant") from None
    else:
        raise PydanticCustomError("instant", "not an RFC 3339 instant")
    if parsed.tzinfo is None or parsed.utcoffset() is None:
        raise PydanticCustomError("instant_naive", "an instant needs an explicit offset")
    if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
        raise PydanticCustomError("instant_range", "the year is out of range")
    return parsed.astimezone(UTC)


def _parse_day(value: object) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            parsed = date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "not an ISO date") from None
        if not FIRST_YEAR <= parsed.year <= LAST_YEAR:
            raise PydanticCustomError("day_range", "the year is out of range")
        return parsed
    raise PydanticCustomError("day", "not an ISO date")


def rfc3339(instant: datetime) -> str:
    """Format an instant as RFC 3339 with `Z`, whole seconds when it has no fraction."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    datetime,
    BeforeValidator(_parse_instant),
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-12-01T08:00:00Z"]}),
]
Day = Annotated[
    date,
    BeforeValidator(_parse_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-12-01"]}),
]
