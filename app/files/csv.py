"""CSV as spreadsheets and payroll programs write it: decoding, dialect, header synonyms, dates, euro amounts.

What cannot be read at all is refused as a whole (`NotCsv`, `TooManyRows`, `Invalid` at `/rows/N`); what is wrong in
one row becomes a `RowError`, so that a file is corrected in one go. Rows are numbered as a spreadsheet shows them: the
header is 1. No message repeats a cell.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from app import clock
from app.errors import Invalid
from app.files.errors import NotCsv, TooManyRows

Layout = Literal["csv", "excel"]
MAX_ROWS = 20_000
MAX_EURO_CENTS = 100_000_000
_SPREADSHEETS = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_ITALIAN_DATE = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})")
_PLAIN_EURO = re.compile(r"([0-9]{1,12})(?:[.,]([0-9]{1,2}))?")
_GROUPED_EURO = re.compile(r"([0-9]{1,3}(?:\.[0-9]{3}){1,3}),([0-9]{2})|([0-9]{1,3}(?:,[0-9]{3}){1,3})\.([0-9]{2})")
_AMBIGUOUS_EURO = re.compile(r"[0-9]{1,3}(?:[.,][0-9]{3})+")


class Euro(int):
    """Cents that a file shows in euro: `1234.50`, without thousands, so that it is a number."""


Cell = str | int | date | None


@dataclass(frozen=True)
class Column:
    """A column that a file may have: our name, what else its header may say, whether the file must have it."""

    name: str
    synonyms: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Row:
    """One row: its number in the spreadsheet and its cells (stripped text) by column name."""

    number: int
    cells: Mapping[str, str]


@dataclass(frozen=True)
class RowError:
    """What is wrong in one row; `field` is null when it is the row as a whole."""

    row: int
    field: str | None
    code: str
    detail: str


@dataclass(frozen=True)
class CsvFile:
    """A readable file: the columns it has, its rows, and the rows that could not be read."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    errors: tuple[RowError, ...]


class CellError(ValueError):
    """A cell is not what its column holds."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def read(raw: bytes, columns: Sequence[Column], *, max_rows: int = MAX_ROWS) -> CsvFile:
    """Read a file with a header; unknown, doubled and missing columns are refused, blank rows skipped."""
    records = _records(_decode(raw))
    header = next(records, None)
    if header is None:
        raise Invalid("/rows/1", "empty_file", "the file is empty")
    names = _header(header[1], columns)
    rows: list[Row] = []
    errors: list[RowError] = []
    for number, cells in records:
        if not any(cells):
            continue
        if len(rows) + len(errors) >= max_rows:
            raise TooManyRows(max_rows=max_rows)
        if problem := _unreadable(number, cells, names):
            errors.append(problem)
        else:
            rows.append(Row(number, dict(zip(names, cells, strict=False))))
    return CsvFile(tuple(names), tuple(rows), tuple(errors))


def write(header: Sequence[str], rows: Iterable[Sequence[Cell]], layout: Layout = "csv") -> str:
    """Write a file (CRLF); text that a spreadsheet would run as a formula gets a leading apostrophe.

    `csv` is with commas and points; `excel` opens by a double click where Excel is Italian: a mark of UTF-8,
    semicolons, decimal commas.
    """
    target = io.StringIO(newline="")
    if layout == "excel":
        target.write("\N{BYTE ORDER MARK}")
    writer = csv.writer(target, delimiter=";" if layout == "excel" else ",")
    writer.writerow(header)
    writer.writerows([_cell(cell, layout) for cell in row] for row in rows)
    return target.getvalue()


def _cell(cell: Cell, layout: Layout) -> Cell:
    if isinstance(cell, Euro):  # a minus begins a number here, no formula
        euros, cents = divmod(abs(cell), 100)
        return f"{'-' if cell < 0 else ''}{euros}{',' if layout == 'excel' else '.'}{cents:02d}"
    return guard(cell) if isinstance(cell, str) else cell


def guard(text: str) -> str:
    """Return the text so that a spreadsheet shows it and never computes it."""
    return "'" + text if text.startswith(_FORMULA) else text


def unguard(text: str) -> str:
    """Undo `guard`, so that what was exported comes back unchanged."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def parse_date(text: str) -> date:
    """Read an ISO date or `dd/mm/yyyy`."""
    if match := _ISO_DATE.fullmatch(text):
        year, month, day = (int(part) for part in match.groups())
    elif match := _ITALIAN_DATE.fullmatch(text):
        day, month, year = (int(part) for part in match.groups())
    else:
        raise CellError("date", "write dates as 2026-12-31 or 31/12/2026")
    try:
        parsed = date(year, month, day)
    except ValueError:
        raise CellError("date", "there is no such day") from None
    if not clock.FIRST_YEAR <= parsed.year <= clock.LAST_YEAR:
        raise CellError("date", "the year is out of range")
    return parsed


def parse_euro(text: str) -> int:
    """Read an amount in euro (`250`, `250,00`, `250.00`, `1.250,00`) and return cents; `1.250` is ambiguous."""
    compact = text.removeprefix("€").removesuffix("€").strip()
    if _AMBIGUOUS_EURO.fullmatch(compact):
        raise CellError("ambiguous_amount", "write the cents, so that the thousands are clear: 1.250,00")
    if match := _PLAIN_EURO.fullmatch(compact):
        euro, fraction = match[1], match[2] or ""
    elif match := _GROUPED_EURO.fullmatch(compact):
        euro, fraction = re.sub("[.,]", "", match[1] or match[3]), match[2] or match[4]
    else:
        raise CellError("amount", "write an amount in euro, such as 250,00")
    cents = int(euro) * 100 + int(fraction.ljust(2, "0"))
    if cents > MAX_EURO_CENTS:
        raise CellError("amount_out_of_range", "the amount is too large")
    return cents


def header_key(text: str) -> str:
    """Return a header as synonyms are written: lower case, no accents, words joined by `_`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _decode(raw: bytes) -> str:
    if raw.startswith(_SPREADSHEETS):
        raise NotCsv
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Invalid("/rows/1", "encoding", "save the file as UTF-8 or Windows-1252")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = raw.decode("cp1252")
        except UnicodeDecodeError:
            raise Invalid("/rows/1", "encoding", "save the file as UTF-8 or Windows-1252") from None
    if "\x00" in text:
        raise Invalid("/rows/1", "nul_character", "NUL is not allowed in text")
    return text


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    first_line = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = ";" if first_line.count(";") > first_line.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            code = "unclosed_quote" if "end of data" in str(error) or "limit" in str(error) else "quoting"
            raise Invalid(f"/rows/{number}", code, "a quotation mark is not closed or stands inside a cell") from None
        yield number, [unguard(cell.replace("\N{NO-BREAK SPACE}", " ").strip()) for cell in cells]


def _header(cells: Sequence[str], columns: Sequence[Column]) -> list[str]:
    by_key = {key: column.name for column in columns for key in (column.name, *column.synonyms)}
    keys = [header_key(cell) for cell in cells]
    while keys and not keys[-1]:
        keys.pop()
    problems: list[tuple[str, str, str]] = []
    names: list[str] = []
    for position, key in enumerate(keys, 1):
        name = by_key.get(key)
        if name is None:
            problems.append((f"/rows/1/{position}", "unknown_column", f"column {position} is not known here"))
        elif name in names:
            problems.append((f"/rows/1/{name}", "duplicate_column", "this column is there twice"))
        names.append(name or "")
    problems += [
        (f"/rows/1/{column.name}", "missing_column", "the file needs this column")
        for column in columns
        if column.required and column.name not in names
    ]
    if problems:
        raise Invalid(*problems[0], *problems[1:50])
    return names


def _unreadable(number: int, cells: Sequence[str], names: Sequence[str]) -> RowError | None:
    if len(cells) < len(names) or any(cells[len(names) :]):
        return RowError(number, None, "cell_count", "the row has not as many cells as the header")
    for name, cell in zip(names, cells, strict=False):
        if "\n" in cell or "\r" in cell:
            return RowError(number, name, "line_break", "a cell has one line")
        if not cell.isprintable():
            return RowError(number, name, "control_character", "control characters are not allowed")
    return None
