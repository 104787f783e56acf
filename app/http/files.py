"""How the document describes files that come and go, so that generated clients neither decode nor encode them."""

BYTES: dict[str, object] = {"type": "string", "format": "binary"}
"""A file whose bytes count: an upload in an encoding of its own, a document for the bank."""
TEXT: dict[str, object] = {"type": "string"}
"""Text in UTF-8, as our own CSV answers are."""
