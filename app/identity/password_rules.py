"""Which passwords are acceptable, after NIST SP 800-63B-4 section 3.1.1.2: long, not guessed first, nothing else.

No composition rules and no forced change; every Unicode character but controls counts. Length is counted in code
points after NFC, so that the same text typed on two keyboards is one password.
"""

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from app.config import settings
from app.errors import Invalid

MIN_LENGTH = 15
MAX_LENGTH = 256
DEMO_PASSWORD = "beatrice-demo-2026"  # noqa: S105 - published; refused outside the sandbox by the blocklist
BLOCKED = Path(__file__).parent / "data" / "blocked_passwords.txt"
COMMON_WORDS = (
    "administrator", "administrador", "administratore", "amministratore", "amministrazione", "benvenuto", "benvenuta",
    "beatrice", "changeme", "iloveyou", "letmein", "passwort", "password", "p@ssw0rd", "passw0rd", "p4ssw0rd",
    "superman", "welcome", "welfare", "trustno1", "football", "juventus", "dragon", "monkey", "master", "princess",
    "admin", "hello", "login", "utente", "ciao", "user", "tiamo",
)  # fmt: skip
ROWS = (
    "1234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "azertyuiop",
    "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "qazwsxedcrfvtgbyhnujm", "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
)  # fmt: skip
YEAR = re.compile(r"(?<![0-9])(19|20)[0-9]{2}(?![0-9])")
RUN = 3
"""Shorter runs are ordinary text."""
OWN_CHARACTERS = 4
"""A password with fewer characters beside common words and sequences is one of the first guesses."""
SEPARATORS = " -_."
PERIOD = 8
DISTINCT = 5
LOCAL_PART = 4


def normalised(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def check(password: str, email: str, pointer: str = "/password") -> str:
    """Return the normalised password, or raise Invalid (422) with what is wrong with it."""
    text = normalised(password)
    if settings().sandbox and text == DEMO_PASSWORD:
        return text
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        raise Invalid(pointer, "control_character", "control characters are not allowed")
    if len(text) < MIN_LENGTH:
        raise Invalid(pointer, "password_too_short", f"use at least {MIN_LENGTH} characters: a sentence is fine")
    if len(text) > MAX_LENGTH:
        raise Invalid(pointer, "password_too_long", f"use at most {MAX_LENGTH} characters")
    folded = text.casefold()
    if _repeats(folded):
        raise Invalid(pointer, "password_repetitive", "this repeats one short pattern")
    if folded in _blocked() or _own(folded) < OWN_CHARACTERS:
        raise Invalid(pointer, "password_too_common", "this is one of the first passwords that are guessed")
    if _is_the_address(folded, email.casefold()):
        raise Invalid(pointer, "password_is_email", "this is little more than your e-mail address")
    return text


@lru_cache(maxsize=1)
def _blocked() -> frozenset[str]:
    lines = BLOCKED.read_text(encoding="utf-8").splitlines()
    return frozenset(unicodedata.normalize("NFC", line).casefold() for line in lines if not line.startswith("#"))


def _repeats(text: str) -> bool:
    if len(set(text)) < DISTINCT:
        return True
    return any(
        all(text[index] == text[index % period] for index in range(len(text)))
        for period in range(1, min(PERIOD, len(text) // 2) + 1)
    )


def _own(text: str) -> int:
    """Count the characters that neither a common word nor a sequence of the keyboard explains."""
    for word in COMMON_WORDS:
        text = text.replace(word, " ")
    text = YEAR.sub(" ", text)
    own = index = 0
    while index < len(text):
        run = max(_run(text, index, step) for step in (1, -1))
        if run >= RUN:
            index += run
        else:
            own += text[index] not in SEPARATORS
            index += 1
    return own


def _run(text: str, start: int, step: int) -> int:
    """Return how many characters from `start` follow one row (forwards or backwards) or repeat the first."""
    same = 1
    while start + same < len(text) and text[start + same] == text[start]:
        same += 1
    longest = same
    for row in ROWS:
        place = row.find(text[start])
        length = 0
        while (
            place >= 0
            and start + length < len(text)
            and 0 <= place + length * step < len(row)
            and text[start + length] == row[place + length * step]
        ):
            length += 1
        longest = max(longest, length)
    return longest


def _is_the_address(folded: str, email: str) -> bool:
    local, _, domain = email.partition("@")
    rest = folded.replace(email, "")
    if len(local) >= LOCAL_PART:
        rest = rest.replace(local, "")
    rest = rest.replace(domain, "").replace(domain.rpartition(".")[0], "") if domain else rest
    return len(rest) < len(folded) and sum(character.isalnum() for character in rest) < 2 * OWN_CHARACTERS
