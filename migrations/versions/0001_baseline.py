"""Baseline: every table of the first release, by module in ../baseline/, with the rows that belong to it.

Functions, triggers and views are no part of it: migrations/code.py applies them from app/<module>/sql/.

Revision ID: 0001
Revises:
"""

import unicodedata
from pathlib import Path

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FOLDER = Path(__file__).parent.parent
MUNICIPALITIES = FOLDER / "data" / "municipalities.tsv"


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    # The library's own SQL, as pinned in requirements.lock; its later changes become migrations of ours.
    connection.execute(SchemaManager.get_schema())
    for script in sorted((FOLDER / "baseline").glob("*.sql")):
        connection.execute(script.read_text(encoding="utf-8"))
    with connection.cursor().copy(
        "COPY municipality (istat_code, name, sort_key, province, province_name, region, cadastral_code, latitude,"
        " longitude) FROM STDIN"
    ) as copy:
        for row in rows():
            copy.write_row(row)


def rows():
    """Read the ISTAT table (its source and date: migrations/data/SOURCES.md)."""
    with MUNICIPALITIES.open(encoding="utf-8") as lines:
        header = None
        for line in lines:
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if header is None:
                header = cells
                continue
            row = dict(zip(header, cells, strict=True))
            plain = unicodedata.normalize("NFKD", row["name"]).encode("ascii", "ignore").decode().lower()
            yield (
                row["istat_code"],
                row["name"],
                plain,
                row["province"],
                row["province_name"],
                row["region"],
                row["cadastral_code"],
                row["latitude"] or None,
                row["longitude"] or None,
            )
