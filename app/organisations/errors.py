"""Refusals of organisations."""

from app.errors import AppError


class TaxCodeTaken(AppError, status=409, code="tax_code_taken", constraints=("organisation_tax_code_key",)):
    """An organisation with this tax code exists already."""


class IbanOnHold(AppError, status=409, code="iban_on_hold", constraints=("bank_account_one_pending_key",)):
    """Another bank account of this organisation waits to be approved or to come into force."""


class AccountApproverIsMaker(
    AppError,
    status=403,
    code="approver_is_maker",
    constraints=(
        "bank_account_approver_is_not_requester",
        "bank_account_approver_is_not_creator",
        "bank_account_approver_is_apart",
    ),
):
    """Whoever asked for a bank account, brought in who asked, or entered or works for its holder cannot approve it."""


class LastAdministrator(AppError, status=409, code="last_administrator"):
    """You are the last one who keeps this organisation's members: appoint another administrator first."""
