"""Refusals of identity. Those that commit keep the count of the failed try."""

from app.errors import AppError


class InvalidCredentials(AppError, status=401, code="invalid_credentials", commits=True):
    """E-mail or password is wrong."""


class SecondFactorRequired(AppError, status=401, code="second_factor_required"):
    """This login asks for a code besides the password: send it as `otp`."""


class SecondFactorWrong(AppError, status=401, code="second_factor_wrong", commits=True):
    """The code is wrong, expired or used already: wait for the next one, or use a recovery code."""


class WrongPassword(AppError, status=403, code="wrong_password", commits=True):
    """The current password is wrong."""


class TokenInvalid(AppError, status=404, code="token_invalid"):
    """This link is unknown, used or expired: ask for a new one."""


class ActivationCodeWrong(AppError, status=403, code="activation_code_wrong", commits=True):
    """The activation code of the letter is missing or wrong."""


class ActivationBlocked(AppError, status=403, code="activation_blocked"):
    """Too many wrong activation codes: ask the help desk of the platform. A new invitation does not help."""


class EmailTaken(AppError, status=409, code="email_taken", constraints=("user_account_email_key",), commits=True):
    """This e-mail address cannot be used."""


class TwoSides(AppError, status=409, code="two_sides", constraints=("role_grant_hr_apart_from_care",)):
    """Who acts for an employer works with care or for the operator nowhere: use another login for one of the two."""


class TooManyLiveKeys(AppError, status=409, code="too_many_live_keys", constraints=("api_key_two_live_key",)):
    """Two keys of this name are live: revoke one first, or choose another name."""


class ReasonNeeded(AppError, status=409, code="reason_needed", constraints=("role_grant_two_people",)):
    """One login would have roles meant for two people: give a `reason`, which every administrator is told.

    Where HR is payroll too, the staff may read it.
    """
