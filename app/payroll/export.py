"""A month's export as a document: its lines, its hash, its CSV. No database, no clock."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from uuid import UUID

from pydantic import TypeAdapter

from app import ids, sealing
from app.files import csv
from app.payroll.models import PayrollKind
from app.payroll.queries import LineRow
from app.rules.rows import RuleCode

MONTH = "%Y-%m"
CauseCodes = Mapping[tuple[PayrollKind, RuleCode | None], str]


@dataclass(frozen=True, slots=True)
class Line:
    """What one person's payslip shows; an open period's is made anew each time, a closed one's was kept."""

    employee_id: UUID
    employee_external_id: str | None
    fiscal_code: str
    given_name: str
    family_name: str
    ended_on: date | None
    cause_code: str | None
    kind: PayrollKind
    rule_code: RuleCode | None
    amount_cents: int
    taxable_cents: int
    tax_year: int
    delta_of: str | None
    """The closed month to which it belongs, `2026-11`; null: its own."""


LINES = TypeAdapter(tuple[Line, ...])
COLUMNS = ("period", "employee_external_id", "fiscal_code", "family_name", "given_name", "ended_on", "cause_code",
    "kind", "rule_code", "amount_cents", "taxable_cents", "tax_year", "delta_of")  # fmt: skip


def made(rows: Sequence[LineRow], codes: CauseCodes) -> tuple[Line, ...]:
    """Return the lines of what was recorded; what came to nothing has none."""
    return tuple(_line(row, codes) for row in rows if row.amount_cents or row.taxable_cents)


def _line(row: LineRow, codes: CauseCodes) -> Line:
    return Line(
        employee_id=row.employee_id,
        employee_external_id=row.external_id,
        fiscal_code=sealing.open_fiscal_code(row.sealed_fiscal_code, row.employee_id),
        given_name=row.given_name,
        family_name=row.family_name,
        ended_on=row.ended_on,
        cause_code=codes.get((row.kind, row.rule_code), codes.get((row.kind, None))),
        kind=row.kind,
        rule_code=row.rule_code,
        amount_cents=row.amount_cents,
        taxable_cents=row.taxable_cents,
        tax_year=row.tax_year,
        delta_of=None if row.delta_of is None else row.delta_of.strftime(MONTH),
    )


def content(company_id: UUID, period: date, lines: Iterable[Line]) -> bytes:
    """Return the document of which a period's hash is: canonical JSON of company, month and lines."""
    whole = {
        "company_id": ids.encode("org", company_id),
        "period": period.strftime(MONTH),
        "lines": [asdict(line) | {"employee_id": ids.encode("emp", line.employee_id)} for line in lines],
    }
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str).encode()


def kept(whole: bytes) -> tuple[Line, ...]:
    """Return the lines of a document that was closed."""
    rows = json.loads(whole)["lines"]
    return LINES.validate_python([row | {"employee_id": ids.decode("emp", row["employee_id"])} for row in rows])


def sha256(whole: bytes) -> str:
    return hashlib.sha256(whole).hexdigest()


def missing(lines: Iterable[Line]) -> list[tuple[PayrollKind, RuleCode | None]]:
    """Return kinds and rules for which the company has given no cause code, each once."""
    wanted = {(line.kind, line.rule_code) for line in lines if line.cause_code is None}
    return sorted(wanted, key=lambda pair: (pair[0], pair[1] or ""))


def to_csv(period: date, lines: Iterable[Line]) -> bytes:
    """Return one row per line: comma, UTF-8, amounts in cents, no cell that a spreadsheet would run as a formula."""
    rows = [{"period": period.strftime(MONTH)} | asdict(line) for line in lines]
    return csv.write(COLUMNS, [[row[column] for column in COLUMNS] for row in rows]).encode()
