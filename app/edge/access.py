"""What a route declares, once: who may call it, whether its POST is replayable, what it may answer, what is audited."""

from dataclasses import dataclass
from typing import Literal

from app.errors import AppError

Proof = Literal["person", "role"]
BodyKind = Literal["json", "form", "csv", "json_or_csv", "document"]
ORDINARY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Access:
    """The declaration of one route.

    `permission` is `noun:read|write` of the one vocabulary in permissions.py, or `public` / `person` / `session`.
    `idempotent` demands an Idempotency-Key (not with `?dry_run=true` where the route `rehearses`: that moves nothing);
    `stores_answer` is False where an answer shows a secret once. `audit` (`booking.confirm`) writes an audit entry
    about the last object that the path names, or the one that the endpoint says. `step_up` asks for a fresh proof of
    who holds the session: of the `person`, or in a `role`, which then needs a second factor whatever the role is.
    `fresh_seconds` lets whoever called without a token keep the answer so long (0: if it still holds, asked each time).
    `made_in` is the list in which a created object can be found, where that is not the path of its creation.
    """

    permission: str
    idempotent: bool = False
    rehearses: bool = False
    stores_answer: bool = True
    body: BodyKind = "json"
    max_bytes: int = ORDINARY_BYTES
    errors: tuple[type[AppError], ...] = ()
    audit: str | None = None
    step_up: Proof | None = None
    fresh_seconds: int | None = None
    made_in: str | None = None
