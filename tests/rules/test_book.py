"""The rows themselves: seed values, dates, and what loading refuses."""

import shutil
from datetime import date
from pathlib import Path
from typing import get_args

import pytest

from app.rules.book import DATA_FOLDER, RuleDataError, UnknownParameter, book_in_force, load
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
        ("metalworkers_credit_cents", date(2025, 6, 1), 20_000),
        ("metalworkers_credit_cents", DAY, 25_000),
        ("metalworkers_fixed_term_min_months", DAY, 3),
        ("metalworkers_part_time_prorated", DAY, 0),
        ("confapi_credit_cents", DAY, 20_000),
    ],
)
def test_seed_values(name: str, on: date, value: int) -> None:
    assert BOOK.parameter(name, on).integer == value


@pytest.mark.parametrize(
    ("name", "year", "day"),
    [
        ("metalworkers_available_by", 2025, date(2025, 6, 1)),
        ("metalworkers_available_by", 2026, date(2026, 2, 28)),
        ("metalworkers_available_by", 2027, date(2027, 6, 1)),
        ("metalworkers_usable_until", 2026, date(2027, 5, 31)),
        ("metalworkers_leave_window_start", 2026, date(2026, 6, 1)),
        ("metalworkers_leave_window_end", 2026, date(2026, 12, 31)),
        ("confapi_available_by", 2028, date(2028, 2, 29)),
        ("confapi_usable_until", 2026, date(2026, 12, 31)),
        ("fringe_previous_year_until", 2027, date(2027, 1, 12)),
        ("child_income_tested_on", 2026, date(2026, 12, 31)),
    ],
)
def test_seed_days(name: str, year: int, day: date) -> None:
    assert BOOK.parameter(name, date(year, 3, 1)).day_in(year) == day


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
        _ = BOOK.parameter("confapi_usable_until", DAY).integer


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
        ("parameters.toml", "valid_to = 2027-12-31", "valid_to = 2028-01-01", "two rows are valid on the same day"),
        (
            "parameters.toml",
            "valid_to = 2027-12-31",
            "valid_to = 2027-12-30",
            "parameter fringe_limit_cents: no row between 2027-12-30 and 2028-01-01",
        ),
        (
            "parameters.toml",
            "valid_from = 2025-01-01\nvalid_to",
            "valid_from = 2029-01-01\nvalid_to",
            "valid_to before",
        ),
        ("rules.toml", 'citation = "art. 51 c. 3 TUIR (D.P.R. 917/1986)"', 'citation = " "', "no citation"),
        ("rules.toml", 'status = "confirmed"', 'status = "sure"', "status"),
        ("rules.toml", 'status = "confirmed"', 'status = "confirmed"\nsigned_off_by = "Rossi"', "a name and a date"),
        ("rules.toml", "for_self = true", "for_self = true\nfor_nobody = true", "for_nobody"),
        ("rules.toml", "valid_from = 2018-01-01", "valid_from = 2019-01-01", "no rule row C2_D_BIS on 2018-01-01"),
        ("categories.toml", 'rule_code = "C2_F_TER"', 'rule_code = "C2_Z"', "rule_code"),
        ("categories.toml", 'code = "home_nursing"', 'code = "home_help"', "two rows are valid on the same day"),
        ("rules.toml", "[[rule]]", "[other]\n[[rule]]", r"expected only \[\[rule\]\]"),
        ("rules.toml", "[[rule]]", "[[rule]", "Invalid|Expected"),
    ],
)
def test_unsound_rows_are_refused(tmp_path: Path, file: str, old: str, new: str, complaint: str) -> None:
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(RuleDataError, match=complaint):
        load(folder)


def test_a_rule_code_without_a_row_is_refused(tmp_path: Path) -> None:
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    file = folder / "rules.toml"
    comment, first, *others = file.read_text(encoding="utf-8").split("[[rule]]")
    assert 'code = "C2_D_BIS"' in first
    file.write_text("[[rule]]".join((comment, *others)), encoding="utf-8")
    with pytest.raises(RuleDataError, match="no rule row at all for C2_D_BIS"):
        load(folder)


def test_the_book_in_force_is_read_once() -> None:
    assert book_in_force() is BOOK


def test_an_unchanged_copy_loads_equal(tmp_path: Path) -> None:
    assert load(shutil.copytree(DATA_FOLDER, tmp_path / "data")) == BOOK


def test_a_new_year_is_a_row_and_no_code(tmp_path: Path) -> None:
    folder = shutil.copytree(DATA_FOLDER, tmp_path / "data")
    file = folder / "parameters.toml"
    head, rest = file.read_text(encoding="utf-8").split("value = 25823\nvalid_from = 2028-01-01\n", 1)
    ended = f"{head}value = 25823\nvalid_from = 2028-01-01\nvalid_to = 2028-12-31\n{rest}"
    new = """
[[parameter]]
name = "fringe_limit_cents"
kind = "cents"
value = 30000
valid_from = 2029-01-01
citation = "a law of 2028"
source = "test"
status = "unconfirmed"
"""
    file.write_text(ended + new, encoding="utf-8")
    book = load(folder)
    assert [book.parameter("fringe_limit_cents", date(year, 1, 1)).integer for year in (2028, 2029)] == [25_823, 30_000]
