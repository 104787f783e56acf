"""Refusals of webhooks."""

from app.errors import AppError


class TooManyEndpoints(AppError, status=409, code="too_many_endpoints", constraints=("webhook_endpoint_place_key",)):
    """An organisation has at most 16 webhook endpoints: delete one first."""
