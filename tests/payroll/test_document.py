"""A month as a document, without a database: which lines, whose codes, the same bytes each time, no formula."""

import json
from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from app import ids, sealing
from app.payroll import export
from app.payroll.export import CauseCodes, Line
from app.payroll.queries import LineRow

COMPANY = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
ANNA = UUID("01890a5d-ac96-774b-bcce-b302099a8058")
NOVEMBER = date(2026, 11, 1)
CODE = "RCCMNL83S18D969H"
ROW = LineRow(
    employee_id=ANNA,
    external_id="OS1",
    given_name="Anna",
    family_name="Esempio",
    sealed_fiscal_code=sealing.seal_fiscal_code(CODE, ANNA),
    ended_on=None,
    kind="reimbursement_payslip",
    rule_code="C2_F_TER",
    tax_year=2026,
    delta_of=None,
    recorded_count=1,
    amount_cents=40_00,
    taxable_cents=0,
)
LINE = Line(
    employee_id=ANNA,
    employee_external_id="OS1",
    fiscal_code=CODE,
    given_name="Anna",
    family_name="Esempio",
    ended_on=None,
    cause_code=None,
    kind="reimbursement_payslip",
    rule_code="C2_F_TER",
    amount_cents=40_00,
    taxable_cents=0,
    tax_year=2026,
    delta_of=None,
)


def test_a_row_is_a_line_with_its_fiscal_code_opened() -> None:
    assert export.made([ROW], {}) == (LINE,)
    later = replace(ROW, delta_of=date(2026, 10, 1), ended_on=date(2026, 11, 30))
    assert export.made([later], {}) == (replace(LINE, delta_of="2026-10", ended_on=date(2026, 11, 30)),)


@pytest.mark.parametrize(
    ("amount", "taxable", "count"),
    [(0, 0, 0), (0, 1, 1), (1, 0, 1), (-1, 1, 1), (-5_00, -5_00, 1)],
)
def test_what_came_to_nothing_has_no_line(amount: int, taxable: int, count: int) -> None:
    assert len(export.made([replace(ROW, amount_cents=amount, taxable_cents=taxable)], {})) == count


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ({}, None),
        ({("reimbursement_payslip", None): "R"}, "R"),
        ({("reimbursement_payslip", "C2_F_TER"): "T"}, "T"),
        ({("reimbursement_payslip", None): "R", ("reimbursement_payslip", "C2_F_TER"): "T"}, "T"),
        ({("reimbursement_payslip", "C2_F_BIS"): "B"}, None),
        ({("reimbursement_figurative", None): "F"}, None),
        ({("late_fee", None): "L"}, None),
    ],
)
def test_a_rules_own_code_goes_before_its_kinds(codes: CauseCodes, code: str | None) -> None:
    assert export.made([ROW], codes) == (replace(LINE, cause_code=code),)


def test_what_has_no_code_is_named_once_in_order() -> None:
    lines = (
        LINE,
        replace(LINE, employee_id=COMPANY),
        replace(LINE, rule_code=None),
        replace(LINE, kind="fringe", rule_code="C3_FRINGE"),
        replace(LINE, kind="late_fee", rule_code=None, cause_code="L"),
    )
    assert export.missing(lines) == [
        ("fringe", "C3_FRINGE"),
        ("reimbursement_payslip", None),
        ("reimbursement_payslip", "C2_F_TER"),
    ]
    assert export.missing([]) == []


def test_the_document_is_canonical_and_reads_back_as_it_was() -> None:
    lines = (LINE, replace(LINE, family_name="Perché", ended_on=date(2026, 11, 30), delta_of="2026-10"))
    whole = export.content(COMPANY, NOVEMBER, lines)
    assert export.kept(whole) == lines
    read = json.loads(whole)
    assert (read["period"], read["company_id"]) == ("2026-11", ids.encode("org", COMPANY))
    assert read["lines"][0]["employee_id"] == ids.encode("emp", ANNA)
    again = json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert whole == again


@pytest.mark.parametrize(
    "other",
    [
        replace(LINE, amount_cents=40_01),
        replace(LINE, taxable_cents=1),
        replace(LINE, cause_code="R"),
        replace(LINE, fiscal_code=CODE[:-1] + "X"),
        replace(LINE, employee_external_id=None),
        replace(LINE, tax_year=2025),
        replace(LINE, delta_of="2026-10"),
        replace(LINE, rule_code="C2_F_BIS"),
        replace(LINE, kind="reimbursement_figurative"),
    ],
    ids=lambda line: " ".join(name for name in LINE.__slots__ if getattr(line, name) != getattr(LINE, name)),
)
def test_whatever_a_payslip_shows_is_in_the_hash(other: Line) -> None:
    hashes = {export.sha256(export.content(COMPANY, NOVEMBER, lines)) for lines in ((LINE,), (other,), (LINE, other))}
    assert len(hashes) == 3
    assert export.sha256(export.content(COMPANY, date(2026, 12, 1), (LINE,))) not in hashes
    assert export.sha256(export.content(ANNA, NOVEMBER, (LINE,))) not in hashes


@pytest.mark.parametrize("text", ["=1+1", "+39", "-5", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_of_the_file_is_computed(text: str) -> None:
    line = replace(LINE, employee_external_id=text, given_name=text, family_name=text, cause_code=text)
    head, row, *rest = export.to_csv(NOVEMBER, [line]).decode().split("\r\n", 2)
    assert head.split(",")[:4] == ["period", "employee_external_id", "fiscal_code", "family_name"]
    whole = "\r\n".join([row, *rest])
    assert whole.count(f"'{text}") == 4
    assert f",{text}" not in whole


def test_an_empty_month_has_a_document_too() -> None:
    whole = export.content(COMPANY, NOVEMBER, ())
    assert export.kept(whole) == ()
    assert export.to_csv(NOVEMBER, ()).decode().count("\r\n") == 1
    assert len(export.sha256(whole)) == 64
