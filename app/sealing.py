"""What is encrypted at rest, and what is found by a keyed hash: AES-GCM and HMAC under keys derived per purpose.

Fiscal codes, facts about people and access notes are sealed with the row's id and, where it must be, found again by a
hash. A module lists its sealed columns as `SEALED`: start-up checks that the keys open them, `beatrice reseal` seals
them anew.
"""

import base64
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.config import settings
from app.errors import AppError

log = structlog.get_logger()
FISCAL_CODE = "fiscal_code"
ACCESS_NOTES = "access_notes"
KEY_ID_BYTES = 4
NONCE_BYTES = 12


class Unreadable(AppError, status=503, code="unreadable"):
    """Something stored cannot be opened with the keys of this server: the operator has to look, try again later."""


@dataclass(frozen=True)
class SealedColumn:
    """A column that `encrypt` filled: for what purpose, bound to which other columns, and where its hash stands."""

    table: str
    column: str
    purpose: str
    context: tuple[str, ...] = ("id",)
    """The columns whose bytes are the context, in this order."""
    key: tuple[str, ...] = ("id",)
    """The primary key."""
    hash_column: str | None = None
    """A keyed hash of what is sealed, by which equal values are found."""
    at_once: int = 500
    """How many rows are sealed anew in one transaction, and held in memory."""


def context_of(*parts: UUID | bytes | str) -> bytes:
    """Return what binds a sealed value to its row; only the last part may vary in length."""
    return b"".join(
        part.bytes if isinstance(part, UUID) else part.encode() if isinstance(part, str) else part for part in parts
    )


@lru_cache(maxsize=64)
def _derive(secret_key: str, purpose: str) -> bytes:
    secret = base64.urlsafe_b64decode(secret_key)
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


def derived_key(purpose: str, index: int = 0) -> bytes:
    """Return the 32-byte key of one purpose (HKDF-SHA256 of a secret key; 0 is the newest)."""
    return _derive(settings().secret_keys[index], purpose)


def key_id(index: int) -> bytes:
    return hashlib.sha256(settings().secret_keys[index].encode()).digest()[:KEY_ID_BYTES]


def encrypt(purpose: str, plain: bytes, context: bytes = b"") -> bytes:
    """Seal bytes with AES-GCM: key id (4), nonce (12), ciphertext; `context` must be given again to open."""
    nonce = os.urandom(NONCE_BYTES)
    return key_id(0) + nonce + AESGCM(derived_key(purpose)).encrypt(nonce, plain, context)


def decrypt(purpose: str, sealed: bytes, context: bytes = b"") -> bytes:
    """Open what `encrypt` sealed with any of the configured keys; Unreadable when none of them opens it."""
    opened = open_given(purpose, sealed, context)
    if opened is None:
        log.error("unreadable", purpose=purpose, key_id=sealed[:4].hex())
        raise Unreadable
    return opened


def open_given(purpose: str, sealed: bytes, context: bytes = b"") -> bytes | None:
    """Open what came back from outside (a cursor, a cookie); None when no key opens it, which is nobody's alarm."""
    named, nonce, body = sealed[:4], sealed[4:16], sealed[16:]
    # An id of four bytes may belong to two keys: each is tried.
    for index in range(len(settings().secret_keys)):
        if key_id(index) == named:
            try:
                return AESGCM(derived_key(purpose, index)).decrypt(nonce, body, context)
            except (InvalidTag, ValueError):  # ValueError: a nonce that was cut
                continue
    return None


def keyed_hash(purpose: str, value: bytes) -> bytes:
    """Return HMAC-SHA256 under the newest key: an index over secrets of low entropy such as fiscal codes."""
    digest = hmac.HMAC(derived_key(purpose), hashes.SHA256())
    digest.update(value)
    return digest.finalize()


def newest_and_known() -> tuple[bytes, Sequence[bytes]]:
    """Return the id of the key that seals, and the ids of all that open."""
    known = [key_id(index) for index in range(len(settings().secret_keys))]
    return known[0], known


def seal_fiscal_code(code: str, row_id: UUID) -> bytes:
    """Seal the normalised code for one row of `employee` or `care.beneficiary`; moved elsewhere it does not open."""
    return encrypt(FISCAL_CODE, code.encode(), row_id.bytes)


def open_fiscal_code(sealed: bytes, row_id: UUID) -> str:
    """Return the code that `seal_fiscal_code` sealed for this row."""
    return decrypt(FISCAL_CODE, sealed, row_id.bytes).decode()


def fiscal_code_index(code: str) -> bytes:
    """Return the keyed hash by which equal codes are found without opening any."""
    return keyed_hash(FISCAL_CODE, code.encode())


def seal_access_notes(notes: str, row_id: UUID) -> bytes:
    return encrypt(ACCESS_NOTES, notes.encode(), row_id.bytes)


def open_access_notes(sealed: bytes, row_id: UUID) -> str:
    return decrypt(ACCESS_NOTES, sealed, row_id.bytes).decode()
