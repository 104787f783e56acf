"""The characters a SEPA payment may carry: the Latin set of the EPC (EPC217-08), without accents."""

import re
import unicodedata

IDENTIFIER_LENGTH = 35
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-?:().,'+ ")
# "/" may not begin, end or repeat in an identifier (EPC implementation guidelines, 1.4).
_IDENTIFIER = re.compile(r"(?!/)(?!.*//)[A-Za-z0-9/\-?:().,'+]{1,35}(?<!/)")
# EPC217-08, best practices; what neither this nor Unicode decomposition maps becomes a full stop, as there.
_REPLACED = str.maketrans(
    {
        "&": "+",
        "_": "-",
        "~": "-",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        ";": ",",
        "[": "(",
        "{": "(",
        "]": ")",
        "}": ")",
        "\\": "/",
        "|": "/",
        "`": "'",
        "\N{ACUTE ACCENT}": "'",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{EURO SIGN}": "EUR",
        "\N{DEGREE SIGN}": ".",
        "\N{MASCULINE ORDINAL INDICATOR}": "o",
        "\N{FEMININE ORDINAL INDICATOR}": "a",
        "\N{LATIN SMALL LETTER SHARP S}": "ss",
        "\N{LATIN SMALL LETTER AE}": "ae",
        "\N{LATIN CAPITAL LETTER AE}": "AE",
        "\N{LATIN SMALL LETTER O WITH STROKE}": "o",
        "\N{LATIN CAPITAL LETTER O WITH STROKE}": "O",
        "\N{LATIN SMALL LETTER L WITH STROKE}": "l",
        "\N{LATIN CAPITAL LETTER L WITH STROKE}": "L",
        "\N{LATIN SMALL LETTER D WITH STROKE}": "d",
        "\N{LATIN CAPITAL LETTER D WITH STROKE}": "D",
    },
)


def to_sepa(text: str, max_length: int) -> str:
    """Transliterate into the SEPA set, blanks collapsed, cut at `max_length`; empty if no letter or digit is left."""
    decomposed = unicodedata.normalize("NFKD", " ".join(text.split()).translate(_REPLACED)).translate(_REPLACED)
    letters = (character for character in decomposed if not unicodedata.combining(character))
    allowed = "".join(character if character in _ALLOWED else "." for character in letters)
    cut = " ".join(allowed.split())[:max_length].rstrip()
    return cut if any(character.isalnum() for character in cut) else ""


def is_identifier(text: str) -> bool:
    """Tell whether the text may be an id as it stands: identifiers are refused, never rewritten."""
    return _IDENTIFIER.fullmatch(text) is not None
