"""Fiscal codes: check letter, omocodia, birth date; organisations' eleven digits."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from app import clock
from app.banking.fiscal_codes import (
    FiscalCode,
    FiscalCodeError,
    TaxCode,
    birth_date_of,
    canonical_fiscal_code,
    is_born_on,
    normalise_fiscal_code,
    normalise_tax_code,
)

# Invented people: "Rossi Maria" or "Mario", born in Milan.
PERSON = "RSSMRA80A01F205X"
WOMAN = "RSSMRA80A41F205B"
OMOCODIC = "RSSMRA80A01F20RS"
ALL_OMOCODIC = "RSSMRAULALMFNLRD"
ORGANISATION = "00743110157"


class Party(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    fiscal_code: FiscalCode = PERSON
    tax_code: TaxCode = ORGANISATION


@pytest.mark.parametrize(
    "text", [PERSON, PERSON.lower(), " rss mra 80a01 f205x ", "RSSMRA\N{NO-BREAK SPACE}80A01F205X"]
)
def test_spellings_of_one_code(text: str) -> None:
    assert normalise_fiscal_code(text) == PERSON


def test_omocodia_is_valid_as_it_stands() -> None:
    assert normalise_fiscal_code(OMOCODIC.lower()) == OMOCODIC
    assert normalise_fiscal_code(ALL_OMOCODIC) == ALL_OMOCODIC
    assert normalise_fiscal_code(WOMAN) == WOMAN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("RSSMRA80A01F205Y", "check_digit"),
        ("RSSMRA80A01F205", "length"),
        ("RSSMRA80A01F205XX", "length"),
        ("X" * 10**6, "length"),
        ("RSSMRA80A01F2051", "structure"),
        ("1SSMRA80A01F205X", "structure"),
        ("RSSMRA80F01F205X", "structure"),
        ("RSSMRA01B29F205C", "structure"),
        ("RSSMRA80A00F205Y", "structure"),
        ("RSSMRA80A32F205F", "structure"),
        ("RSSMRA80A40F205C", "structure"),
        ("RSSMRA80A72F205J", "structure"),
        ("RSSMRA80A81F205F", "structure"),
        ("RSSMRA80A85F205S", "structure"),
        ("RSSMRA80A01F205X\n", "characters"),
        ("RSSMRA80A01F20-5X", "characters"),
        ("RSSMRA80A01F205\N{FULLWIDTH LATIN CAPITAL LETTER X}", "characters"),
        ("RSSMRA80A01F205\N{LATIN SMALL LETTER SHARP S}", "characters"),
        ("\ud800", "characters"),
        (ORGANISATION, "person_needed"),
        ("IT" + ORGANISATION, "person_needed"),
    ],
)
def test_refused_as_a_person_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(FiscalCodeError) as refusal:
        normalise_fiscal_code(text)
    assert refusal.value.reason == reason
    assert "RSSMRA" not in str(refusal.value)


@pytest.mark.parametrize("text", [ORGANISATION, "007 4311 0157", "it00743110157", "IT 00743110157"])
def test_spellings_of_one_organisation(text: str) -> None:
    assert normalise_tax_code(text) == ORGANISATION


def test_associations_and_sole_traders_have_tax_codes() -> None:
    assert normalise_tax_code("95012340162") == "95012340162"
    assert normalise_tax_code(PERSON.lower()) == PERSON


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("00000000000", "structure"),
        ("00000000166", "structure"),
        ("00743110158", "check_digit"),
        ("01234569901", "structure"),
        ("0743110157", "length"),
        ("007431101570", "length"),
        ("FR00743110157", "length"),
        ("00743110157 ;", "characters"),
        ("\N{ARABIC-INDIC DIGIT ZERO}0743110157", "characters"),
        ("RSSMRA80A01F205Y", "check_digit"),
    ],
)
def test_refused_as_a_tax_code_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(FiscalCodeError) as refusal:
        normalise_tax_code(text)
    assert refusal.value.reason == reason


def test_canonical_code_undoes_omocodia() -> None:
    assert canonical_fiscal_code(PERSON) == PERSON
    assert canonical_fiscal_code(OMOCODIC) == PERSON
    assert canonical_fiscal_code(ALL_OMOCODIC.lower()) == PERSON
    assert canonical_fiscal_code(WOMAN) == WOMAN


def test_birth_date() -> None:
    today = date(2026, 11, 23)
    assert birth_date_of(PERSON, today) == date(1980, 1, 1)
    assert birth_date_of(WOMAN, today) == date(1980, 1, 1)
    assert birth_date_of(ALL_OMOCODIC, today) == date(1980, 1, 1)
    assert birth_date_of("RSSMRA80A71F205E", today) == date(1980, 1, 31)
    assert birth_date_of("RSSMRA20A01F205J", today) == date(2020, 1, 1)
    assert birth_date_of("RSSMRA20A01F205J", date(2019, 12, 31)) == date(1920, 1, 1)
    assert birth_date_of("RSSMRA00B29F205B", today) == date(2000, 2, 29)


def test_birth_date_is_never_in_the_future() -> None:
    today = date(2026, 11, 23)
    assert birth_date_of("RSSMRA26S22F205H", today) == date(2026, 11, 22)
    assert birth_date_of("RSSMRA26S24F205L", today) == date(1926, 11, 24)
    with clock.at(datetime(2026, 11, 23, 22, 30, tzinfo=UTC)):
        assert birth_date_of("RSSMRA26S24F205L") == date(1926, 11, 24)
    with clock.at(datetime(2026, 11, 23, 23, 30, tzinfo=UTC)):
        assert birth_date_of("RSSMRA26S24F205L") == date(2026, 11, 24)


def test_29_february_of_a_century_without_it_is_refused() -> None:
    with pytest.raises(FiscalCodeError) as refusal:
        birth_date_of("RSSMRA00B29F205B", date(1999, 12, 31))
    assert refusal.value.reason == "structure"


def test_stated_birth_date_agrees_in_any_century() -> None:
    assert is_born_on("RSSMRA20A01F205J", date(2020, 1, 1)) is True
    assert is_born_on("RSSMRA20A01F205J", date(1920, 1, 1)) is True
    assert is_born_on("RSSMRA20A01F205J", date(2020, 1, 2)) is False
    assert is_born_on(WOMAN, date(1980, 1, 1)) is True
    assert is_born_on(WOMAN, date(1981, 1, 1)) is False


@given(st.text(max_size=45))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    for normalise in (normalise_fiscal_code, normalise_tax_code):
        try:
            code = normalise(text)
        except FiscalCodeError:
            continue
        assert normalise(code) == code


@given(st.integers(0, 15), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_a_wrong_character_is_refused_or_another_code(position: int, character: str) -> None:
    wrong = PERSON[:position] + character + PERSON[position + 1 :]
    if wrong == PERSON:
        assert normalise_fiscal_code(wrong) == PERSON
    else:
        with pytest.raises(FiscalCodeError):
            normalise_fiscal_code(wrong)


def test_pydantic_types_normalise_and_report_a_reason_without_the_value() -> None:
    party = Party.model_validate({"fiscal_code": OMOCODIC.lower(), "tax_code": "IT 00743110157"})
    assert (party.fiscal_code, party.tax_code) == (OMOCODIC, ORGANISATION)
    with pytest.raises(ValidationError) as refusal:
        Party.model_validate({"fiscal_code": ORGANISATION, "tax_code": "0" * 11})
    assert [(error["type"], error["loc"], error["ctx"]["reason"]) for error in refusal.value.errors()] == [
        ("fiscal_code", ("fiscal_code",), "person_needed"),
        ("fiscal_code", ("tax_code",), "structure"),
    ]
