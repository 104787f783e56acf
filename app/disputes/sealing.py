"""The words of disputes at rest, each sealed for its row."""

from typing import Literal
from uuid import UUID

from app import sealing

Words = Literal["dispute_reason", "dispute_decision"]


def seal(kind: Words, words: str, dispute_id: UUID) -> bytes:
    return sealing.encrypt(kind, words.encode(), dispute_id.bytes)


def unseal(kind: Words, sealed: bytes, dispute_id: UUID) -> str:
    return sealing.decrypt(kind, sealed, dispute_id.bytes).decode()
