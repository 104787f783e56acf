"""The words of bookings at rest: a person's note, the reason of an end, her system's notes; each sealed for its row."""

from typing import Literal
from uuid import UUID

from app import sealing

Words = Literal["note", "end_reason", "metadata"]


def seal(kind: Words, words: str | None, booking_id: UUID) -> bytes | None:
    return None if words is None else sealing.encrypt(kind, words.encode(), booking_id.bytes)


def unseal(kind: Words, sealed: bytes | None, booking_id: UUID) -> str | None:
    return None if sealed is None else sealing.decrypt(kind, sealed, booking_id.bytes).decode()
