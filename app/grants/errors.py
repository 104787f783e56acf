"""What grants refuse; the docstring is the public message."""

from app.errors import AppError


class ApproverIsMaker(
    AppError,
    status=403,
    code="approver_is_maker",
    constraints=("credit_grant_approver_is_not_maker", "grant_revocation_approver_is_not_asker"),
):
    """Another person than the one who drafted a grant, or asked for its revocation, approves it."""


class AmountsIdentify(AppError, status=422, code="amounts_identify", constraints=("credit_grant_amounts_identify",)):
    """Credit that may return to the company goes to at least 10 people per amount, at least 20.00 euro each.

    Both are settings (`least_people`, `least_line_cents`). Smaller groups use a programme whose expired credit goes to
    the solidarity fund or is carried over.
    """


class AgreementGivenAlready(
    AppError, status=409, code="agreement_given_already", constraints=("credit_grant_agreement_once",)
):
    """Somebody in this grant has the agreement's credit of that year from another one."""


class ProgrammeInUse(
    AppError, status=409, code="programme_in_use", constraints=("programme_fixed", "credit_source_fixed")
):
    """A programme that grants use keeps its rules; its name may change, and its last day move later."""


class ProgrammeEnded(AppError, status=409, code="programme_ended"):
    """The programme's credit has expired: no grant can become active any more."""


class ProgrammeArchived(
    AppError, status=409, code="programme_archived", constraints=("credit_grant_of_open_programme",)
):
    """The programme was put away: it takes no new grants. Bring it back first."""


class ConfirmerIsFirst(AppError, status=403, code="approver_is_maker", constraints=("top_up_second_is_another",)):
    """Another person than the first confirms a top-up of this size."""


class AmountDiffers(AppError, status=409, code="amount_differs"):
    """Not the announced sum arrived, `amount_cents`: return this top-up and let the company announce it anew."""
