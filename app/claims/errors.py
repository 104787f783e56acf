"""What claims refuse."""

from app.errors import AppError


class NotReimbursable(AppError, status=409, code="not_reimbursable"):
    """This cannot be reimbursed: `reason` says why, `citation` by which law, `alternatives` what else pays."""


class DocumentUsedUp(AppError, status=409, code="document_used_up", constraints=("claim_document_never_exceeded",)):
    """This document was claimed before and nothing is left of it: its total less public money is the most."""


class DocumentDiffers(AppError, status=409, code="document_differs"):
    """This document was claimed before with another total or other public money: ask the operator to look."""


class TooManyFiles(AppError, status=409, code="too_many_files"):
    """Many files were uploaded that no claim has taken: use them, or wait a day until they are gone."""


class AppealOver(AppError, status=409, code="appeal_over"):
    """A claim is appealed once, and within 30 days of the decision."""
