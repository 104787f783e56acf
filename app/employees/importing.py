"""The employees' file: its columns, its rows as employments, and what it would change. Pure decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from pydantic import ValidationError

from app import ids, sealing
from app.banking.fiscal_codes import FiscalCodeError, normalise_fiscal_code
from app.employees import employments
from app.employees.models import Contract
from app.employees.queries import EmployeeRow
from app.employees.schemas import EmployeeCreate
from app.files.csv import CellError, Column, CsvFile, Layout, Row, RowError, parse_date, write

COLUMNS = (
    Column("external_id", ("matricola", "codice_esterno", "id_esterno", "codice_dipendente", "badge")),
    Column("given_name", ("nome", "first_name"), required=True),
    Column("family_name", ("cognome", "last_name"), required=True),
    Column("fiscal_code", ("codice_fiscale", "cod_fiscale", "cf", "c_f"), required=True),
    Column("category", ("categoria", "qualifica", "inquadramento"), required=True),
    Column("hired_on", ("data_assunzione", "data_di_assunzione", "assunto_il", "assunzione"), required=True),
    Column("ended_on", ("data_cessazione", "data_di_cessazione", "cessato_il", "cessazione", "fine_rapporto")),
    Column("contract", ("contratto", "tipo_contratto", "tipo_di_contratto")),
    Column("contract_ends_on", ("scadenza_contratto", "fine_contratto", "data_fine_contratto")),
    Column("probation_ends_on", ("fine_prova", "fine_periodo_di_prova", "data_fine_prova")),
    Column("agreement_code", ("ccnl", "codice_ccnl", "contratto_collettivo")),
    Column("email", ("e_mail", "mail", "posta_elettronica", "indirizzo_email")),
)
DATES = frozenset({"hired_on", "ended_on", "contract_ends_on", "probation_ends_on"})
KEPT_WHEN_BLANK = frozenset({"email", "contract"})
"""A blank cell clears an optional field; these two keep (or default), because payroll files often leave them out."""
CONTRACTS: Mapping[str, Contract] = {
    "indeterminato": "permanent",
    "tempo_indeterminato": "permanent",
    "a_tempo_indeterminato": "permanent",
    "determinato": "fixed_term",
    "tempo_determinato": "fixed_term",
    "a_tempo_determinato": "fixed_term",
    "a_termine": "fixed_term",
    "somministrazione": "agency",
    "somministrato": "agency",
    "interinale": "agency",
}
EXAMPLE = ("0001", "Anna", "Esempio", "SMPNNA85E41A163X", "operai", "2020-01-15", "", "permanent", "", "", "", "")


@dataclass(frozen=True)
class Given:
    """One row of the file as an employment."""

    row: int
    data: EmployeeCreate
    index: bytes


@dataclass
class Plan:
    """What a file would do."""

    creates: list[EmployeeRow] = field(default_factory=list)
    updates: list[EmployeeRow] = field(default_factory=list)
    unchanged: int = 0
    invitations: list[EmployeeRow] = field(default_factory=list)
    errors: list[RowError] = field(default_factory=list)


def index_of(words: str | None) -> bytes | None:
    """Return how a fiscal code is found, where these words are one."""
    try:
        return None if words is None else sealing.fiscal_code_index(normalise_fiscal_code(words))
    except FiscalCodeError:
        return None


def template(layout: Layout = "csv") -> str:
    """Return a file with the header only."""
    return write([column.name for column in COLUMNS], [], layout)


def export(rows: Iterable[EmployeeRow], layout: Layout = "csv") -> str:
    """Return employments as a file that can be changed and brought back."""
    names = [column.name for column in COLUMNS]
    return write(names, ([getattr(row, name) for name in names] for row in rows), layout)


def parse(file: CsvFile) -> tuple[list[Given], list[RowError]]:
    """Read the rows as employments; a person or an external id may occur once."""
    given: list[Given] = []
    errors = list(file.errors)
    seen: set[bytes | str] = set()
    for row in file.rows:
        data = _employment(row, errors)
        if data is None:
            continue
        one = Given(row.number, data, sealing.fiscal_code_index(data.fiscal_code))
        keys: dict[str, bytes | str] = {"fiscal_code": one.index}
        if data.external_id is not None:
            keys["external_id"] = data.external_id
        for name, key in keys.items():
            if key in seen:
                errors.append(RowError(row.number, name, "duplicate_in_file", "an earlier row has the same"))
        seen.update(keys.values())
        given.append(one)
    return given, errors


def _employment(row: Row, errors: list[RowError]) -> EmployeeCreate | None:
    values: dict[str, object] = {}
    before = len(errors)
    for name, cell in row.cells.items():
        if not cell:
            if name not in KEPT_WHEN_BLANK:
                values[name] = None
        elif name in DATES:
            try:
                values[name] = parse_date(cell)
            except CellError as error:
                errors.append(RowError(row.number, name, error.code, error.detail))
        elif name == "contract":
            values[name] = CONTRACTS.get("_".join(cell.lower().split()), cell)
        else:
            values[name] = cell
    if len(errors) > before:
        return None
    try:
        return EmployeeCreate.model_validate(values)
    except ValidationError as error:
        for item in error.errors(include_url=False, include_context=False, include_input=False):
            missing = values.get(str(item["loc"][0])) is None
            code = "missing" if missing else item["type"]
            detail = "a value is needed" if missing else _detail(item["type"], item["msg"])
            errors.append(RowError(row.number, str(item["loc"][0]), code, detail))
        return None


def _detail(kind: str, message: str) -> str:
    return "not one of the allowed values" if kind == "literal_error" else message


class Existing:
    """The employments of the company that the file could mean, by the three ways to find one."""

    def __init__(self, rows: Sequence[EmployeeRow]) -> None:
        self.by_external_id = {row.external_id: row for row in rows if row.ended_on is None and row.external_id}
        self.open = {row.fiscal_code_index: row for row in rows if row.ended_on is None}
        self.by_hiring = {(row.fiscal_code_index, row.hired_on): row for row in rows}

    def meant(self, given: Given) -> EmployeeRow | None:
        """Match by external id, else by fiscal code: the same hiring first, else the present employment."""
        if given.data.external_id in self.by_external_id:
            return self.by_external_id[given.data.external_id]
        return self.by_hiring.get((given.index, given.data.hired_on)) or self.open.get(given.index)

    def taken(self, wanted: EmployeeRow) -> str | None:
        """Return the field in which this row collides with another employment."""
        others = [self.by_hiring.get((wanted.fiscal_code_index, wanted.hired_on))]
        if wanted.ended_on is None:
            others.append(self.open.get(wanted.fiscal_code_index))
        if any(other is not None and other.id != wanted.id for other in others):
            return "fiscal_code"
        other = self.by_external_id.get(wanted.external_id) if wanted.external_id and wanted.ended_on is None else None
        return "external_id" if other is not None and other.id != wanted.id else None


def plan(given: Sequence[Given], rows: Sequence[EmployeeRow]) -> Plan:
    """Decide for each row: create, update or leave; never touches an employment that no row means."""
    result = Plan()
    existing = Existing(rows)
    used: set[UUID] = set()
    for one in given:
        row = existing.meant(one)
        if row is None:
            _decide(result, existing, one.row, employments.created(one.data, ids.new_id()), None)
            continue
        if row.id in used:
            result.errors.append(RowError(one.row, None, "duplicate_in_file", "an earlier row means the same person"))
            continue
        used.add(row.id)
        wanted = employments.merged(row, one.data)
        if row.user_id is not None:
            wanted = replace(wanted, email=None)
            if wanted.fiscal_code_index != row.fiscal_code_index:
                detail = "this person has an active login: the fiscal code is fixed"
                result.errors.append(RowError(one.row, "fiscal_code", "fiscal_code_fixed", detail))
        _decide(result, existing, one.row, wanted, row)
    return result


def _decide(result: Plan, existing: Existing, number: int, wanted: EmployeeRow, old: EmployeeRow | None) -> None:
    errors = [RowError(number, *problem) for problem in employments.problems(wanted)]
    if (taken := existing.taken(wanted)) is not None:
        errors.append(RowError(number, taken, "taken", "another employee of the company has this"))
    result.errors += errors
    if errors:
        return
    if old is None:
        result.creates.append(wanted)
    elif wanted != old:
        result.updates.append(wanted)
    else:
        result.unchanged += 1
    if wanted.email is not None and (old is None or old.email != wanted.email):
        result.invitations.append(wanted)
