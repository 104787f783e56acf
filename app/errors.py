"""Errors that clients act on: one class per stable code, its docstring is the public message.

`raise InsufficientCredit(available_cents=17000)` becomes problem+json with that extra member (RFC 9457).
`constraints` names database constraints whose violation means this error; an error that `commits` keeps what was
written before it was raised (counting a failed login).
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal


class AppError(Exception):
    """The request was refused."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"
    constraints: ClassVar[tuple[str, ...]] = ()
    commits: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, status: int, code: str, constraints: tuple[str, ...] = (), commits: bool = False
    ) -> None:
        super().__init_subclass__()
        cls.status = status
        cls.code = code
        cls.constraints = constraints
        cls.commits = commits

    def __init__(self, detail: str | None = None, **members: object) -> None:
        super().__init__(self.code)
        self.detail = detail or self.message()
        self.members = members

    @classmethod
    def message(cls) -> str:
        return " ".join((cls.__doc__ or "").split())


class NotFound(AppError, status=404, code="not_found"):
    """There is no such thing, or it belongs to somebody else."""


class Unauthorised(AppError, status=401, code="unauthorised"):
    """Send a valid session token or API key as `Authorization: Bearer`."""


class Forbidden(AppError, status=403, code="forbidden"):
    """Your role in this organisation does not allow this."""


class SecondFactorMissing(AppError, status=403, code="second_factor_missing"):
    """Set up the second factor first (`POST /v1/me/totp`), or give a code of it here (`POST /v1/auth/step_up`)."""


class StepUpRequired(AppError, status=403, code="step_up_required"):
    """Prove again who you are with `POST /v1/auth/step_up`; `needs` says by what: `proof` is password or code."""

    def __init__(self, needs: Literal["proof"] = "proof") -> None:
        super().__init__(needs=needs)


class StateConflict(AppError, status=409, code="state_conflict"):
    """The object is in a state that does not allow this; `state` names it."""

    def __init__(self, state: str, detail: str | None = None) -> None:
        super().__init__(detail, state=state)


class AlreadyResolved(AppError, status=409, code="already_resolved"):
    """This was decided before; `state` names the outcome."""

    def __init__(self, state: str) -> None:
        super().__init__(state=state)


class Conflict(AppError, status=409, code="conflict"):
    """This contradicts something that exists already."""


class PreconditionRequired(AppError, status=428, code="precondition_required"):
    """Send `If-Match` with the ETag of the version you saw."""


class PreconditionFailed(AppError, status=412, code="precondition_failed"):
    """The object was changed since you saw it: read it again."""


class RateLimited(AppError, status=429, code="rate_limited"):
    """Too many requests: wait as long as `Retry-After` says."""


class InternalError(AppError, status=500, code="internal_error"):
    """Something broke on our side; nothing was changed. Quote `request_id` when you report it."""


class Busy(AppError, status=503, code="busy"):
    """The service is overloaded or restarting: try again, with the same key."""


class Invalid(AppError, status=422, code="invalid"):
    """One or more values are not acceptable; `errors` lists where."""

    def __init__(self, pointer: str, code: str, detail: str, *more: tuple[str, str, str]) -> None:
        super().__init__(None, errors=field_errors([(pointer, code, detail), *more]))


def field_errors(rows: Sequence[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"pointer": pointer, "code": code, "detail": detail} for pointer, code, detail in rows]


def error_classes(root: type[AppError] = AppError) -> Iterator[type[AppError]]:
    """Yield every error class: the list of public codes."""
    for child in root.__subclasses__():
        yield child
        yield from error_classes(child)
