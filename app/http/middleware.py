"""Around every request: id, rate limit, headers, one log line without personal data, metrics, last resort."""

import re
import time
from collections.abc import Callable, Sequence
from uuid import uuid4

import structlog
from prometheus_client import Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import sealing
from app.edge.request import spoken
from app.errors import AppError, NotFound, RateLimited
from app.http import problems
from app.http.cors import Cors
from app.http.limiter import Limiter
from app.logs import METHODS

log = structlog.get_logger()
REQUESTS = Counter("beatrice_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram("beatrice_request_seconds", "Time to answer", ["method", "route"])
CLIENTS_ID_HEX = 16
MAX_URL = 8_000
SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""On every answer that does not say its own: a page of ours may load and post to this host only, nothing inline."""
UNLIMITED = frozenset({"/livez", "/readyz"})
"""Probes, which cost nothing: one looks at nothing, the other at most once a second."""


Respond = Callable[[Request, AppError], Response]


def problem(request: Request, error: AppError) -> Response:
    """Answer a refusal to a program."""
    language = spoken(request.headers.get("accept-language")) or "it"
    return problems.response(error, request.scope["request_id"], language)


class Edge:
    """The outermost ASGI layer; `respond` draws what it refuses, and what the application died of."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        sandbox: bool,
        requests_per_minute: int,
        origins: Sequence[str] = (),
        public: Sequence[re.Pattern[str]] = (),
        respond: Respond = problem,
    ) -> None:
        self.app = app
        self.respond = respond
        self.cors = Cors(self._answer, origins, public)
        self.sandbox = sandbox
        self.limiter = Limiter(requests_per_minute)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        method = scope["method"]
        if method == "HEAD":  # answered as GET; who reads from the wire leaves the body out, and so does _Outgoing
            scope = {**scope, "method": "GET"}
        request_id = str(uuid4())  # random: an id in order of time would tell how many others there were
        scope["request_id"] = request_id
        started = time.perf_counter()
        outgoing = _Outgoing(send, self._headers(request_id, scope), bodiless=method == "HEAD")
        scope["refusal"] = refusal = self._refusal(scope, outgoing)
        try:
            await self.cors(scope, receive, outgoing)
        finally:
            if refusal is None:
                self.limiter.learn(scope, outgoing.status)
            given = Headers(scope=scope).get("x-request-id")
            _record(scope, method, outgoing.status, time.perf_counter() - started, given)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the application answer what is not refused here; turn what escapes it into a problem."""
        error: AppError | None = scope["refusal"]
        if error is None:
            error = await self._ask(scope, receive, send)
        if error is not None:
            await self.respond(Request(scope), error)(scope, receive, send)

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> AppError | None:
        """Let the application answer; return what it died of before it began to."""
        begun = _Begun(send)
        try:
            await self.app(scope, receive, begun)
        except Exception as failure:
            if begun.begun:
                raise
            return problems.translate(failure)
        return None

    def _headers(self, request_id: str, scope: Scope) -> dict[str, str]:
        headers = {**SECURITY_HEADERS, "X-Request-Id": request_id}
        if self.sandbox:
            headers["X-Beatrice-Mode"] = "sandbox"
        if scope["path"].startswith("/docs"):
            headers["Cache-Control"] = "max-age=3600"
        return headers

    def _refusal(self, scope: Scope, outgoing: "_Outgoing") -> AppError | None:
        if len(scope.get("raw_path", b"")) + len(scope.get("query_string", b"")) > MAX_URL:
            return problems.UrlTooLong()
        if any(not character.isprintable() for character in scope["path"]):
            return NotFound()
        if scope["path"] not in UNLIMITED:
            left, wait = self.limiter.take(scope, time.monotonic())
            limit = self.limiter.buckets.per_minute
            outgoing.extra |= {"RateLimit-Limit": str(limit), "RateLimit-Remaining": str(max(left, 0))}
            outgoing.extra["RateLimit-Reset"] = str(wait)
            if left < 0:
                return RateLimited(retry_after=wait)
        return None


class _Outgoing:
    """Adds headers to the first message and remembers the status."""

    def __init__(self, send: Send, extra: dict[str, str], *, bodiless: bool) -> None:
        self.send = send
        self.extra = extra
        self.bodiless = bodiless
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self.extra.items():
                headers.setdefault(name, value)
        elif self.bodiless:
            message = {**message, "body": b""}
        await self.send(message)


class _Begun:
    """Knows whether an answer has begun."""

    def __init__(self, send: Send) -> None:
        self.send = send
        self.begun = False

    async def __call__(self, message: Message) -> None:
        self.begun = True
        await self.send(message)


def clients_id(given: str | None) -> str | None:
    """Return how a log names the client's X-Request-Id: hashed, for it may hold anything."""
    return None if given is None else sealing.keyed_hash("request id", given.encode()).hex()[:CLIENTS_ID_HEX]


def _record(scope: Scope, method: str, status: int | None, seconds: float, given: str | None) -> None:
    template = getattr(scope.get("route"), "path", "unmatched")
    method = method if method in METHODS else "other"
    REQUESTS.labels(method, template, str(status)).inc()
    SECONDS.labels(method, template).observe(seconds)
    log.info(
        "request",
        method=method,
        route=template,
        status=status,
        milliseconds=round(seconds * 1000, 1),
        actor_kind=scope.get("actor_kind", "unknown"),
        request_id=scope["request_id"],
        **_named(scope, given),
    )


def _named(scope: Scope, given: str | None) -> dict[str, str]:
    """Return the ids by which a line is found: who called, as the person or the key, and the client's own."""
    kind, actor = scope.get("actor_kind"), scope.get("actor_id")
    found = {"client_request": clients_id(given)}
    found["key_id" if kind == "api_key" else "principal_id"] = None if actor is None else str(actor)
    return {name: value for name, value in found.items() if value is not None}
