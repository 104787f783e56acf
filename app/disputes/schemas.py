"""What goes in and out of disputes: one read schema per audience."""

from pydantic import Field

from app.bookings.models import UnitStatus
from app.bookings.schemas import UnitIds
from app.clock import Instant
from app.disputes.models import DisputeStatus, Outcome
from app.http.schemas import In, Out, Prose, example
from app.http.words import words
from app.ids import BookingId, DisputeId, OrganisationId, UnitId
from app.money import Cents


class DisputeCreate(In):
    """Which units, and why; the reason is read by the operator only."""

    unit_ids: UnitIds = Field(description="Units of this booking that were delivered, missed or cancelled at a fee")
    reason: Prose = Field(description="What happened, in the employee's words")


class DisputeRead(Out):
    """A dispute as the employee sees it."""

    id: DisputeId
    status: DisputeStatus
    """Where it stands."""
    booking_id: BookingId
    """The booking that is disputed."""
    unit_ids: list[UnitId]
    """The units that are disputed."""
    reason: str = Field(description="What the employee wrote")
    contested_cents: int = Field(description="What these units cost, or their fees: the most that can be given back")
    created_at: Instant
    """When the dispute was opened (UTC)."""
    decide_by: Instant = Field(description="When the operator should have decided")
    decided_at: Instant | None
    """When it was decided; null while it is open."""
    decision: str | None = Field(description="The operator's reason")
    refund_cents: int | None = Field(description="What was given back; null while the dispute is open")


class DisputedUnitRead(Out):
    id: UnitId
    status: UnitStatus
    """Where it stands."""
    starts_at: Instant
    """When it starts (UTC)."""
    price_cents: int
    """The price, VAT included, in cents."""
    fee_cents: int
    """The fee of a late cancellation or of not coming, in cents."""
    contested_cents: int = Field(description="What this unit costs, or its fee")
    refunded_cents: int = Field(description="What was given back of it")


class OperatorDisputeRead(Out):
    """A dispute as the operator sees it: what happened and what it costs, not who received care."""

    id: DisputeId
    status: DisputeStatus
    """Where it stands."""
    booking_id: BookingId
    """The booking that is disputed."""
    provider_id: OrganisationId
    """The provider."""
    provider_name: str
    """The provider's name."""
    offering_name: str
    """The offering's name."""
    units: list[DisputedUnitRead]
    """The units, in order."""
    reason: str = Field(description="What the employee wrote")
    contested_cents: int = Field(description="The most that can be given back")
    created_at: Instant
    """When the dispute was opened (UTC)."""
    decide_by: Instant
    """When the operator should have decided."""
    decided_at: Instant | None
    """When it was decided; null while it is open."""
    decision: str | None = Field(description="The reason of whoever decided")
    refund_cents: int | None
    """What was given back, in cents; null while the dispute is open."""


class DisputeResolve(In):
    """What is decided, and why; the employee reads the reason."""

    model_config = example(outcome="upheld", reason="La visita non c'è stata")

    outcome: Outcome
    """Who is right."""
    refund_cents: Cents | None = Field(
        default=None,
        description="For `partly_upheld`: more than nothing and less than `contested_cents`. Else it follows from the"
        " outcome and may be left out.",
    )
    reason: Prose = Field(description="Read by the employee")


DECISIONS = {
    "open": "the operator has not decided",
    "upheld": "the employee is right: all is given back",
    "partly_upheld": "a part is given back",
    "rejected": "nothing is given back",
}
words("DisputeStatus", DisputeStatus, **DECISIONS)
words("DisputeOutcome", Outcome, **DECISIONS)
