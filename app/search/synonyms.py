"""Other wordings of a search: Italian spelling variants and everyday names, from `data/synonyms.toml`."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

MAX_VARIANTS = 12
_FILE = Path(__file__).parent / "data" / "synonyms.toml"


def plain(text: str) -> str:
    """Lower case, no accents, every other sign a space."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    kept = (character for character in decomposed if not unicodedata.combining(character))
    return " ".join("".join(character if character.isalnum() else " " for character in kept).split())


def _load() -> tuple[tuple[str, ...], ...]:
    rows = tomllib.loads(_FILE.read_text(encoding="utf-8"))["synonym"]
    return tuple(tuple(row["phrases"]) for row in rows)


GROUPS = _load()


def has_operators(query: str) -> bool:
    """Whether the query uses quotes, `-word` or `or`."""
    words = query.casefold().split()
    return '"' in query or "or" in words or any(word.startswith("-") for word in words)


def variants(query: str, groups: Iterable[tuple[str, ...]] = GROUPS) -> list[str]:
    """Return the query and its other wordings; one with operators is taken as it is."""
    if has_operators(query):
        return [query]
    padded = f" {plain(query)} "
    found = [query]
    for group in groups:
        said = max((phrase for phrase in group if f" {phrase} " in padded), key=len, default=None)
        if said is None:
            continue
        found += [padded.replace(f" {said} ", f" {other} ").strip() for other in group if other != said]
    return found[:MAX_VARIANTS]


def any_of(wordings: Sequence[str]) -> str:
    """Return one web search for any of the wordings; a sign after the last word would hide the `or` that follows."""
    first, *others = wordings
    return " or ".join([re.sub(r"[\W_]+$", "", first), *others]) if others else first
