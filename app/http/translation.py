"""The texts of errors in Italian; English stands where the error is raised, and is what this looks up."""

import re
import tomllib
from pathlib import Path

from app.actor import Locale

CATALOGUE: dict[str, str] = tomllib.loads((Path(__file__).parent / "texts_it.toml").read_text(encoding="utf-8"))
"""English text -> Italian text; `{}` stands for a value in both."""
_TEMPLATES = [
    (re.compile("(.+)".join(re.escape(part) for part in english.split("{}"))), italian)
    for english, italian in sorted(CATALOGUE.items(), key=lambda pair: -len(pair[0]))
    if "{}" in english
]


def translated(text: str, language: Locale) -> str:
    """Return an error's text in this language; what the catalogue does not know stays English."""
    if language == "en":
        return text
    if text in CATALOGUE:
        return CATALOGUE[text]
    for english, italian in _TEMPLATES:
        if (found := english.fullmatch(text)) is not None:
            return italian.format(*found.groups())
    return text
