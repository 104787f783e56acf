"""CSV as spreadsheets write it."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import AppError, Invalid
from app.files.csv import (
    CellError,
    Column,
    CsvFile,
    Euro,
    NotCsv,
    TooManyRows,
    parse_date,
    parse_euro,
    read,
    write,
)  # fmt: skip

COLUMNS = (Column("name", ("nome",), required=True), Column("amount", ("importo_€", "importo")))


def cells(file: CsvFile) -> list[tuple[int, dict[str, str]]]:
    return [(row.number, dict(row.cells)) for row in file.rows]


@pytest.mark.parametrize(
    "raw",
    [
        "name,amount\nPerù,1\n".encode(),
        "name,amount\r\nPerù,1\r\n".encode(),
        "name,amount\rPerù,1".encode(),
        "\ufeffname;amount\r\nPerù;1".encode(),
        "NOME;Importo €\r\nPerù;1\r\n".encode("cp1252"),
        "amount;name\r\n1;Perù".encode(),
        '"name";"amount"\r\n"Perù";"1"\r\n\r\n;\r\n'.encode(),
        "name;amount;;\r\nPerù;1;;\r\n".encode(),
        "name,amount\r\n  Perù\u00a0, 1 \r\n".encode(),
    ],
)
def test_every_dialect_reads_the_same(raw: bytes) -> None:
    file = read(raw, COLUMNS)
    assert cells(file) == [(2, {"name": "Perù", "amount": "1"})]
    assert file.errors == ()


@pytest.mark.parametrize(
    ("raw", "problems"),
    [
        (b"", [("/rows/1", "empty_file")]),
        (b"name,name\nx,y", [("/rows/1/name", "duplicate_column")]),
        (b"name,nome\nx,y", [("/rows/1/name", "duplicate_column")]),
        (b"amount\n1", [("/rows/1/name", "missing_column")]),
        (b"name,<script>\nx,y", [("/rows/1/2", "unknown_column")]),
        (b'name,amount\nx,1\n"y,2\nz,3\n', [("/rows/3", "unclosed_quote")]),
        (b'name,amount\n"' + b"y" * 200_000, [("/rows/2", "unclosed_quote")]),
        (b'name,amount\n"x"y,1\n', [("/rows/2", "quoting")]),
        (b"name,amount\nx\x00,1\n", [("/rows/1", "nul_character")]),
        ("name,amount\nx,1\n".encode("utf-16"), [("/rows/1", "encoding")]),
        (b"name,amount\n\x81,1\n", [("/rows/1", "encoding")]),
    ],
)
def test_unreadable_files_are_refused_whole(raw: bytes, problems: list[tuple[str, str]]) -> None:
    with pytest.raises(Invalid) as refused:
        read(raw, COLUMNS)
    assert [(one["pointer"], one["code"]) for one in refused.value.members["errors"]] == problems
    assert "script" not in str(refused.value.members)


@pytest.mark.parametrize("raw", [b"PK\x03\x04" + b"\x00" * 50, b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_a_renamed_spreadsheet_is_no_csv(raw: bytes) -> None:
    with pytest.raises(NotCsv):
        read(raw, COLUMNS)


def test_a_bad_row_is_named_and_the_others_are_read() -> None:
    file = read(b'name,amount\nx\n"a\nb",1\ny,1,2\nok,2\nz\x07,1\n', COLUMNS)
    assert cells(file) == [(5, {"name": "ok", "amount": "2"})]
    assert [(error.row, error.field, error.code) for error in file.errors] == [
        (2, None, "cell_count"), (3, "name", "line_break"), (4, None, "cell_count"), (6, "name", "control_character"),
    ]  # fmt: skip


def test_rows_are_limited() -> None:
    file = b"name\n" + b"x\n" * 20_000
    assert len(read(file, COLUMNS).rows) == 20_000
    with pytest.raises(TooManyRows) as refused:
        read(file + b"x\n", COLUMNS)
    assert refused.value.members == {"max_rows": 20_000}


def test_formulas_are_text_and_leave_guarded() -> None:
    texts = ["=1+1", "+39 035", "-1", "@x", "plain", "it's", "a,b", 'say "x"']
    written = write(["name", "amount"], [[text, 5] for text in texts])
    assert written.split("\r\n")[:6] == ["name,amount", "'=1+1,5", "'+39 035,5", "'-1,5", "'@x,5", "plain,5"]
    assert [row.cells["name"] for row in read(written.encode(), COLUMNS).rows] == texts
    assert write(["a", "b"], [[-5, date(2026, 1, 31)], [None, ""]]) == "a,b\r\n-5,2026-01-31\r\n,\r\n"


def test_excel_in_italian_opens_a_file_of_ours() -> None:
    rows = [["=1+1", Euro(-1_234_50)], ["a;b", Euro(5)]]
    written = write(["name", "amount"], rows, "excel")
    assert written == '\N{BYTE ORDER MARK}name;amount\r\n\'=1+1;-1234,50\r\n"a;b";0,05\r\n'
    assert write(["name", "amount"], rows).split("\r\n")[1:3] == ["'=1+1,-1234.50", "a;b,0.05"]
    assert [row.cells["name"] for row in read(written.encode(), COLUMNS).rows] == ["=1+1", "a;b"]


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1).filter(
            lambda text: not text.startswith("'") and text.isprintable()
        ),
        max_size=20,
    )
)
def test_what_is_written_reads_back(texts: list[str]) -> None:
    written = write(["name", "amount"], [[text, 1] for text in texts])
    assert [row.cells["name"] for row in read(written.encode(), COLUMNS).rows] == texts


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    for given_bytes in (raw, b"name,amount\n" + raw):
        try:
            file = read(given_bytes, COLUMNS)
        except AppError as error:
            assert error.status in {413, 415, 422}  # noqa: PT017
        else:
            numbers = [one.number for one in file.rows] + [one.row for one in file.errors]
            assert len(numbers) == len(set(numbers))
            assert all(set(row.cells) <= {"name", "amount"} for row in file.rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-12-31", date(2026, 12, 31)),
        ("31/12/2026", date(2026, 12, 31)),
        ("1/2/2026", date(2026, 2, 1)),
        ("29/02/2024", date(2024, 2, 29)),
    ],
)
def test_dates(text: str, expected: date) -> None:
    assert parse_date(text) == expected


@pytest.mark.parametrize(
    "text",
    ["29/02/2026", "31/12/26", "2026-13-01", "12/31/2026", "0001-01-01", "9999-12-31", "46022", "٣١/١٢/٢٠٢٦", ""],
)
def test_no_dates(text: str) -> None:
    with pytest.raises(CellError, match=r"dates|day|year") as refused:
        parse_date(text)
    assert refused.value.code == "date"


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("250", 25_000), ("250,00", 25_000), ("250.00", 25_000), ("250,5", 25_050), ("1.250,00", 125_000),
        ("1,250.00", 125_000), ("€ 250,00", 25_000), ("250,00 €", 25_000), ("0,01", 1), ("0", 0),
        ("1000000", 100_000_000), ("1.000.000,00", 100_000_000),
    ],
)  # fmt: skip
def test_euro(text: str, cents: int) -> None:
    assert parse_euro(text) == cents


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.250", "ambiguous_amount"), ("1,250", "ambiguous_amount"), ("1.250.000", "ambiguous_amount"),
        ("-1", "amount"), ("1e2", "amount"), ("1_000", "amount"), ("", "amount"), ("x", "amount"),
        ("1.250,0", "amount"),
        ("12.50,00", "amount"), ("٢٥٠", "amount"), ("1000000,01", "amount_out_of_range"),
        ("9" * 12, "amount_out_of_range"),
        ("9" * 5000, "amount"),
    ],
)  # fmt: skip
def test_no_euro(text: str, code: str) -> None:
    with pytest.raises(CellError) as refused:
        parse_euro(text)
    assert refused.value.code == code
