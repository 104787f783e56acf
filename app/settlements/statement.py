"""A settlement as CSV: comma, UTF-8, amounts in cents, no cell that a spreadsheet would run as a formula."""

import csv
import io
from collections.abc import Mapping
from typing import Any

from app import ids

LINE_COLUMNS = (
    "unit_id",
    "kind",
    "service_on",
    "gross_cents",
    "fee_cents",
    "fee_vat_cents",
    "subsidy_cents",
    "net_cents",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_csv(settlement: Mapping[str, Any]) -> bytes:
    """Return one row per line, each with the settlement's number."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(("number", *LINE_COLUMNS))
    for line in settlement["lines"]:
        values = {**line._mapping, "unit_id": ids.encode("unt", line.unit_id)}  # noqa: SLF001 - SQLAlchemy's name
        writer.writerow([cell(settlement["number"]), *(cell(values[column]) for column in LINE_COLUMNS)])
    return out.getvalue().encode()


def cell(value: object) -> str:
    """Return a cell's text; numbers stay numbers, text that starts a formula gets an apostrophe."""
    text = str(value)
    return f"'{text}" if not isinstance(value, int) and text.startswith(FORMULA_STARTS) else text
