"""Refusals of the catalogue."""

from app.errors import AppError


class PriceOverlap(AppError, status=409, code="price_overlap", constraints=("price_one_per_day",)):
    """Another price is valid on some of these days; only an open-ended price gives way to a later open-ended one."""
