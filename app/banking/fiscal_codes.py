"""Italian tax identifiers: codice fiscale of a person, partita IVA or codice fiscale of an organisation.

Source: DM 23 December 1976 n. 13813 (form, check letter, omocodia), DPR 633/1972 art. 35 (partita IVA).
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.it import codicefiscale, iva

from app import clock

MAX_INPUT = 40
PERSON_LENGTH = 16
_ORGANISATION = re.compile(r"(?:IT)?([0-9]{11})")
_DIGIT_POSITIONS = (6, 7, 9, 10, 12, 13, 14)
_OMOCODIA = dict(zip("LMNPQRSTUV", "0123456789", strict=True))
_MONTHS = "ABCDEHLMPRST"
_FEMALE_DAYS = 40
_LAST_DAY = 31

FiscalCodeReason = Literal["empty", "characters", "length", "structure", "check_digit", "person_needed"]
_MESSAGES: dict[FiscalCodeReason, str] = {
    "empty": "a fiscal code is needed",
    "characters": "a fiscal code has only letters and digits",
    "length": "a fiscal code has 16 characters, a VAT number 11 digits",
    "structure": "this is not the form of a fiscal code",
    "check_digit": "the check character of this fiscal code is wrong",
    "person_needed": "the 16-character fiscal code of a person is needed, not the 11 digits of an organisation",
}


class FiscalCodeError(ValueError):
    """The text is no such identifier; `reason` says why, the message never repeats the text."""

    def __init__(self, reason: FiscalCodeReason) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


def normalise_fiscal_code(text: str) -> str:
    """Return a person's codice fiscale in capitals without blanks; codes changed for omocodia are valid as they are."""
    code = _compact(text)
    if _ORGANISATION.fullmatch(code):
        raise FiscalCodeError("person_needed")
    return _person(code)


def normalise_tax_code(text: str) -> str:
    """Return an organisation's identifier: 11 digits (a leading `IT` is dropped), or a sole trader's personal code."""
    code = _compact(text)
    if match := _ORGANISATION.fullmatch(code):
        return _checked(iva.validate, match[1])
    return _person(code)


def canonical_fiscal_code(code: str) -> str:
    """Undo omocodia: letters standing for digits become digits again, with the check letter that belongs to them.

    Omocodia exists because two people would have had the same code, so equal canonical codes are a reason to ask, not
    proof of one person. Never make them unique.
    """
    code = normalise_fiscal_code(code)
    characters = list(code[:-1])
    for position in _DIGIT_POSITIONS:
        characters[position] = _OMOCODIA.get(characters[position], characters[position])
    plain = "".join(characters)
    return plain + codicefiscale.calc_check_digit(plain)


def birth_date_of(fiscal_code: str, on: date | None = None) -> date:
    """Return the birth date in a person's code: the latest such date not after `on` (default: today in Rome).

    The code keeps two digits of the year, so a person of 100 or more reads a century too young; use
    `is_born_on` where a date is stated.
    """
    reference = on or clock.today()
    code = canonical_fiscal_code(fiscal_code)
    month, day = _month_and_day(code)
    this_century = reference.year - reference.year % 100 + int(code[6:8])
    for year in (this_century, this_century - 100, this_century - 200):
        # 29 February does not exist in each of these years.
        if (month, day) <= (month, monthrange(year, month)[1]) and (found := date(year, month, day)) <= reference:
            return found
    raise FiscalCodeError("structure")


def is_born_on(fiscal_code: str, birth_date: date) -> bool:
    """Tell whether a stated birth date agrees with a person's code, whatever the century."""
    code = canonical_fiscal_code(fiscal_code)
    return birth_date.year % 100 == int(code[6:8]) and (birth_date.month, birth_date.day) == _month_and_day(code)


def _compact(text: str) -> str:
    if len(text) > MAX_INPUT:
        raise FiscalCodeError("length")
    code = text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    if not code:
        raise FiscalCodeError("empty")
    if not (code.isascii() and code.isalnum()):
        raise FiscalCodeError("characters")
    return code.upper()


def _person(code: str) -> str:
    if len(code) != PERSON_LENGTH:
        raise FiscalCodeError("length")
    checked = _checked(codicefiscale.validate, code)
    day = int("".join(_OMOCODIA.get(character, character) for character in checked[9:11]))
    # The library takes the day modulo 40 and so lets 81 to 99 pass.
    if not (0 < day <= _LAST_DAY or 0 < day - _FEMALE_DAYS <= _LAST_DAY):
        raise FiscalCodeError("structure")
    return checked


def _checked(validate: Callable[[str], str], code: str) -> str:
    try:
        return validate(code)
    except InvalidChecksum:
        raise FiscalCodeError("check_digit") from None
    except ValidationError:
        raise FiscalCodeError("structure") from None


def _month_and_day(canonical: str) -> tuple[int, int]:
    day = int(canonical[9:11])
    return _MONTHS.index(canonical[8]) + 1, day - _FEMALE_DAYS if day > _FEMALE_DAYS else day


def _validator(normalise: Callable[[str], str]) -> Callable[[str], str]:
    def validate(text: str) -> str:
        try:
            return normalise(text)
        except FiscalCodeError as error:
            context = {"message": str(error), "reason": error.reason}
            raise PydanticCustomError("fiscal_code", "{message}", context) from None

    return validate


FiscalCode = Annotated[
    str,
    Field(max_length=MAX_INPUT, examples=["RCCMNL83S18D969H"]),
    AfterValidator(_validator(normalise_fiscal_code)),
]
TaxCode = Annotated[
    str,
    Field(max_length=MAX_INPUT, examples=["00743110157"]),
    AfterValidator(_validator(normalise_tax_code)),
]
