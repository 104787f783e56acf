"""The texts of the pages: what the templates say in Italian and the catalogue in English (`make texts`)."""

import re
import sys
from collections.abc import Mapping
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

PORTAL = Path(__file__).parents[2] / "app" / "portal"
PLACEHOLDER = re.compile(r"%(?:\(\w+\))?[a-z]")
OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true"}
Text = str | tuple[str, ...]
"""One text, or singular and plural."""


def said() -> Mapping[Text, str]:
    """Return every text of the templates, with the first place where it stands."""
    found: dict[Text, str] = {}
    methods = [("**.html", "jinja2.ext:babel_extract")]
    for name, line, text, _, _ in extract_from_dir(
        PORTAL / "templates", methods, {"**.html": OPTIONS}, strip_comment_tags=True
    ):
        found.setdefault(text, f"{name}:{line}")
    return found


def catalogue() -> Catalog:
    with (PORTAL / "locale" / "en.po").open("rb") as source:
        return read_po(source, locale="en", abort_invalid=True)


def entries() -> Mapping[Text, Message]:
    """Return what the catalogue holds."""
    return {tuple(m.id) if isinstance(m.id, list | tuple) else m.id: m for m in catalogue() if m.id}


def missing() -> Mapping[Text, str]:
    """Return the texts without English, and where they stand."""
    known = entries()
    return {
        text: place
        for text, place in said().items()
        if text not in known or not known[text].string or not all(_forms(known[text].string))
    }


def unsaid() -> list[Text]:
    """Return what the catalogue still holds though no page says it."""
    return sorted(entries().keys() - said().keys(), key=str)


def mismatched() -> list[Text]:
    """Return the entries whose English names other values than the Italian; a singular may leave the number out."""
    wrong = []
    for text, entry in entries().items():
        italian = {name for form in _forms(text) for name in PLACEHOLDER.findall(form)}
        english = {name for form in _forms(entry.string) for name in PLACEHOLDER.findall(form)}
        if italian != english:
            wrong.append(text)
    return wrong


def stray() -> list[Text]:
    """Return the texts with a `%` that is no value: drawing them fails."""
    every = [form for text, entry in entries().items() for form in (*_forms(text), *_forms(entry.string))]
    return [form for form in every if "%" in PLACEHOLDER.sub("", form.replace("%%", ""))]


def _forms(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, list | tuple) else (str(text),)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    """Print what is missing as entries to fill in, and what nobody says any more."""
    lacking = missing()
    for text, place in sorted(lacking.items(), key=lambda pair: pair[1]):
        forms = _forms(text)
        say(f"\n#: {place}")
        if PLACEHOLDER.search(forms[0]):
            say("#, python-format")
        names = ("msgid", "msgid_plural") if len(forms) > 1 else ("msgid",)
        for name, form in zip(names, forms, strict=True):
            say(f'{name} "{form.replace(chr(34), chr(92) + chr(34))}"')
        say('msgstr ""' if len(forms) == 1 else 'msgstr[0] ""\nmsgstr[1] ""')
    say(f"\n{len(said())} texts, {len(lacking)} without English; said no more: {unsaid()}")


if __name__ == "__main__":
    main()
