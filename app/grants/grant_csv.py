"""A grant's lines from a CSV file: who (`employee_id`, `external_id` or `fiscal_code`) and an `amount` in euro."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.banking.fiscal_codes import normalise_fiscal_code
from app.errors import field_errors
from app.files.csv import CellError, Column, Row, parse_euro, read
from app.files.errors import ImportRefused
from app.grants import queries
from app.grants.schemas import MAX_LINES, GrantLineCreate
from app.sealing import fiscal_code_index

COLUMNS = (
    Column("employee_id", ("id_dipendente",)),
    Column("external_id", ("matricola", "codice_esterno", "id_esterno", "codice_dipendente", "badge")),
    Column("fiscal_code", ("codice_fiscale", "cod_fiscale", "cf", "c_f")),
    Column("amount", ("importo", "euro", "importo_euro", "valore"), required=True),
    Column("given_name", ("nome", "first_name")),
    Column("family_name", ("cognome", "last_name")),
)
Problem = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class _Line:
    row: int
    employee_id: UUID | None
    external_id: str | None
    index: bytes | None
    amount_cents: int


async def read_lines(session: AsyncSession, company_id: UUID, raw: bytes) -> tuple[list[GrantLineCreate], list[str]]:
    """Return a file's lines and where each stands in it; ImportRefused names every row that cannot be used."""
    lines, wrong = await asyncio.to_thread(_parse, raw)
    found = await queries.EMPLOYEE_KEYS.all(
        session,
        company_id=company_id,
        today=clock.today(),
        external_ids=[line.external_id for line in lines if line.external_id is not None],
        indexes=[line.index for line in lines if line.index is not None],
    )
    by_external = {row.external_id: row.id for row in found}
    by_index = {row.fiscal_code_index: row.id for row in found}
    given: list[GrantLineCreate] = []
    for line in lines:
        employee_id: UUID | None
        if line.employee_id is not None:  # the grant itself checks whose it is
            field, employee_id = "employee_id", line.employee_id
        elif line.external_id is not None:
            field, employee_id = "external_id", by_external.get(line.external_id)
        else:
            field, employee_id = "fiscal_code", by_index.get(line.index or b"")
        if employee_id is None:
            wrong.append((f"/rows/{line.row}/{field}", "unknown_employee", "there is no such employee"))
        else:
            given.append(GrantLineCreate(employee_id=employee_id, amount_cents=line.amount_cents))
    if not wrong and not given:
        wrong.append(("/rows/2", "empty_file", "the file names nobody"))
    if wrong:
        raise ImportRefused(errors=field_errors(wrong[:1000]))
    return given, [f"/rows/{line.row}" for line in lines]


def _parse(raw: bytes) -> tuple[list[_Line], list[Problem]]:
    file = read(raw, COLUMNS, max_rows=MAX_LINES)
    wrong: list[Problem] = [
        ("/".join(["/rows", str(error.row), *([error.field] if error.field else [])]), error.code, error.detail)
        for error in file.errors
    ]
    lines: list[_Line] = []
    for row in file.rows:
        try:
            lines.append(_line(row))
        except _RowProblem as problem:
            wrong.append((f"/rows/{row.number}/{problem.field}", problem.code, problem.detail))
    return lines, wrong


class _RowProblem(CellError):
    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.field = field


def _line(row: Row) -> _Line:
    employee, external_id, code = (row.cells.get(name) for name in ("employee_id", "external_id", "fiscal_code"))
    if not employee and not external_id and not code:
        raise _RowProblem("external_id", "missing", "name the employee by employee_id, external_id or fiscal_code")
    try:
        amount_cents = parse_euro(row.cells.get("amount", ""))
    except CellError as error:
        raise _RowProblem("amount", error.code, error.detail) from None
    if amount_cents == 0:
        raise _RowProblem("amount", "greater_than_equal", "the amount is zero")
    if employee:
        try:
            return _Line(row.number, ids.decode("emp", employee), None, None, amount_cents)
        except ValueError:
            raise _RowProblem("employee_id", "type_id", "malformed id") from None
    if external_id:
        return _Line(row.number, None, external_id, None, amount_cents)
    try:
        index = fiscal_code_index(normalise_fiscal_code(code or ""))
    except ValueError:
        raise _RowProblem("fiscal_code", "fiscal_code", "this is no fiscal code") from None
    return _Line(row.number, None, None, index, amount_cents)
