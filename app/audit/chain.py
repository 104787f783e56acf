"""The chain: each entry's hash covers its content and the hash before it; a signed head says how long it was.

Whoever can write the database can make a new chain, but no signature of its head: its key is derived from the secret
keys, which the database does not hold.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app import clock, sealing
from app.config import settings

GENESIS = bytes(32)
PURPOSE = "audit head"


@dataclass(frozen=True, slots=True)
class Link:
    """One entry as the chain covers it, in this order; what follows later goes behind."""

    id: UUID
    actor_kind: str
    actor_id: UUID | None
    organisation_id: UUID | None
    action: str
    object_kind: str
    object_id: UUID | None
    created_at: datetime
    recorded_at: datetime | None
    session_id: UUID | None
    address: str | None
    request_id: UUID | None
    refusal: str | None
    times: int
    shown: list[UUID] | None
    position: int | None
    hash: bytes | None


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain stood, signed."""

    position: int
    hash: bytes
    exported_at: datetime
    key_id: str
    signature: bytes

    def line(self) -> dict[str, str | int]:
        """Return it as it is exported: one JSON object."""
        return {
            "position": self.position,
            "hash": self.hash.hex(),
            "exported_at": clock.rfc3339(self.exported_at),
            "key_id": self.key_id,
            "signature": self.signature.hex(),
        }


def hash_of(link: Link, position: int, before: bytes) -> bytes:
    """Return SHA-256(hash before || canonical content)."""
    content = [
        position, link.id, link.actor_kind, link.actor_id, link.organisation_id, link.action, link.object_kind,
        link.object_id, link.created_at, link.recorded_at, link.session_id, link.address, link.request_id, link.refusal,
        link.times, link.shown,
    ]  # fmt: skip
    return hashlib.sha256(before + json.dumps(content, default=_canonical, separators=(",", ":")).encode()).digest()


def _canonical(value: object) -> str:
    return clock.rfc3339(value) if isinstance(value, datetime) else str(value)


def linked(links: Sequence[Link], position: int, before: bytes) -> list[bytes]:
    """Return the hashes of entries that come behind this position."""
    hashes = []
    for step, link in enumerate(links, 1):
        before = hash_of(link, position + step, before)
        hashes.append(before)
    return hashes


def sign(position: int, hash_: bytes, at: datetime) -> Head:
    return Head(position, hash_, at, sealing.key_id(0).hex(), _signature(0, position, hash_, at))


def is_signed(head: Head) -> bool:
    """Whether one of the configured keys signed it."""
    return any(
        hmac.compare_digest(_signature(index, head.position, head.hash, head.exported_at), head.signature)
        for index in range(len(settings().secret_keys))
        if sealing.key_id(index).hex() == head.key_id
    )


def head_of(line: str) -> Head | None:
    """Read a head that was exported, from its file or from the log; None for any other line."""
    try:
        found = json.loads(line)
        return Head(
            int(found["position"]),
            bytes.fromhex(found["hash"]),
            datetime.fromisoformat(found["exported_at"]),
            str(found["key_id"]),
            bytes.fromhex(found["signature"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def _signature(index: int, position: int, hash_: bytes, at: datetime) -> bytes:
    content = f"{position} {base64.b64encode(hash_).decode()} {clock.rfc3339(at)}"
    return hmac.digest(sealing.derived_key(PURPOSE, index), content.encode(), "sha256")
