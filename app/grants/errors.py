"""What grants refuse; the docstring is the public message."""

from app.errors import AppError


class ApproverIsMaker(
    AppError, status=403, code="approver_is_maker", constraints=("credit_grant_approver_is_not_maker",)
):
    """Another person than the one who drafted a grant approves it."""


class ProgrammeInUse(
    AppError, status=409, code="programme_in_use", constraints=("programme_fixed", "credit_source_fixed")
):
    """A programme that grants use keeps its rules; its name may change."""


class ProgrammeEnded(AppError, status=409, code="programme_ended"):
    """The programme's credit has expired: no grant can become active any more."""


class ConfirmerIsFirst(AppError, status=403, code="approver_is_maker", constraints=("top_up_second_is_another",)):
    """Another person than the first confirms a top-up of this size."""


class AmountDiffers(AppError, status=409, code="amount_differs"):
    """Not the announced sum arrived, `amount_cents`: return this top-up and let the company announce it anew."""
