"""Refusals of beneficiaries."""

from app.errors import AppError


class SelfExists(AppError, status=409, code="self_exists", constraints=("beneficiary_self_key",)):
    """The person is a beneficiary already."""
