"""Write SEPA credit transfers as ISO 20022 `pain.001.001.09`, one debit account per file.

The same input gives the same bytes, because people approve the hash of a file. Profile: EPC credit transfer rulebook,
IBAN only, charges shared (SLEV), one booking for the batch. An address may be left out; one that is given is
structured: since 15 November 2026 the EPC refuses address lines alone. The Italian CBI dialect is another profile, not
written here.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal

from lxml import etree

from app.banking.iban import normalise_iban
from app.banking.sepa_text import is_identifier, to_sepa

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"
MAX_AMOUNT_CENTS = 99_999_999_999
"""999,999,999.99 euro, the limit of a SEPA credit transfer."""
_NAME_LENGTH = 70
_REMITTANCE_LENGTH = 140
_STREET_LENGTH = 70
_CODE_LENGTH = 16
_TOWN_LENGTH = 35

PaymentFileReason = Literal[
    "no_payments",
    "identifier",
    "duplicate_end_to_end_id",
    "amount",
    "name",
    "remittance",
    "address",
    "time",
]


@dataclass(frozen=True, slots=True)
class Address:
    """A structured postal address; `town` and `country` (two capitals) are obligatory, the rest may be empty."""

    street: str
    number: str
    postcode: str
    town: str
    country: str = "IT"


@dataclass(frozen=True, slots=True)
class Payment:
    """One credit transfer in euro; its end-to-end id comes back in camt.053 and is unique in the file."""

    end_to_end_id: str
    creditor_name: str
    creditor_iban: str
    amount_cents: int
    remittance: str
    address: Address | None = None


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """All transfers that leave one account on one day; `created_at` is an aware instant, `message_id` never reused."""

    message_id: str
    created_at: datetime
    debtor_name: str
    debtor_iban: str
    requested_execution_on: date
    payments: Sequence[Payment]


class PaymentFileError(ValueError):
    """Nothing is written: `reason` says why, `position` which payment (from 0; None: the file itself)."""

    def __init__(self, reason: PaymentFileReason, position: int | None = None) -> None:
        where = "" if position is None else f" in payment {position}"
        super().__init__(f"payment file refused: {reason}{where}")
        self.reason = reason
        self.position = position


def content_sha256(content: bytes) -> str:
    """Return the hash that an approval binds to, in lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def control_sum_cents(payments: Sequence[Payment]) -> int:
    return sum(payment.amount_cents for payment in payments)


def write(file: PaymentFile) -> bytes:
    """Return the file as UTF-8 XML, valid against pain.001.001.09.

    Names, remittance and addresses are transliterated into the SEPA characters and cut at their maximum; identifiers
    and amounts are never changed. Raises PaymentFileError, or IbanError for an account.
    """
    _check(file)
    count, total = str(len(file.payments)), _euro(control_sum_cents(file.payments))
    debtor = _text(file.debtor_name, _NAME_LENGTH, "name", None)
    document = etree.XML(f'<Document xmlns="{NAMESPACE}"/>')
    initiation = _child(document, "CstmrCdtTrfInitn")
    header = _child(initiation, "GrpHdr")
    _child(header, "MsgId", file.message_id)
    _child(header, "CreDtTm", file.created_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z")
    _child(header, "NbOfTxs", count)
    _child(header, "CtrlSum", total)
    _child(_child(header, "InitgPty"), "Nm", debtor)
    batch = _child(initiation, "PmtInf")
    _child(batch, "PmtInfId", file.message_id)
    _child(batch, "PmtMtd", "TRF")
    _child(batch, "BtchBookg", "true")
    _child(batch, "NbOfTxs", count)
    _child(batch, "CtrlSum", total)
    _path(batch, "PmtTpInf/SvcLvl/Cd", "SEPA")
    _path(batch, "ReqdExctnDt/Dt", file.requested_execution_on.isoformat())
    _path(batch, "Dbtr/Nm", debtor)
    _path(batch, "DbtrAcct/Id/IBAN", normalise_iban(file.debtor_iban))
    # The schema wants a debtor agent; the bank knows its own account by the IBAN.
    _path(batch, "DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED")
    _child(batch, "ChrgBr", "SLEV")
    for position, payment in enumerate(file.payments):
        _write_payment(_child(batch, "CdtTrfTxInf"), payment, position)
    return etree.tostring(document, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _check(file: PaymentFile) -> None:
    if not file.payments:
        raise PaymentFileError("no_payments")
    if not is_identifier(file.message_id):
        raise PaymentFileError("identifier")
    if file.created_at.utcoffset() is None or isinstance(file.requested_execution_on, datetime):
        raise PaymentFileError("time")
    seen: set[str] = set()
    for position, payment in enumerate(file.payments):
        if not is_identifier(payment.end_to_end_id):
            raise PaymentFileError("identifier", position)
        if payment.end_to_end_id in seen:
            raise PaymentFileError("duplicate_end_to_end_id", position)
        seen.add(payment.end_to_end_id)
        # A bool or a float would be written as something else than it seems.
        if type(payment.amount_cents) is not int or not 0 < payment.amount_cents <= MAX_AMOUNT_CENTS:
            raise PaymentFileError("amount", position)


def _write_payment(transfer: etree._Element, payment: Payment, position: int) -> None:
    _path(transfer, "PmtId/EndToEndId", payment.end_to_end_id)
    amount = _child(_child(transfer, "Amt"), "InstdAmt", _euro(payment.amount_cents))
    amount.set("Ccy", "EUR")
    creditor = _child(transfer, "Cdtr")
    _child(creditor, "Nm", _text(payment.creditor_name, _NAME_LENGTH, "name", position))
    if payment.address is not None:
        _write_address(_child(creditor, "PstlAdr"), payment.address, position)
    _path(transfer, "CdtrAcct/Id/IBAN", normalise_iban(payment.creditor_iban))
    _path(transfer, "RmtInf/Ustrd", _text(payment.remittance, _REMITTANCE_LENGTH, "remittance", position))


def _write_address(element: etree._Element, address: Address, position: int) -> None:
    country = address.country
    if not (len(country) == len("IT") and country.isascii() and country.isalpha() and country.isupper()):
        raise PaymentFileError("address", position)
    optional = (
        ("StrtNm", address.street, _STREET_LENGTH),
        ("BldgNb", address.number, _CODE_LENGTH),
        ("PstCd", address.postcode, _CODE_LENGTH),
    )
    for tag, value, length in optional:
        if text := to_sepa(value, length):
            _child(element, tag, text)
    _child(element, "TwnNm", _text(address.town, _TOWN_LENGTH, "address", position))
    _child(element, "Ctry", country)


def _text(value: str, length: int, reason: PaymentFileReason, position: int | None) -> str:
    text = to_sepa(value, length)
    if not text:
        raise PaymentFileError(reason, position)
    return text


def _euro(amount_cents: int) -> str:
    return f"{amount_cents // 100}.{amount_cents % 100:02d}"


def _child(parent: etree._Element, tag: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
    element.text = text
    return element


def _path(parent: etree._Element, path: str, text: str) -> None:
    for tag in path.split("/"):
        parent = _child(parent, tag)
    parent.text = text
