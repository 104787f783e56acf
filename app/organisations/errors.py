"""Refusals of organisations."""

from app.errors import AppError


class TaxCodeTaken(AppError, status=409, code="tax_code_taken", constraints=("organisation_tax_code_key",)):
    """An organisation with this tax code exists already."""


class LastAdministrator(AppError, status=409, code="last_administrator"):
    """You are the last one who keeps this organisation's members: appoint another administrator first."""
