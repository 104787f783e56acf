"""Refusals of networks and alliances."""

from app.errors import AppError


class NameTaken(AppError, status=409, code="name_taken", constraints=("network_name_key", "alliance_name_key")):
    """This name is in use already."""


class AlreadyMember(AppError, status=409, code="already_member", constraints=("alliance_membership_live_key",)):
    """The organisation has this role in the alliance already."""
