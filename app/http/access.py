from collections.abc import Callable, Sequence
from typing import TypeVar

from app.edge.access import Access, BodyKind
from app.errors import AppError

F = TypeVar("F", bound=Callable[..., object])


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
