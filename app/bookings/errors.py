"""What bookings refuse."""

from app.errors import AppError


class QuoteExpired(AppError, status=409, code="quote_expired"):
    """The quote is no longer valid: ask for a new one."""


class BeneficiaryNotEligible(AppError, status=422, code="beneficiary_not_eligible"):
    """This offering is not for this beneficiary (age, territory), or the facts changed since the quote."""


class OfferingNotAvailable(AppError, status=409, code="offering_not_available"):
    """This offering cannot be booked now: withdrawn, without a price, or not open to you."""


class DisputeWindowOver(AppError, status=409, code="dispute_window_over"):
    """The unit's date is too long ago: it cannot be disputed any more."""


class UnitSettled(AppError, status=409, code="unit_settled", constraints=("unit_settled_never_changes",)):
    """The unit is part of a settlement and cannot change any more."""
