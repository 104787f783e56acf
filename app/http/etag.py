"""Optimistic concurrency: the ETag is the object's integer version, PATCH demands If-Match (RFC 9110, RFC 6585)."""

import hashlib
import re
from typing import Annotated

from fastapi import Depends, Header
from starlette.requests import Request
from starlette.responses import Response

from app.errors import AppError, PreconditionFailed, PreconditionRequired

_VERSION = re.compile(r'"(0|[1-9][0-9]{0,17})"')
_ANOTHER = re.compile(r'"[\x21\x23-\x7e]{0,100}[A-Za-z][\x21\x23-\x7e]{0,100}"')


class MalformedPrecondition(AppError, status=400, code="malformed_precondition"):
    """`If-Match` takes one strong ETag as this API gave it."""


IF_MATCH: dict[str, object] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version you saw: a change made meanwhile by somebody else is not overwritten.",
    "schema": {"type": "string", "pattern": _VERSION.pattern},
    "example": '"1"',
}
"""As the document names it; absent it is 428, which the framework's own check would not say."""


async def expected_version(if_match: Annotated[str | None, Header(include_in_schema=False)] = None) -> int:
    """Read `If-Match`: the version that a change was made from."""
    if if_match is None:
        raise PreconditionRequired
    match = _VERSION.fullmatch(if_match.strip())
    if match is None and _ANOTHER.fullmatch(if_match.strip()):
        raise PreconditionFailed  # a whole tag, but never of a version here
    if match is None:
        raise MalformedPrecondition
    return int(match[1])


async def place_expected(request: Request, version: Annotated[int, Depends(expected_version)]) -> None:
    """Tell the endpoint of a change which version its client saw."""
    request.state.place.expected = version


def set_etag(response: Response, version: int) -> None:
    response.headers["ETag"] = f'"{version}"'


def set_content_etag(response: Response) -> None:
    """Tag what has no version with the hash of its content, where the endpoint set no tag."""
    if "etag" not in response.headers:
        response.headers["ETag"] = f'"sha256-{hashlib.sha256(response.body).hexdigest()[:32]}"'
