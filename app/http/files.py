"""How the document describes files that come and go, so that generated clients neither decode nor encode them.

And how a CSV file of ours is asked for and answered.
"""

from typing import Annotated

from fastapi import Query, Response

from app.files.csv import Layout
from app.http.words import words

BYTES: dict[str, object] = {"type": "string", "format": "binary"}
"""A file whose bytes count: an upload in an encoding of its own, a document for the bank."""
TEXT: dict[str, object] = {"type": "string"}
"""Text in UTF-8, as our own CSV answers are."""

LayoutOf = Annotated[
    Layout, Query(alias="format", description="`excel`: with a mark of UTF-8, semicolons and decimal commas")
]
"""How a CSV file is laid out."""


def described_csv(description: str) -> dict[int | str, dict[str, object]]:
    """Say of a route that it answers a CSV file."""
    return {200: {"description": description, "content": {"text/csv": {"schema": TEXT}}}}


def csv_answer(name: str, text: str) -> Response:
    """Answer a CSV file that a browser saves under a name."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, headers=headers, media_type="text/csv; charset=utf-8")


words(
    "CsvLayout",
    Layout,
    csv="commas between cells, points in sums",
    excel="as Excel in Italian opens it by a double click",
)
