"""Bases of every schema, and what all answers share."""

from typing import Annotated, Any, Generic, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetJsonSchemaHandler
from pydantic.config import JsonValue
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError

from app.clock import Day
from app.http.words import field_texts


class Described(BaseModel):
    """A schema whose fields are described by the text under each."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core_schema)
        shown = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in field_texts(cls).items():
            field = cls.model_fields[name]
            shown[field.alias or field.serialization_alias or name]["description"] = text
        return schema


class In(Described):
    """What a client sends: strict types, unknown fields refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def example(**fields: JsonValue) -> ConfigDict:
    """Let this be the example of a schema: what works as it stands in the demo world."""
    return ConfigDict(json_schema_extra={"examples": [fields]})


class Out(Described):
    """What one audience sees: fields listed, always present."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, json_schema_serialization_defaults_required=True)


def _unique(values: list[str]) -> list[str]:
    if len(set(values)) != len(values):
        raise PydanticCustomError("duplicate", "each value may be given once")
    return values


Unique = AfterValidator(_unique)
ABSENT: Any = Field(default_factory=lambda: None)
"""Default of a PATCH field that cannot be null: absent keeps (`model_fields_set` tells), null is refused."""

VERSION = "Its version: the ETag, without quotation marks, to name in `If-Match`"

T = TypeVar("T")


class Page(Out, Generic[T]):
    """One page of a list; follow `next_cursor` until it is null."""

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Name the page of `BookingRead` `BookingPage` in the OpenAPI document."""
        return f"{params[0].__name__.removesuffix('Read')}Page"

    data: list[T]
    """The rows of this page."""
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null on the last one")
    prev_cursor: str | None = Field(None, description="`cursor` of the page before; null on the first one")
    total: int | None = Field(
        None,
        description="How many there are on all pages; 10,000 means that many or more; null unless `count=true`",
    )


class PeriodRead(Out):
    start: Day = Field(serialization_alias="from")
    """The first day."""
    end: Day | None = Field(serialization_alias="to")
    """The last day, included; null: it lasts."""


class FieldError(Out):
    """Where and what; the errors of a file also carry `row` and `field`."""

    model_config = ConfigDict(extra="allow")

    pointer: str = Field(examples=["/amount_cents"])
    """Where: a JSON Pointer into the body, or one that begins with `/query`, `/path` or `/header`."""
    code: str = Field(examples=["greater_than_equal"])
    """What is wrong with it, as a stable code."""
    detail: str
    """What is wrong, for people; it may become clearer."""


class Problem(Described):
    """RFC 9457 problem details; some codes carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    """The address of a page about this `code`."""
    title: str
    """The name of the HTTP status."""
    status: int
    """The HTTP status."""
    code: str
    """What happened, as a stable code: act on this one."""
    detail: str
    """What happened, for people; it may become clearer."""
    errors: list[FieldError]
    """Which fields are not acceptable; empty where it is not about fields."""
    request_id: str
    """The id of this request: quote it when you ask about it."""


class Status(Described):
    """RFC 9457 again, as catalogues of public APIs read it: no problem."""

    type: str
    """Always `about:blank`."""
    title: str
    """Always `OK`."""
    status: int
    """The HTTP status."""
    detail: str
    """What is so, for people."""


def _no_controls(value: str) -> str:
    if any(ord(character) < 32 and character not in "\n\t" for character in value):  # noqa: PLR2004 - C0 controls
        raise PydanticCustomError("control_character", "control characters are not allowed")
    return value


def _single_line(value: str) -> str:
    if not value.isprintable():
        raise PydanticCustomError("control_character", "control characters are not allowed")
    stripped = value.strip()
    if not stripped:
        raise PydanticCustomError("blank", "must not be blank")
    return stripped


def _email(text: str) -> str:
    try:
        checked = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False, test_environment=True)
    except EmailNotValidError:
        raise PydanticCustomError("email", "not an e-mail address") from None
    return (checked.ascii_email or checked.normalized).lower()


Email = Annotated[str, Field(min_length=3, max_length=254, examples=["anna@example.com"]), AfterValidator(_email)]
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_single_line)]
Code = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_single_line)]
Prose = Annotated[str, Field(max_length=4000), AfterValidator(_no_controls)]
Metadata = Annotated[
    dict[Code, Annotated[str, Field(max_length=500), AfterValidator(_no_controls)]], Field(max_length=50)
]
