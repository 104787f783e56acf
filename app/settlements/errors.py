"""What settlement refuses."""

from app.errors import AppError


class RunExists(AppError, status=409, code="settlement_run_exists", constraints=("settlement_run_cutoff_on_key",)):
    """This cutoff was settled before: `settlement_run_id` names the run."""


class RunInProgress(AppError, status=409, code="settlement_run_in_progress"):
    """Another settlement run is being made: ask again when it is done."""


class ApproverIsMaker(
    AppError, status=403, code="approver_is_maker", constraints=("settlement_run_approver_is_not_maker",)
):
    """Whoever made it cannot approve it: ask another person."""


class ContentChanged(
    AppError, status=409, code="content_changed", constraints=("settlement_run_approved_is_this_content",)
):
    """The content is not the one you saw: read it again and compare `content_sha256`."""


class LedgerUnverified(AppError, status=409, code="ledger_unverified"):
    """The last verification of the ledger found differences: payouts stop until they are explained."""


class FeeApproverIsMaker(
    AppError, status=403, code="approver_is_maker", constraints=("fee_rule_approver_is_not_maker",)
):
    """Another person than the one who drafted a fee rule approves it."""


class DebtorIncomplete(AppError, status=409, code="debtor_incomplete"):
    """The operator's own IBAN or name is not fit for a payment file: correct the settings."""


class NothingToPay(AppError, status=409, code="nothing_to_pay"):
    """This run has no payments, hence no payment file."""
