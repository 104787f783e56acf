"""When a delivery is tried again, how long a failing endpoint rests, and when it is given up: no database, no clock."""

import random
from datetime import datetime, timedelta
from typing import Literal

DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)  # fmt: skip
"""After the first try, the second ... : ten tries in about three days."""
JITTER = 0.2
LONGEST_REST = timedelta(minutes=5)
GIVEN_UP_AFTER = timedelta(days=3)
GONE = 410
SLOW = timedelta(seconds=2)
"""An endpoint that answers later is served where it makes only its like wait."""


def next_attempt(attempts: int, at: datetime) -> datetime | None:
    """Return when to try again after so many tries; None after the last."""
    return at + _spread(DELAYS[attempts - 1]) if attempts <= len(DELAYS) else None


def rest(failures: int, retry_after: int) -> timedelta:
    """Return how long an endpoint gets nothing at all after so many failures in a row, or as long as it asks for."""
    own = _spread(min(timedelta(seconds=2 ** min(failures, 10)), LONGEST_REST))
    return max(own, timedelta(seconds=retry_after))


def reason_to_end(status: int | None, failing_since: datetime, at: datetime) -> Literal["gone", "failing"] | None:
    """Tell whether an endpoint is switched off: it said that it is gone, or nothing has succeeded for three days."""
    if status == GONE:
        return "gone"
    return "failing" if at - failing_since >= GIVEN_UP_AFTER else None


def _spread(delay: timedelta) -> timedelta:
    """Let what failed together not come back together."""
    return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
