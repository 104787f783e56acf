"""Refusals of the feed."""

from app.errors import AppError


class EventForgotten(AppError, status=410, code="event_forgotten"):
    """No event of your feed has this id, or it is older than 30 days: read the objects, then the whole feed."""
