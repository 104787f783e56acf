"""Every text of an error stands in Italian too: messages of codes, details of fields, what pydantic says of them."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Literal

import pytest
from httpx import AsyncClient
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app import main
from app.banking.fiscal_codes import FiscalCodeError
from app.banking.iban import IbanError
from app.errors import error_classes
from app.http.problems import _message
from app.http.translation import CATALOGUE, translated

ROOT = Path(main.__file__).parent
OTHERS = {"PydanticCustomError", "CellError", "_RowProblem", "RowError"}


def shape(node: ast.expr) -> str | None:
    """Return a literal text, its values as `{}`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return None


def written() -> Iterator[tuple[str, str]]:
    """Yield the texts that the code gives to errors, with their file."""
    names = OTHERS | {kind.__name__ for kind in error_classes()}
    for file in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            given: list[ast.expr] = []
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                given = node.args
            elif isinstance(node, ast.Tuple) and len(node.elts) in (2, 3, 4) and is_code(node.elts[-2]):
                given = node.elts[-1:]
            elif isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "detail":
                given = [node.value]
            for one in given:
                text = shape(one)
                if text is not None and " " in text and text[0] not in "/{":
                    yield text, file.name


def is_code(node: ast.expr) -> bool:
    text = shape(node)
    return text is not None and text.isidentifier()


def test_every_text_of_an_error_stands_in_the_catalogue() -> None:
    texts = {kind.message() for kind in error_classes() if kind.__module__.startswith("app.")}
    texts |= {HTTPStatus(kind.status).phrase for kind in error_classes()}
    texts |= {str(one("empty")) for one in (IbanError, FiscalCodeError)}
    texts |= {text for text, _file in written()}
    assert sorted(texts - CATALOGUE.keys()) == []


def test_values_stay_in_a_translated_text() -> None:
    english = "String should have at most 64 characters"
    assert translated(english, "it") == "deve avere al massimo 64 caratteri"
    assert translated(english, "en") == english


def test_each_text_keeps_its_values() -> None:
    assert [text for text, italian in CATALOGUE.items() if text.count("{}") < italian.count("{}")] == []


class Shape(BaseModel):
    """What our schemas ask for, once each."""

    model_config = ConfigDict(strict=True, extra="forbid")

    text: str = Field(min_length=1, max_length=2, pattern="^a")
    number: int = Field(ge=1, le=3)
    flag: bool
    many: list[int] = Field(min_length=1, max_length=2)
    table: dict[str, str] = Field(max_length=1)
    word: Literal["a", "b"]


def test_what_pydantic_says_is_translated() -> None:
    wrong: list[dict[str, object]] = [
        {},
        {"text": "", "number": 0, "flag": "x", "many": [], "table": {"a": "", "b": ""}, "word": "c", "more": 1},
        {"text": "aaa", "number": 4, "flag": 1, "many": [1, 2, 3], "table": [], "word": 1},
        {"text": "b", "number": "1", "flag": True, "many": 1, "table": {"a": 1}, "word": "a"},
        {"text": 1, "number": 1.5},
    ]
    english = []
    for one in wrong:
        with pytest.raises(ValidationError) as caught:
            Shape.model_validate(one)
        english += [_message(item) for item in caught.value.errors()]
    assert len(set(english)) > 15
    assert [text for text in english if translated(text, "it") == text] == []


async def test_a_refusal_speaks_the_language_asked_for_else_the_persons_else_italian(client: AsyncClient) -> None:
    italian = await client.get("/v1/me")
    assert (italian.status_code, italian.headers["content-language"]) == (401, "it")
    assert italian.json()["title"] == "Non autenticato"
    english = await client.get("/v1/me", headers={"Accept-Language": "fr, en;q=0.5"})
    assert (english.json()["title"], english.headers["content-language"]) == ("Unauthorized", "en")
    assert english.json()["code"] == italian.json()["code"] == "unauthorised"
