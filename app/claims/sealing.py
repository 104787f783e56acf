"""The words of claims, whom they pay and their documents at rest, each sealed for its row."""

import json
from typing import Literal
from uuid import UUID

from app import sealing

Words = Literal["claim_details", "claim_payee", "claim_question", "claim_answer", "claim_decision", "claim_appeal"]
DOCUMENT = "claim_document"
FILE = "claim_file"


def seal(kind: Words, words: str, claim_id: UUID) -> bytes:
    return sealing.encrypt(kind, words.encode(), claim_id.bytes)


def unseal(kind: Words, sealed: bytes | None, claim_id: UUID) -> str | None:
    return None if sealed is None else sealing.decrypt(kind, sealed, claim_id.bytes).decode()


def seal_fields(kind: Words, fields: dict[str, str], claim_id: UUID) -> bytes:
    return seal(kind, json.dumps(fields, ensure_ascii=False), claim_id)


def unseal_fields(kind: Words, sealed: bytes, claim_id: UUID) -> dict[str, str]:
    fields: dict[str, str] = json.loads(sealing.decrypt(kind, sealed, claim_id.bytes))
    return fields


def fingerprint(identity: str) -> bytes:
    """Return the keyed hash by which the same document is found again."""
    return sealing.keyed_hash(DOCUMENT, identity.encode())


def seal_identity(identity: str, document_id: UUID) -> bytes:
    return sealing.encrypt(DOCUMENT, identity.encode(), document_id.bytes)


def seal_file(content: bytes, file_id: UUID) -> bytes:
    return sealing.encrypt(FILE, content, file_id.bytes)


def unseal_file(sealed: bytes, file_id: UUID) -> bytes:
    return sealing.decrypt(FILE, sealed, file_id.bytes)
