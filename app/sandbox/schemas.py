"""What the sandbox's routes take and give."""

from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from app.clock import Instant
from app.http.schemas import In, Out, example
from app.ids import MailId

LONGEST_ADVANCE_SECONDS = 3_200_000_000
"""A hundred years; the last year the clock may show is checked when it is moved."""


class Clock(Out):
    now: Instant
    """Business time (UTC)."""


class ClockMove(In):
    """Where business time goes: exactly one of the two."""

    model_config = example(advance_seconds=3600)

    now: Instant | None = None
    """The new business time, later than now; null where `advance_seconds` is given."""
    advance_seconds: Annotated[int, Field(ge=1, le=LONGEST_ADVANCE_SECONDS)] | None = None
    """How many seconds forward; null where `now` is given."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.now is None) == (self.advance_seconds is None):
            raise PydanticCustomError("exactly_one", "give either now or advance_seconds")
        return self


class JobsRan(Out):
    ran: dict[str, int] = Field(examples=[{"bookings.expire": 2, "mail.send": 3}])
    """How much each sweep handled, and how many jobs of each name ended."""


class Mail(Out):
    id: MailId
    to: str
    """The recipient's address."""
    subject: str
    """The subject line."""
    text: str
    """The text."""
    sent_at: Instant | None
    """When it left; null while it waits."""
