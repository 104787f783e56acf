"""Forms: what was typed becomes the API's own input schema; its errors find their way back to the fields."""

import re
from dataclasses import dataclass, field
from typing import TypeVar, cast
from urllib.parse import parse_qsl, urlencode

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, ImmutableMultiDict, UploadFile
from starlette.requests import Request
from starlette.types import Message

from app.errors import AppError, Invalid
from app.files.csv import CellError, parse_euro

KEY = "key"
KEY_MAX = 64
KEPT = "kept"
KEPT_MAX = 16 * 1024
"""So much of a form goes along through a login: it is encoded twice, and stays below what a form may be."""
VERSION_DIGITS = 9
OWN_PATH = re.compile(r"/[A-Za-z0-9_/.-]*")
MAX_SHOWN_ERRORS = 50
T = TypeVar("T", bound=BaseModel)
Nested = dict[str, object]
Typed = ImmutableMultiDict[str, UploadFile | str] | ImmutableMultiDict[str, str]
"""A form, or what a search form leaves in the address."""


@dataclass(frozen=True)
class Refused:
    """Why a form came back (None: something else came between), and what had been typed."""

    error: AppError | None
    values: dict[str, list[str]] = field(default_factory=dict)

    @property
    def code(self) -> str:
        return "" if self.error is None else self.error.code

    @property
    def fields(self) -> dict[str, tuple[str, str]]:
        """Return code and detail of the first error of each pointer, `""` for the whole."""
        if self.error is None:
            return {}
        rows = cast("list[dict[str, str]]", self.error.members.get("errors", []))
        found: dict[str, tuple[str, str]] = {}
        for row in rows:
            found.setdefault(row["pointer"], (row["code"], row["detail"]))
        return found


async def typed(request: Request) -> dict[str, list[str]]:
    """Return the texts of a form, never its secrets nor its key."""
    form = await request.form()
    return {
        name: [str(value) for value in form.getlist(name) if isinstance(value, str)]
        for name in form
        if _is_shown_again(name)
    }


def _is_shown_again(name: str) -> bool:
    return name != KEY and "password" not in name


def kept(raw: bytes) -> str:
    """Return what was typed as one text that goes along through a login and comes back; too much of it is left out."""
    try:
        rows = parse_qsl(raw.decode())
    except UnicodeDecodeError:
        return ""
    whole = urlencode([(name, value) for name, value in rows if _is_shown_again(name)])
    return whole if len(whole) <= KEPT_MAX else ""


def unkept(whole: str) -> dict[str, list[str]]:
    """Return what was typed, from the text that went along."""
    values: dict[str, list[str]] = {}
    for name, value in parse_qsl(whole):
        values.setdefault(name, []).append(value)
    return values


def parse(schema: type[T], form: Typed, **known: object) -> T:
    """Validate a form; names are `field`, `object.field` and `list[]`; what was left empty is absent."""
    try:
        return schema.model_validate({**nested(form), **known}, strict=False)
    except ValidationError as error:
        rows = [("/" + "/".join(map(str, one["loc"])), str(one["type"]), str(one["msg"])) for one in error.errors()]
        raise Invalid(*rows[0], *rows[1:MAX_SHOWN_ERRORS]) from None


def only(form: Typed, *names: str) -> FormData:
    """Return some of a form's fields: the others are for somebody else."""
    return FormData([(name, value) for name, value in form.multi_items() if name in names])


def cleared(form: FormData, *names: str) -> dict[str, None]:
    """Return what a form about something that is there was sent without: its fields are to be cleared."""
    return {name: None for name in names if name in form and not str(form[name]).strip()}


def carrying(request: Request, raw: bytes) -> Request:
    """Return the request as if it had brought a file as it is: for an endpoint that reads one."""

    async def receive() -> Message:
        return {"type": "http.request", "body": raw, "more_body": False}

    return Request(request.scope, receive)


def nested(form: Typed) -> Nested:
    """Return the form as the nested value that a schema reads."""
    whole: Nested = {}
    for name, value in form.multi_items():
        if name == KEY or not isinstance(value, str) or not value.strip():
            continue
        *path, last = name.removesuffix("[]").split(".")
        inner = whole
        for part in path:
            inner = cast("Nested", inner.setdefault(part, {}))
        if name.endswith("[]"):
            cast("list[str]", inner.setdefault(last, [])).append(value)
        else:
            inner[last] = value.strip()
    return whole


def version(form: Typed) -> int:
    """Return the version that a form's page showed; 0, which nothing has, where it is none."""
    given = str(form.get("version", ""))
    return int(given) if given.isdecimal() and len(given) <= VERSION_DIGITS else 0


def wanted(form: Typed, name: str) -> int:
    """Read an amount in euro that has to be there, and to be one."""
    found = cents(form, name)
    if not found:
        raise Invalid(f"/{name}", "missing" if found is None else "amount", "write an amount in euro, such as 250,00")
    return found


def cents(form: Typed, name: str) -> int | None:
    """Read an amount in euro as Italians type it (`250`, `250,00`, `1.250,00`); None where it was left empty."""
    text = str(form.get(name, "")).strip().removeprefix("€").removesuffix("€").strip()
    if not text:
        return None
    try:
        return parse_euro(text)
    except CellError as error:
        raise Invalid(f"/{name}", error.code, error.detail) from None
