"""What a route declares: who may call it, whether its POST is replayable, what it may answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from app.errors import AppError

BodyKind = Literal["json", "form", "csv", "json_or_csv"]
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Access:
    """The declaration of one route.

    `permission` is `noun:read|write` of the one vocabulary in permissions.py, or `public` / `person` / `session`.
    `idempotent` demands an Idempotency-Key (not with `?dry_run=true` where the route `rehearses`: that moves nothing);
    `stores_answer` is False where an answer shows a secret once.
    """

    permission: str
    idempotent: bool = False
    rehearses: bool = False
    stores_answer: bool = True
    body: BodyKind = "json"
    max_bytes: int = 64 * 1024
    errors: tuple[type[AppError], ...] = ()


def access(
    permission: str,
    *,
    idempotent: bool = False,
    rehearses: bool = False,
    stores_answer: bool = True,
    body: BodyKind = "json",
    max_bytes: int = 64 * 1024,
    errors: Sequence[type[AppError]] = (),
) -> Callable[[F], F]:
    """Declare a route's access; the route class refuses endpoints without it at start-up."""
    declared = Access(permission, idempotent, rehearses, stores_answer, body, max_bytes, tuple(errors))

    def mark(endpoint: F) -> F:
        endpoint.__access__ = declared  # type: ignore[attr-defined]
        return endpoint

    return mark
