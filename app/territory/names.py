"""Names of places as they are searched."""

import unicodedata


def search_key(text: str) -> str:
    """Return the text as `municipality.sort_key` is written: lower case, no accents, straight apostrophes."""
    straight = text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join(unicodedata.normalize("NFKD", straight).encode("ascii", "ignore").decode().lower().split())
