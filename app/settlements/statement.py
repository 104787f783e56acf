"""A settlement as CSV: comma, UTF-8, amounts in cents, no cell that a spreadsheet would run as a formula."""

from collections.abc import Sequence

from app import ids
from app.files import csv
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


def to_csv(number: str, lines: Sequence[Line]) -> bytes:
    """Return one row per line, each with the settlement's number."""
    rows = [
        (
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
        for line in lines
    ]
    return csv.write(COLUMNS, rows).encode()
