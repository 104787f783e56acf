"""The raw-body guard: what is no clean, bounded JSON never reaches a parser that would accept it."""

import asyncio
import json
from collections.abc import Iterator
from typing import NoReturn

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from app.edge.access import Access
from app.errors import AppError, Invalid

MAX_DEPTH = 32
MAX_INTEGER_DIGITS = 25
BODY_SECONDS = 10
CONTENT_TYPES: dict[str, tuple[str, ...]] = {
    "json": ("application/json",),
    "form": ("application/x-www-form-urlencoded",),
    "csv": ("text/csv", "multipart/form-data"),
    "document": ("application/pdf", "image/jpeg", "image/png", "multipart/form-data"),
    "json_or_csv": ("application/json", "text/csv", "multipart/form-data"),
}
MERGE_PATCH = "application/merge-patch+json"
"""A PATCH of ours is one (RFC 7396): absent keeps, null clears."""
FILE_PART = "file"


class MalformedBody(AppError, status=400, code="malformed_body"):
    """The body is not readable as UTF-8 JSON of reasonable depth with unique keys and finite numbers."""


class BodyTooLarge(AppError, status=413, code="body_too_large"):
    """The body is larger than this route accepts."""


class UnsupportedMediaType(AppError, status=415, code="unsupported_media_type"):
    """Send the body uncompressed, in a content type this route accepts."""


class BodyTooSlow(AppError, status=408, code="body_too_slow"):
    """The body did not arrive in time."""


async def read_body(request: Request, access: Access, *, declared: bool, required: bool) -> bytes:
    """Read, bound and check the body; leaves it (and parsed JSON) where Starlette looks for it."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise UnsupportedMediaType
    try:
        async with asyncio.timeout(BODY_SECONDS):
            raw = await _bounded(request, access.max_bytes)
    except TimeoutError:
        raise BodyTooSlow from None
    request._body = raw  # noqa: SLF001 - Starlette's own cache of the body
    if not raw:
        if required:
            raise MalformedBody("The body is empty.")
        return raw
    kind = content_type(request)
    accepted = CONTENT_TYPES[access.body] + ((MERGE_PATCH,) if request.method == "PATCH" else ())
    if kind not in accepted:
        raise UnsupportedMediaType(f"Send one of: {', '.join(accepted)}.")
    if kind in ("application/json", MERGE_PATCH):
        parsed = parse_json(raw)
        if not declared and parsed != {}:
            raise Invalid("", "extra_forbidden", "this route takes no body")
        request._json = parsed  # noqa: SLF001 - Starlette's own cache of the parsed body
    elif kind == "application/x-www-form-urlencoded" and (b"%00" in raw or b"\x00" in raw):
        raise Invalid("", "nul_character", "NUL is not allowed in text")
    elif kind == "multipart/form-data":
        raw = request._body = await _file(request)  # noqa: SLF001 - what follows, and a replay, know the file only
    return raw


async def _file(request: Request) -> bytes:
    """Return the one file of a browser's form, the part named `file`; the boundary differs each time."""
    try:
        async with request.form(max_files=1, max_fields=0) as form:
            file = form.get(FILE_PART)
            content = await file.read() if isinstance(file, UploadFile) else None
    except HTTPException:
        content = None
    if content is None:
        raise MalformedBody("Send one file as the part named `file`.")
    if not content:
        raise MalformedBody("The body is empty.")
    return content


def content_type(request: Request) -> str:
    """Return the media type of the body; UnsupportedMediaType where its charset is none that we read."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.partition("charset=")[2].strip().strip('"').lower()
    if charset and charset not in ("utf-8", "utf8", "windows-1252", "iso-8859-1"):
        raise UnsupportedMediaType
    return kind.strip().lower()


async def _bounded(request: Request, limit: int) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise BodyTooLarge
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise BodyTooLarge
            chunks.append(chunk)
    except ClientDisconnect:
        raise MalformedBody("The connection ended inside the body.") from None
    return b"".join(chunks)


def parse_json(raw: bytes) -> object:
    """Parse strictly: UTF-8 without BOM, bounded depth and integers, unique keys, finite numbers, clean strings."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBody("The body is not UTF-8.") from None
    if text.startswith("\ufeff"):
        raise MalformedBody("A byte order mark is not allowed.")
    _check_depth(text)
    try:
        parsed = DECODER.decode(text)
    except (ValueError, RecursionError):
        raise MalformedBody from None
    for string in _strings(parsed):
        if "\x00" in string:
            raise Invalid("", "nul_character", "NUL is not allowed in text")
        if any("\ud800" <= character <= "\udfff" for character in string):
            raise Invalid("", "lone_surrogate", "text is not valid Unicode")
    return parsed


def _check_depth(text: str) -> None:
    depth = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedBody(f"The body is nested deeper than {MAX_DEPTH}.")
        elif character in "]}":
            depth -= 1


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key")
    return result


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS:
        raise ValueError("integer too long")
    return int(digits)


def _number(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("number out of range")
    return number


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, parse_float=_number, parse_constant=_constant)


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
