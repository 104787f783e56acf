"""Devices that proved once whose they are: a sealed cookie, which lets nobody in and is never locked out by strangers.

After OWASP's device cookies: whoever logs in from a known device has tries of its own, so that guesses from elsewhere
cannot use them up. The cookie names the person and ends with the password.
"""

import base64
import binascii
import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from app import clock, sealing
from app.config import settings

COOKIE: Final = "beatrice_device"
HOST_ONLY: Final = "__Host-"
"""With it a browser takes the cookie over https only, for this host alone; it wants `Path=/`."""
LIFE = timedelta(days=180)
PURPOSE: Final = "device"
ID_BYTES: Final = 16
LONGEST: Final = 300


def cookie_name() -> str:
    """Return the name of the cookie; a sandbox speaks http, where browsers refuse the prefix."""
    return COOKIE if settings().sandbox else HOST_ONLY + COOKIE


def issue(user_id: UUID, password_hash: str) -> str:
    """Return the cookie of a device on which this person has just proved herself."""
    until = int((clock.real() + LIFE).timestamp()).to_bytes(8, "big")
    sealed = sealing.encrypt(PURPOSE, secrets.token_bytes(ID_BYTES) + until, _context(user_id, password_hash))
    return base64.urlsafe_b64encode(sealed).decode()


def known(cookie: str | None, user_id: UUID, password_hash: str) -> bytes | None:
    """Return the id of the device, if it is one of this person's."""
    if cookie is None or len(cookie) > LONGEST:
        return None
    try:
        sealed = base64.urlsafe_b64decode(cookie)
    except (binascii.Error, ValueError):
        return None
    opened = sealing.open_given(PURPOSE, sealed, _context(user_id, password_hash))
    if opened is None:
        return None
    until = datetime.fromtimestamp(int.from_bytes(opened[ID_BYTES:], "big"), clock.real().tzinfo)
    return opened[:ID_BYTES] if clock.real() < until else None


def _context(user_id: UUID, password_hash: str) -> bytes:
    return user_id.bytes + hashlib.sha256(password_hash.encode()).digest()
