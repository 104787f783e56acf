"""Refusals of the rules."""

from app.errors import AppError


class RulesNotSigned(AppError, status=409, code="rules_not_signed"):
    """No adviser has signed the rows of law off that decide here (`rows`): credit cannot pay until one has."""
