"""Who signed which row off. A signature names a row and the hash of what it said: a changed row is unsigned again."""

import json
import os
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from app.rules.rows import ROW_CONFIG, Row

RowT = TypeVar("RowT", bound=Row)
SHORT = 12
"""So many hex digits of the hash name what was read."""


class SignatureError(ValueError):
    """What was to be signed, or the file of signatures, is not what it should be."""


@dataclass(frozen=True, kw_only=True)
class Signature:
    """That somebody answers for a row, as it was on that day."""

    __pydantic_config__ = ROW_CONFIG

    row: str
    sha256: str
    by: str
    on: date

    def fits(self, row: Row) -> bool:
        """Whether the row still says what was signed."""
        return (self.row, self.sha256) == (row.id, row.sha256)


def read(path: Path) -> tuple[Signature, ...]:
    """Return the signatures of a file, oldest first; a file that is not there holds none."""
    if not path.exists():
        return ()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        return TypeAdapter(tuple[Signature, ...]).validate_python(content.get("signature", []))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise SignatureError(f"{path.name}: {error}") from error


def signed(row: RowT, signatures: Iterable[Signature]) -> RowT:
    """Return the row with its newest signature that still fits."""
    fitting = [signature for signature in signatures if signature.fits(row)]
    return replace(row, signed_off_by=fitting[-1].by, signed_off_on=fitting[-1].on) if fitting else row


def named(row: Row) -> str:
    """Return how the command wants it: the row's name and the beginning of the hash of what was read."""
    return f"{row.id}@{row.sha256[:SHORT]}"


def made(names: Sequence[str], rows: Iterable[Row], by: str, on: date) -> tuple[Signature, ...]:
    """Return the signatures of the rows named; SignatureError names what is unknown or was changed meanwhile."""
    by = " ".join(by.split())
    if not by or not by.isprintable():
        raise SignatureError("A signature needs the name of who answers for the rows.")
    known = {row.id: row for row in rows}
    wrong = [problem for name in names if (problem := _problem(name, known))]
    if wrong or not names:
        raise SignatureError("Nothing was signed.\n" + "\n".join(wrong or ["No row was named."]))
    chosen = {name.partition("@")[0]: None for name in names}
    return tuple(Signature(row=name, sha256=known[name].sha256, by=by, on=on) for name in chosen)


def _problem(name: str, known: dict[str, Row]) -> str | None:
    row_id, _, seen = name.partition("@")
    row = known.get(row_id)
    if row is None:
        return f"{name}: there is no such row"
    if len(seen) < SHORT or not row.sha256.startswith(seen):
        return f"{name}: the row says something else than what was read; it is {named(row)} now"
    return None


def append(path: Path, signatures: Iterable[Signature]) -> None:
    """Add signatures to the file, wholly or not at all."""
    kept = path.read_text(encoding="utf-8") if path.exists() else HEAD
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text(kept + "".join(map(_block, signatures)), encoding="utf-8")
    beside.replace(path)


HEAD = "# Who answers for which row: written by `beatrice rules sign-off`. A row that changed is unsigned again.\n"


def _block(signature: Signature) -> str:
    texts = {"row": signature.row, "sha256": signature.sha256, "by": signature.by}
    lines = [f"{name} = {json.dumps(text, ensure_ascii=False)}" for name, text in texts.items()]
    return "\n".join(["\n[[signature]]", *lines, f"on = {signature.on.isoformat()}\n"])
