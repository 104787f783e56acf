"""Bases of every schema, and what all answers share."""

from typing import Annotated, Any, Generic, TypeVar

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.clock import Day


class In(BaseModel):
    """What a client sends: strict types, unknown fields refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Out(BaseModel):
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

    data: list[T]
    next_cursor: str | None = Field(None, description="`cursor` of the next page; null on the last one")
    prev_cursor: str | None = Field(None, description="`cursor` of the page before; null on the first one")
    total: int | None = Field(
        None,
        description="How many there are on all pages; 10,000 means that many or more; null unless `count=true`",
    )


class PeriodRead(Out):
    start: Day = Field(serialization_alias="from")
    end: Day | None = Field(serialization_alias="to")


class FieldError(Out):
    """Where and what; the errors of a file also carry `row` and `field`."""

    model_config = ConfigDict(extra="allow")

    pointer: str = Field(examples=["/amount_cents"])
    code: str = Field(examples=["greater_than_equal"])
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details; some codes carry further members."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldError]
    request_id: str


class Status(BaseModel):
    """RFC 9457 again, as catalogues of public APIs read it: no problem."""

    type: str
    title: str
    status: int
    detail: str


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
