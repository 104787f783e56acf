"""Refusals of networks and alliances."""

from app.errors import AppError


class NameTaken(AppError, status=409, code="name_taken", constraints=("network_name_key", "alliance_name_key")):
    """This name is in use already."""


class VoucherIsInviter(
    AppError,
    status=403,
    code="approver_is_maker",
    constraints=("role_grant_vouched_by_another", "role_grant_voucher_is_apart"),
):
    """Somebody of finance vouches who neither brought this person in nor has her own role from who did."""


class SettingOutOfBounds(AppError, status=422, code="setting_out_of_bounds", constraints=("setting_value_in_bounds",)):
    """The value is below `least` or above `most` of this setting: `GET /v1/operator/settings` shows both."""


class SettingLevelNotAllowed(
    AppError, status=422, code="setting_level_not_allowed", constraints=("setting_value_level_allowed",)
):
    """This setting cannot be set at this level: `levels` of `GET /v1/operator/settings` shows at which it can."""


class SettingConfirmerIsSetter(
    AppError, status=403, code="approver_is_maker", constraints=("setting_value_confirmed_by_another",)
):
    """Another person than the one who set it confirms a value that weakens a setting."""


class AlreadyMember(AppError, status=409, code="already_member", constraints=("alliance_membership_live_key",)):
    """The organisation has this role in the alliance already."""
