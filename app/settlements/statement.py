"""A settlement as CSV: comma, UTF-8, amounts in cents, no cell that a spreadsheet would run as a formula."""

import csv
import io
from collections.abc import Sequence

from app import ids
from app.settlements.queries import Line

COLUMNS = (
    "number",
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


def to_csv(number: str, lines: Sequence[Line]) -> bytes:
    """Return one row per line, each with the settlement's number."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for line in lines:
        values = (
            number,
            ids.encode("unt", line.unit_id),
            line.kind,
            line.service_on,
            line.gross_cents,
            line.fee_cents,
            line.fee_vat_cents,
            line.subsidy_cents,
            line.net_cents,
        )
        writer.writerow(map(cell, values))
    return out.getvalue().encode()


def cell(value: object) -> str:
    """Return a cell's text; numbers stay numbers, text that starts a formula gets an apostrophe."""
    text = str(value)
    return f"'{text}" if not isinstance(value, int) and text.startswith(FORMULA_STARTS) else text
