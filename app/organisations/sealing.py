"""Fiscal codes and access notes at rest: sealed with the row's id, found again by a keyed hash."""

from uuid import UUID

from app import config

FISCAL_CODE = "fiscal_code"
ACCESS_NOTES = "access_notes"


def seal_fiscal_code(code: str, row_id: UUID) -> bytes:
    """Seal the normalised code for one row of `employee` or `care.beneficiary`; moved elsewhere it does not open."""
    return config.encrypt(FISCAL_CODE, code.encode(), row_id.bytes)


def open_fiscal_code(sealed: bytes, row_id: UUID) -> str:
    """Return the code that `seal_fiscal_code` sealed for this row."""
    return config.decrypt(FISCAL_CODE, sealed, row_id.bytes).decode()


def fiscal_code_index(code: str) -> bytes:
    """Return the keyed hash by which equal codes are found without opening any."""
    return config.keyed_hash(FISCAL_CODE, code.encode())


def seal_access_notes(notes: str, row_id: UUID) -> bytes:
    return config.encrypt(ACCESS_NOTES, notes.encode(), row_id.bytes)


def open_access_notes(sealed: bytes, row_id: UUID) -> str:
    return config.decrypt(ACCESS_NOTES, sealed, row_id.bytes).decode()
