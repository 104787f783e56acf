"""IBANs: what SEPA can reach is normalised, everything else is refused with its reason and never repeated."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError
from schwifty import IBAN

from app.banking.iban import SEPA_COUNTRIES, Iban, IbanError, normalise_iban

ITALIAN = "IT60X0542811101000000123456"


class Account(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    iban: Iban


@pytest.mark.parametrize(
    "text",
    [
        ITALIAN,
        ITALIAN.lower(),
        "IT60 X054 2811 1010 0000 0123 456",
        "  it60\N{NO-BREAK SPACE}x0542811101000000123456 ",
    ],
)
def test_spellings_of_one_account_are_one_iban(text: str) -> None:
    assert normalise_iban(text) == ITALIAN


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        ("IT60X0542811101000000123457", "check_digits"),
        ("IT61X0542811101000000123456", "check_digits"),
        ("IT64Y0542811101000000123456", "national_check"),
        ("SM90V0322509800000000270100", "national_check"),
        ("IT60X054281110100000012345", "length"),
        ("IT60X05428111010000001234567", "length"),
        ("IT", "structure"),
        ("ITX0X0542811101000000123456", "structure"),
        ("IT6010542811101000000123456", "structure"),
        ("IT60-X054-2811-1010-0000-0123-456", "characters"),
        ("IT60X0542811101000000123456\n", "characters"),
        ("IT60X0542811101000000123456\0", "characters"),
        ("IT\N{FULLWIDTH DIGIT SIX}0X0542811101000000123456", "characters"),
        ("\ud800", "characters"),
        ("BR1800360305000010009795493C1", "country"),
        ("AL47212110090000000235698741", "country"),
        ("ZZ60X0542811101000000123456", "country"),
        ("1", "country"),
        ("I" * 61, "length"),
        ("IT60" + " " * 10**6, "length"),
    ],
)
def test_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(IbanError) as refusal:
        normalise_iban(text)
    assert refusal.value.reason == reason
    assert refusal.value.__cause__ is None
    assert "0542811101" not in str(refusal.value)


@pytest.mark.parametrize("country", sorted(SEPA_COUNTRIES))
def test_every_sepa_country_is_known(country: str) -> None:
    iban = str(IBAN.random(country, random=Random(7)))  # noqa: S311 - test data
    assert normalise_iban(iban.lower()) == iban
    wrong = iban[:2] + f"{(int(iban[2:4]) + 1) % 97:02d}" + iban[4:]
    with pytest.raises(IbanError) as refusal:
        normalise_iban(wrong)
    assert refusal.value.reason == "check_digits"


@given(st.text(max_size=80))
def test_any_text_is_an_iban_or_refused(text: str) -> None:
    try:
        iban = normalise_iban(text)
    except IbanError:
        return
    assert normalise_iban(iban) == iban


@given(st.integers(0, len(ITALIAN) - 1), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
def test_one_wrong_character_never_passes(position: int, character: str) -> None:
    wrong = ITALIAN[:position] + character + ITALIAN[position + 1 :]
    if wrong == ITALIAN:
        assert normalise_iban(wrong) == ITALIAN
    else:
        with pytest.raises(IbanError):
            normalise_iban(wrong)


def test_pydantic_type_normalises_and_reports_a_reason_without_the_value() -> None:
    assert Account.model_validate({"iban": "it60 x0542811101000000123456"}).iban == ITALIAN
    with pytest.raises(ValidationError) as refusal:
        Account.model_validate({"iban": "IT64Y0542811101000000123456"})
    (error,) = refusal.value.errors(include_input=False, include_url=False)
    assert error == {
        "type": "iban",
        "loc": ("iban",),
        "msg": "the national check character (CIN) of this IBAN is wrong",
        "ctx": {"message": "the national check character (CIN) of this IBAN is wrong", "reason": "national_check"},
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [*((value, "string_type") for value in (None, 5, True, ["IT60"])), ("I" * 61, "string_too_long")],
)
def test_pydantic_type_refuses_other_values_before_parsing(value: object, kind: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        Account.model_validate({"iban": value})
    assert [error["type"] for error in refusal.value.errors()] == [kind]
