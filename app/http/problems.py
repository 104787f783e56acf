"""Errors as RFC 9457 problem+json: stable codes, input never echoed, SQL never shown."""

import json
import random
from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.routing import iter_route_contexts
from psycopg import errors as pg
from pydantic_core import ErrorDetails, ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from app.actor import Locale
from app.config import settings
from app.edge.refusals import from_database
from app.edge.request import Opened, spoken
from app.errors import AppError, InternalError, Invalid, NotFound
from app.http.translation import translated
from app.sealing import Unreadable

log = structlog.get_logger()
MEDIA_TYPE = "application/problem+json"


class UrlTooLong(AppError, status=414, code="url_too_long"):
    """The URL is longer than any of ours."""


class MethodNotAllowed(AppError, status=405, code="method_not_allowed"):
    """This path does not know this method."""


def render(error: AppError, request_id: str, language: Locale) -> bytes:
    members = dict(error.members)
    errors = cast("list[dict[str, object]]", members.pop("errors", []))
    return json.dumps(
        {
            "type": f"{settings().public_url}/errors/{error.code}",
            "title": translated(HTTPStatus(error.status).phrase, language),
            "status": error.status,
            "code": error.code,
            "detail": translated(error.detail, language),
            "errors": [{**one, "detail": translated(str(one["detail"]), language)} for one in errors],
            "request_id": request_id,
            **members,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def response(error: AppError, request_id: str, language: Locale) -> Response:
    headers: dict[str, str] = {"Content-Language": language}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers["Retry-After"] = str(error.members.get("retry_after", random.randint(1, 3)))  # noqa: S311 - jitter
    return Response(render(error, request_id, language), error.status, headers, MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


def language_of(request: Request) -> Locale:
    """Return the language of a refusal: the one that was asked for, else the person's, else Italian."""
    opened: Opened | None = getattr(request.state, "opened", None)
    known = opened.locale if opened is not None else None
    return spoken(request.headers.get("accept-language")) or known or "it"


POINTER_ROOTS = {"body": "", "query": "/query", "path": "/path", "header": "/header"}


def from_validation(error: RequestValidationError) -> AppError:
    """Keep where and what, drop the input; a well-formed id of another type in the path is an absent object."""
    problems: list[tuple[str, str, str]] = []
    for item in error.errors():
        where: Sequence[object] = item["loc"]
        if where and where[0] == "path" and item["type"] == "type_id_prefix":
            return NotFound()
        root = POINTER_ROOTS.get(str(where[0]), "") if where else ""
        parts = _neutral([own_name(part) for part in where[1:]], unknown=item["type"] == "extra_forbidden")
        if root == "/query":
            parts = parts[:1]  # a parameter that may be repeated mostly is not
        problems.append((root + "".join("/" + part for part in parts), item["type"], _message(item)))
    return Invalid(*problems[0], *problems[1:50])


def _neutral(parts: list[str], *, unknown: bool) -> list[str]:
    """Name no key that the client chose: an unknown field, an entry of `metadata`."""
    if unknown and parts:
        return [*parts[:-1], "?"]
    if "metadata" in parts[:-1]:
        return [*parts[: parts.index("metadata") + 1], "?"]
    return parts


def own_name(part: object) -> str:
    """Name a parameter or field that looks like one of ours, so that a slip of the pen is found; else `?`."""
    text = str(part)
    return text if (len(text) <= 40 and text.isidentifier()) or text.isdigit() else "?"  # noqa: PLR2004 - our longest


def _message(item: ErrorDetails) -> str:
    kind = str(item["type"])
    if kind in {"type_id", "type_id_prefix", "instant", "instant_naive", "instant_range", "day", "day_range"}:
        return str(item["msg"])
    if kind == "literal_error":
        return "not one of the allowed values"
    if kind in {"value_error", "assertion_error"}:
        return str(item["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return str(item["msg"]).split(", got", maxsplit=1)[0]


def from_http(error: HTTPException) -> AppError:
    match error.status_code:
        case HTTPStatus.NOT_FOUND:
            return NotFound()
        case HTTPStatus.METHOD_NOT_ALLOWED:
            return MethodNotAllowed()
        case HTTPStatus.BAD_REQUEST:
            from app.http.body import MalformedBody

            return MalformedBody()
        case _:
            return InternalError()


async def handle(request: Request, error: Exception) -> Response:
    """Turn any exception into a problem."""
    return (
        response(translate(error), request_id_of(request), language_of(request))
        if not isinstance(error, HTTPException)
        else _http(request, error)
    )


def _http(request: Request, error: HTTPException) -> Response:
    answer = response(from_http(error), request_id_of(request), language_of(request))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(sorted(_methods(request))) or answer.headers.get("Allow", "")
        if request.method == "OPTIONS":
            return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Allow": allowed})
        answer.headers["Allow"] = allowed
    return answer


def _methods(request: Request) -> set[str]:
    """Return the methods of every route on this path: the router names those of the first one only."""
    found = {
        method
        for route in iter_route_contexts(request.app.router.routes)
        if (pattern := getattr(route, "path_regex", None)) is not None and pattern.match(request.scope["path"])
        for method in route.methods or ()
    }
    return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())


def translate(error: Exception) -> AppError:
    if isinstance(error, AppError):
        return error
    if isinstance(error, RequestValidationError):
        return from_validation(error)
    if isinstance(error, (DBAPIError, PoolTimeout, pg.Error)):
        return from_database(error)
    if isinstance(error, ValidationError) and any(item["type"] == "get_attribute_error" for item in error.errors()):
        return Unreadable()  # a schema read a sealed value of a row that did not open
    log.error("unhandled_exception", error_class=type(error).__name__, exc_info=error)
    return InternalError()


def described(codes: dict[int, list[type[AppError]]]) -> dict[int | str, dict[str, object]]:
    """Describe error answers for OpenAPI."""
    return {
        status: {
            "description": " ".join(f"`{kind.code}`: {kind.message()}" for kind in kinds),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, kinds in sorted(codes.items())
    }
