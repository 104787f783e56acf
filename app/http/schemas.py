"""Bases of every schema, and what all answers share."""

from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError


class In(BaseModel):
    """What a client sends: strict types, unknown fields refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Out(BaseModel):
    """What one audience sees: fields listed, always present."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, json_schema_serialization_defaults_required=True)


T = TypeVar("T")


class Page(Out, Generic[T]):
    """One page of a list; follow `next_cursor` until it is null."""

    data: list[T]
    next_cursor: str | None = None


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


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_single_line)]
Code = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_single_line)]
Prose = Annotated[str, Field(max_length=4000), AfterValidator(_no_controls)]
Metadata = Annotated[
    dict[Code, Annotated[str, Field(max_length=500), AfterValidator(_no_controls)]], Field(max_length=50)
]
