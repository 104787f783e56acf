"""The rows themselves: seed values, dates, and what loading refuses."""

import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from app.rules.beneficiary import BeneficiaryFacts
from app.rules.book import DATA_FOLDER, RuleDataError, UnknownParameter, book_in_force, load
from app.rules.decisions import Question, decide
from app.rules.reasons import TEMPLATES, AlternativeCode, DecisionCode, ReadingNote
from app.rules.rows import RuleCode

DAY = date(2026, 11, 23)
BOOK = book_in_force()


@pytest.mark.parametrize(
    ("name", "on", "value"),
    [
        ("fringe_limit_cents", date(2025, 1, 1), 100_000),
        ("fringe_limit_cents", date(2027, 12, 31), 100_000),
        ("fringe_limit_cents", date(2028, 1, 1), 25_823),
        ("fringe_limit_with_children_cents", DAY, 200_000),
        ("fringe_limit_with_children_cents", date(2028, 1, 1), 25_823),
        ("child_income_limit_cents", DAY, 284_051),
        ("young_child_income_limit_cents", DAY, 400_000),
        ("young_child_max_age", DAY, 24),
        ("elderly_age", DAY, 75),
        ("bonus_tax_bps", date(2025, 12, 31), 500),
        ("bonus_tax_bps", date(2026, 1, 1), 100),
        ("bonus_cap_cents", date(2025, 12, 31), 300_000),
        ("bonus_cap_cents", DAY, 500_000),
        ("bonus_conversion_cap_cents", DAY, 500_000),
        ("bonus_contribution_bps", DAY, 919),
        ("bonus_income_limit_cents", DAY, 8_000_000),
    ],
)
def test_seed_values(name: str, on: date, value: int) -> None:
    assert BOOK.parameter(name, on).integer == value


@pytest.mark.parametrize(
    ("name", "year", "day"),
    [
        ("fringe_previous_year_until", 2027, date(2027, 1, 12)),
        ("child_income_tested_on", 2026, date(2026, 12, 31)),
    ],
)
def test_seed_days(name: str, year: int, day: date) -> None:
    assert BOOK.parameter(name, date(year, 3, 1)).day_in(year) == day


@pytest.mark.parametrize(
    ("code", "year", "amount_cents", "available_on", "usable_to", "window"),
    [
        ("metalworkers", 2025, 20_000, date(2025, 6, 1), date(2026, 5, 31), (date(2025, 6, 1), date(2025, 12, 31))),
        ("metalworkers", 2026, 25_000, date(2026, 2, 28), date(2027, 5, 31), (date(2026, 6, 1), date(2026, 12, 31))),
        ("metalworkers", 2027, 25_000, date(2027, 6, 1), date(2028, 5, 31), (date(2027, 6, 1), date(2027, 12, 31))),
        ("confapi", 2028, 20_000, date(2028, 2, 29), date(2028, 12, 31), (date(2028, 1, 1), date(2028, 12, 31))),
    ],
)
def test_collective_agreements_by_year(
    code: str, year: int, amount_cents: int, available_on: date, usable_to: date, window: tuple[date, date]
) -> None:
    terms = BOOK.agreement(code, date(year, 7, 1))
    assert terms is not None
    assert (terms.amount_cents, terms.available_on(year), terms.usable_to(year)) == (
        amount_cents,
        available_on,
        usable_to,
    )
    assert (terms.window(year).start, terms.window(year).end) == window
    assert (terms.probation_excluded, terms.unpaid_leave_excluded, terms.once_a_year) == (True, True, True)
    assert (terms.fixed_term_min_months, terms.part_time_prorated) == (3, False)


def test_which_agreements_there_are_on_a_day() -> None:
    assert [row.code for row in BOOK.agreements_on(DAY)] == ["metalworkers", "confapi"]
    assert BOOK.agreements_on(date(2024, 12, 31)) == ()
    assert BOOK.agreement("bakers", DAY) is None


def test_what_the_design_leaves_unconfirmed_is_unconfirmed() -> None:
    unconfirmed = {row.name for row in BOOK.parameters if row.status == "unconfirmed" and row.holds(DAY)}
    assert unconfirmed == {"bonus_conversion_cap_cents", "fringe_previous_year_until"}
    assert BOOK.parameter("bonus_conversion_cap_cents", date(2025, 6, 1)).status == "confirmed"


def test_a_parameter_without_a_row_that_day_is_an_error() -> None:
    with pytest.raises(UnknownParameter, match="fringe_limit_cents on 2024-12-31"):
        BOOK.parameter("fringe_limit_cents", date(2024, 12, 31))


def test_a_number_is_no_day_and_a_day_no_number() -> None:
    with pytest.raises(TypeError):
        BOOK.parameter("elderly_age", DAY).day_in(2026)
    with pytest.raises(TypeError):
        _ = BOOK.parameter("child_income_tested_on", DAY).integer


def test_all_six_rule_codes_hold_today_and_grew_with_the_law() -> None:
    assert {row.code for row in BOOK.rules_on(DAY)} == set(get_args(RuleCode))
    assert {row.code for row in BOOK.rules_on(date(2016, 6, 1))} == {"C2_F", "C2_F_BIS", "C2_F_TER", "C3_FRINGE"}
    assert BOOK.rules_on(date(2015, 12, 31)) == ()


def test_payment_forms_are_those_of_the_law() -> None:
    reimbursed = {row.code for row in BOOK.rules if "reimbursement" in row.payment_forms}
    assert reimbursed == {"C2_D_BIS", "C2_F_BIS", "C2_F_TER"}


def test_categories_are_named_in_both_languages_and_end_with_the_last_resort() -> None:
    found = BOOK.categories_on(DAY)
    assert len(found) == 30
    for category in found:
        assert category.name, category.code
        assert category.name_en, category.code
        assert category.rule_codes[-1] == "C3_FRINGE", category.code
        assert len(set(category.rule_codes)) == len(category.rule_codes), category.code
    home_help = next(category for category in found if category.code == "home_help")
    assert (home_help.units, home_help.rule_codes) == (("visit", "hour"), ("C2_F_TER", "C2_F", "C3_FRINGE"))
    claims_only = {category.code for category in found if not category.units}
    assert claims_only == {"household_utilities", "home_rent", "mortgage_interest"}


def test_every_code_has_its_words() -> None:
    assert set(TEMPLATES) == {*get_args(DecisionCode), *get_args(ReadingNote), *get_args(AlternativeCode)}


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (
            "limits.toml",
            "valid_to = 2027-12-31",
            "valid_to = 2028-01-01",
            "limits.toml, limit/fringe_limit_cents/2028-01-01: two rows are valid on the same day",
        ),
        (
            "limits.toml",
            "valid_to = 2027-12-31",
            "valid_to = 2027-12-30",
            "limits.toml, limit/fringe_limit_cents/2028-01-01: no row between 2027-12-30 and 2028-01-01",
        ),
        (
            "limits.toml",
            "valid_from = 2025-01-01\nvalid_to",
            "valid_from = 2029-01-01\nvalid_to",
            "limit/fringe_limit_cents/2029-01-01: valid_to before",
        ),
        ("limits.toml", 'name = "elderly_age"', 'name = "old_age"', r"limits.toml, parameter 10 \(old_age\): name"),
        ("limits.toml", "value = 75", 'value = "75"', r"parameter 10 \(elderly_age\): : .*'75' is no years"),
        ("limits.toml", 'value = "12-31"', 'value = "31-12"', r"child_income_tested_on\): : .*month"),
        (
            "limits.toml",
            'valid_from = 2016-01-01\ncitation = "prassi',
            'valid_from = 2017-01-01\ncitation = "prassi',
            "rules.toml, rule/C2_F_TER/2016-01-01: no row limit/elderly_age on 2016-01-01",
        ),
        (
            "bonus.toml",
            'name = "bonus_contribution_bps"',
            'name = "young_child_max_age"',
            "young_child_max_age stands in both|no row at all for bonus_contribution_bps",
        ),
        (
            "agreements.toml",
            'available_by = "06-01"',
            'available_by = "06-31"',
            r"agreements.toml, agreement 1 \(metalworkers\)",
        ),
        ("agreements.toml", "valid_from = 2026-01-01", "valid_from = 2026-02-01", "begins with a calendar year"),
        ("relations.toml", 'relation = "sibling"', 'relation = "cousin"', r"relations.toml, relation 9 \(cousin\)"),
        (
            "relations.toml",
            "valid_from = 2016-01-01",
            "valid_from = 2016-03-01",
            "rules.toml, rule/C2_F/2016-01-01: no row relation/spouse on 2016-01-01",
        ),
        (
            "rules.toml",
            'citation = "art. 51 c. 3 TUIR (D.P.R. 917/1986)"',
            'citation = " "',
            "rule/C3_FRINGE/2016-01-01: no citation",
        ),
        ("rules.toml", 'status = "confirmed"', 'status = "sure"', r"rules.toml, rule 1 \(C2_D_BIS\): status"),
        (
            "rules.toml",
            'status = "confirmed"',
            'status = "confirmed"\nsigned_off_by = "Rossi"\nsigned_off_on = 2026-01-02',
            "rule/C2_D_BIS/2018-01-01: a row is signed with `beatrice rules sign-off`",
        ),
        ("rules.toml", "for_self = true", "for_self = true\nfor_nobody = true", "for_nobody"),
        ("rules.toml", "valid_from = 2018-01-01", "valid_from = 2019-01-01", "no row rule/C2_D_BIS on 2018-01-01"),
        (
            "rules.toml",
            "valid_from = 2018-01-01",
            "valid_from = 2018-01-01\nvalid_to = 2028-12-31",
            "categories.toml, category/transport_pass/C2_D_BIS/2018-01-01: no row rule/C2_D_BIS on 2029-01-01",
        ),
        (
            "categories.toml",
            'rule_code = "C2_F_TER"',
            'rule_code = "C2_Z"',
            r"categories.toml, category 1 \(home_help\): covers.0.rule_code",
        ),
        ("categories.toml", 'code = "home_nursing"', 'code = "home_help"', "two rows are valid on the same day"),
        ("rules.toml", "[[rule]]", "[other]\n[[rule]]", r"expected only \[\[rule\]\]"),
        ("rules.toml", "[[rule]]", "[[rule]", "Invalid|Expected"),
    ],
)
def test_unsound_rows_are_refused_with_file_and_row(
    tmp_path: Path, file: str, old: str, new: str, complaint: str
) -> None:
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    rewrite(folder / file, old, new)
    with pytest.raises(RuleDataError, match=complaint):
        load(folder)


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "table", "missing"),
    [
        ("rules.toml", "rule", "C2_D_BIS"),
        ("relations.toml", "relation", "spouse"),
        ("limits.toml", "parameter", "fringe_limit_cents"),
    ],
)
def test_a_code_without_a_row_is_refused(tmp_path: Path, file: str, table: str, missing: str) -> None:
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    comment, *rows = (folder / file).read_text(encoding="utf-8").split(f"[[{table}]]")
    others = [row for row in rows if f'= "{missing}"' not in row]
    (folder / file).write_text(f"[[{table}]]".join((comment, *others)), encoding="utf-8")
    with pytest.raises(RuleDataError, match=f"{file}.*: no row at all for {missing}"):
        load(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    (folder / "bonus.toml").unlink()
    with pytest.raises(RuleDataError, match=r"bonus\.toml is missing"):
        load(folder)


def test_the_book_in_force_is_read_once() -> None:
    assert book_in_force() is BOOK


def test_an_unchanged_copy_loads_equal(tmp_path: Path) -> None:
    assert load(shutil.copytree(DATA_FOLDER, tmp_path / "data")) == BOOK


def test_a_new_year_is_a_row_and_no_code(tmp_path: Path) -> None:
    """The law of 2029: another limit, another agreement, siblings always count, and nursing homes no longer do."""
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    end = "\nvalid_to = 2028-12-31"
    limit = next(row for row in blocks(folder / "limits.toml") if "value = 25823" in row)
    rewrite(folder / "limits.toml", limit, limit.replace("2028-01-01", f"2028-01-01{end}"))
    add(folder / "limits.toml", limit, value="30000", valid_from="2029-01-01")
    agreement = blocks(folder / "agreements.toml")[2]
    rewrite(folder / "agreements.toml", agreement, agreement.replace("2027-01-01", f"2027-01-01{end}"))
    add(folder / "agreements.toml", agreement, amount_cents="30000", valid_from="2029-01-01")
    sibling = next(row for row in blocks(folder / "relations.toml") if '"sibling"' in row and "2025-01-01" in row)
    rewrite(folder / "relations.toml", sibling, sibling.replace("2025-01-01", f"2025-01-01{end}"))
    add(folder / "relations.toml", sibling, counts='"always"', valid_from="2029-01-01")
    ended = next(row for row in blocks(folder / "categories.toml") if 'code = "nursing_home"' in row)
    rewrite(folder / "categories.toml", ended, ended.replace("2016-01-01", f"2016-01-01{end}", 1))

    book, old_year, new_year = load(folder), date(2028, 12, 31), date(2029, 1, 1)
    days = (old_year, new_year)
    assert [book.parameter("fringe_limit_cents", day).integer for day in days] == [25_823, 30_000]
    agreed = [book.agreement("metalworkers", day) for day in days]
    assert [terms and terms.amount_cents for terms in agreed] == [25_000, 30_000]
    brother = BeneficiaryFacts("sibling", date(1950, 1, 1))
    questions = [
        Question(
            category="home_help",
            beneficiary=brother,
            payment_form="direct",
            on=day,
            reading="strict",
            refuse_unsigned=False,
        )
        for day in days
    ]
    assert [decide(question, book)[0].code for question in questions] == ["relative_not_eligible", "allowed"]
    homes = [decide(replace(question, category="nursing_home", reading="lenient"), book)[0] for question in questions]
    assert [home.rule_code for home in homes] == ["C2_F_TER", "C2_F"]


def blocks(file: Path) -> list[str]:
    """Return the tables of a file, each as it is written."""
    table = {"limits.toml": "parameter"}.get(file.name, file.stem.removesuffix("s"))
    table = {"categorie": "category"}.get(table, table)
    return [f"[[{table}]]{row}" for row in file.read_text(encoding="utf-8").split(f"[[{table}]]")[1:]]


def add(file: Path, block: str, **changes: str) -> None:
    """Write a copy of a row at the end, with these values."""
    lines = (line for line in block.splitlines() if line and not line.startswith(("#", "valid_to")))
    copied = [f"{name} = {changes[name]}" if (name := line.partition(" ")[0]) in changes else line for line in lines]
    file.write_text(file.read_text(encoding="utf-8") + "\n" + "\n".join(copied) + "\n", encoding="utf-8")
