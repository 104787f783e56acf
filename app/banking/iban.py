"""International bank account numbers (ISO 13616) that a SEPA credit transfer can reach."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from schwifty import IBAN
from schwifty.exceptions import (
    InvalidBBANChecksum,
    InvalidChecksumDigits,
    InvalidCountryCode,
    InvalidLength,
    SchwiftyException,
)

MAX_INPUT = 60
"""The longest IBAN has 34 characters; the rest leaves room for blanks."""

# EPC409-09; territories use the IBAN code of their mother country.
_EEA = frozenset(
    ("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
     "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK"),
)  # fmt: skip
# Albania, Moldova, Montenegro, North Macedonia and Serbia joined in 2025-26 and are left out: a file without BIC may
# not reach them.
SEPA_COUNTRIES = _EEA | {"AD", "CH", "GB", "GI", "MC", "SM", "VA"}
# schwifty knows no national check for these and would warn; mod-97 still holds.
_WITHOUT_NATIONAL_CHECK = frozenset({"HU", "SE"})

IbanReason = Literal["empty", "characters", "country", "length", "structure", "check_digits", "national_check"]
_MESSAGES: dict[IbanReason, str] = {
    "empty": "an IBAN is needed",
    "characters": "an IBAN has only letters and digits",
    "country": "this IBAN is not of a SEPA country",
    "length": "this IBAN is too short or too long for its country",
    "structure": "this IBAN does not have the form of its country",
    "check_digits": "the check digits of this IBAN are wrong",
    "national_check": "the national check character (CIN) of this IBAN is wrong",
}


class IbanError(ValueError):
    """The text is no IBAN that SEPA can reach; `reason` says why, the message never repeats the text."""

    def __init__(self, reason: IbanReason) -> None:
        super().__init__(_MESSAGES[reason])
        self.reason = reason


def normalise_iban(text: str) -> str:
    """Return the IBAN in capitals without blanks, or raise IbanError.

    Checks country, length, structure, mod-97 and the national check (for Italy and San Marino the CIN, which an IBAN
    with right mod-97 may still have wrong).
    """
    if len(text) > MAX_INPUT:
        raise IbanError("length")
    compact = text.replace(" ", "").replace("\N{NO-BREAK SPACE}", "")
    if not compact:
        raise IbanError("empty")
    if not (compact.isascii() and compact.isalnum()):
        raise IbanError("characters")
    compact = compact.upper()
    if compact[:2] not in SEPA_COUNTRIES:
        raise IbanError("country")
    try:
        iban = IBAN(compact)
        if compact[:2] not in _WITHOUT_NATIONAL_CHECK:
            iban.bban.validate_national_checksum()
    except SchwiftyException as error:
        raise IbanError(_reason(error)) from None
    return compact


def _reason(error: SchwiftyException) -> IbanReason:
    match error:
        case InvalidCountryCode():
            return "country"
        case InvalidLength():
            return "length"
        case InvalidChecksumDigits():
            return "check_digits"
        case InvalidBBANChecksum():
            return "national_check"
        case _:
            return "structure"


def _validate(text: str) -> str:
    try:
        return normalise_iban(text)
    except IbanError as error:
        raise PydanticCustomError("iban", "{message}", {"message": str(error), "reason": error.reason}) from None


Iban = Annotated[
    str,
    Field(max_length=MAX_INPUT, examples=["IT60X0542811101000000123456"]),
    AfterValidator(_validate),
]
