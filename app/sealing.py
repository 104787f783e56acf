"""What is encrypted at rest, and what is found by a keyed hash: AES-GCM and HMAC under keys derived per purpose.

Fiscal codes and access notes are sealed with the row's id and, where it must be, found again by a hash.
"""

import base64
import hashlib
import os
from functools import lru_cache
from uuid import UUID

from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.config import settings

FISCAL_CODE = "fiscal_code"
ACCESS_NOTES = "access_notes"


@lru_cache(maxsize=32)
def derived_key(purpose: str, index: int = 0) -> bytes:
    """Return the 32-byte key of one purpose (HKDF-SHA256 of a secret key; 0 is the newest)."""
    secret = base64.urlsafe_b64decode(settings().secret_keys[index])
    return HKDF(hashes.SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)


def key_id(index: int) -> bytes:
    return hashlib.sha256(settings().secret_keys[index].encode()).digest()[:4]


def encrypt(purpose: str, plain: bytes, context: bytes = b"") -> bytes:
    """Seal bytes with AES-GCM: key id (4), nonce (12), ciphertext; `context` must be given again to open."""
    nonce = os.urandom(12)
    return key_id(0) + nonce + AESGCM(derived_key(purpose)).encrypt(nonce, plain, context)


def decrypt(purpose: str, sealed: bytes, context: bytes = b"") -> bytes:
    """Open what `encrypt` sealed with any of the configured keys; LookupError when the key is gone."""
    for index in range(len(settings().secret_keys)):
        if key_id(index) == sealed[:4]:
            return AESGCM(derived_key(purpose, index)).decrypt(sealed[4:16], sealed[16:], context)
    raise LookupError("sealed with a key that is no longer configured")


def keyed_hash(purpose: str, value: bytes) -> bytes:
    """Return HMAC-SHA256: an index over secrets of low entropy such as fiscal codes."""
    digest = hmac.HMAC(derived_key(purpose), hashes.SHA256())
    digest.update(value)
    return digest.finalize()


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
