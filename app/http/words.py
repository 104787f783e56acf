"""The words of the OpenAPI document: texts under the fields of schemas, and what the words of enumerations mean."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import get_args


def field_texts(schema: type) -> dict[str, str]:
    """Return the text under each field of a class and its bases.

    Read from the source when the document is made: pydantic's own way (`use_attribute_docstrings`) costs each start of
    each process two seconds.
    """
    found: dict[str, str] = {}
    for kind in reversed(schema.__mro__):
        if kind.__module__.startswith("app."):
            found |= _texts(Path(inspect.getfile(kind))).get(kind.__name__, {})
    return found


@cache
def _texts(source: Path) -> dict[str, dict[str, str]]:
    classes = (item for item in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(item, ast.ClassDef))
    return {item.name: dict(_fields(item)) for item in classes}


def _fields(item: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in pairwise(item.body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(said))):
                yield name, inspect.cleandoc(said).replace("\n", " ")


@dataclass(frozen=True)
class Words:
    """An enumeration that clients meet: its public name and what each of its words says."""

    name: str
    meanings: dict[str, str]

    def described(self) -> dict[str, object]:
        """Return the component."""
        listed = "\n".join(f"- `{word}`: {meaning}" for word, meaning in self.meanings.items())
        return {
            "title": self.name,
            "type": "string",
            "enum": list(self.meanings),
            "description": listed,
            "x-enumDescriptions": self.meanings,
        }


KNOWN: dict[tuple[str, ...], Words] = {}
"""By the words themselves: that is what a schema says of them."""


def words(name: str, literal: object, /, **meanings: str) -> None:
    """Say what the words of a `Literal` mean, each of them; beside the schemas that use it.

    A meaning that the `Literal` does not name is passed over, so that a narrower one shares the meanings of a wider.
    """
    values: tuple[str, ...] = get_args(literal)
    if silent := [value for value in values if value not in meanings]:
        raise ValueError(f"{name}: nothing says what these mean: {', '.join(silent)}")
    known = KNOWN.setdefault(values, Words(name, {value: meanings[value] for value in values}))
    if known.name != name:
        raise ValueError(f"{name} has the very words of {known.name}: use that one")
