"""Which pages of other hosts may read our answers: anybody's the public catalogue, listed origins everything."""

import re
from collections.abc import Sequence

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE")
SENT = ("Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id")
READABLE = (
    "Content-Disposition", "Content-Language", "Deprecation", "ETag", "Idempotent-Replayed", "Link", "Location",
    "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After", "Sunset", "X-Beatrice-Mode",
    "X-Request-Id",
)  # fmt: skip
"""Headers of answers that a script may read."""
REMEMBERED_SECONDS = 600


class Cors:
    """Chooses the policy by origin and path; there are no cookies, so none lets credentials through."""

    def __init__(self, app: ASGIApp, origins: Sequence[str], public: Sequence[re.Pattern[str]]) -> None:
        self.closed = app
        self.origins = frozenset(origins)
        self.public = tuple(public)
        self.listed = CORSMiddleware(
            app, list(origins), METHODS, SENT, expose_headers=READABLE, max_age=REMEMBERED_SECONDS
        )
        self.open = CORSMiddleware(
            app, ["*"], ["GET", "HEAD"], ["If-None-Match"], expose_headers=READABLE, max_age=REMEMBERED_SECONDS
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._policy(scope)(scope, receive, send)

    def _policy(self, scope: Scope) -> ASGIApp:
        origin = Headers(scope=scope).get("origin")
        if origin is None:
            return self.closed
        if origin in self.origins:
            return self.listed
        return self.open if any(pattern.match(scope["path"]) for pattern in self.public) else self.closed
