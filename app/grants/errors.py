"""What grants refuse; the docstring is the public message."""

from app.errors import AppError


class ApproverIsMaker(
    AppError, status=403, code="approver_is_maker", constraints=("credit_grant_approver_is_not_maker",)
):
    """Another person than the one who drafted a grant approves it."""


class ProgrammeInUse(AppError, status=409, code="programme_in_use", constraints=("programme_fixed",)):
    """A programme that grants use keeps its rules; its name may change."""


class ProgrammeEnded(AppError, status=409, code="programme_ended"):
    """The programme's credit has expired: no grant can become active any more."""
