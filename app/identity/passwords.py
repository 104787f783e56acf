"""Argon2id in a thread, a few at a time: hashing is meant to be slow and must not stop the loop or fill the pool."""

import re
from functools import lru_cache

from anyio import to_thread
from anyio.lowlevel import RunVar
from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

from app.config import settings
from app.identity.password_rules import DEMO_PASSWORD, normalised
from app.identity.turns import Turns

COST = re.compile(r"\$argon2id\$v=19\$m=([0-9]{1,9}),t=([0-9]{1,9}),")
_turns: RunVar[Turns] = RunVar("password_turns")


@lru_cache(maxsize=4)
def _hasher(time_cost: int, memory_kib: int) -> PasswordHash:
    return PasswordHash((Argon2Hasher(time_cost=time_cost, memory_cost=memory_kib, parallelism=1),))


def _current() -> PasswordHash:
    return _hasher(settings().password_hash_time_cost, settings().password_hash_memory_kib)


def hash_now(password: str) -> str:
    """Hash in the caller's thread: for commands and the demo world."""
    return _current().hash(normalised(password))


@lru_cache(maxsize=4)
def _nobody(time_cost: int, memory_kib: int) -> str:
    return _hasher(time_cost, memory_kib).hash("nobody has this password")


def _verify(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    hasher = _current()
    text = normalised(password)
    published = text == DEMO_PASSWORD and not settings().sandbox
    if password_hash is not None and not published:
        try:
            right, rehashed = hasher.verify_and_update(text, password_hash)
            return right, rehashed if rehashed is not None and _is_cheaper(password_hash) else None
        except PwdlibError:
            pass
    # An unknown account costs what a known one costs.
    hasher.verify(text, _nobody(settings().password_hash_time_cost, settings().password_hash_memory_kib))
    return False, None


def _is_cheaper(password_hash: str) -> bool:
    """Whether a stored hash costs less in time or memory than one would now, and nothing costs more."""
    wanted = (settings().password_hash_memory_kib, settings().password_hash_time_cost)
    found = COST.match(password_hash)
    if found is None:
        return True  # another algorithm
    stored = (int(found[1]), int(found[2]))
    return stored != wanted and stored[0] <= wanted[0] and stored[1] <= wanted[1]


async def hash_password(password: str, network: str) -> str:
    async with _own_turns().turn(network):
        return await to_thread.run_sync(hash_now, password)


async def verify(password: str, password_hash: str | None, network: str) -> tuple[bool, str | None]:
    """Tell whether the password is right, and give its new hash when the cost has been raised since."""
    async with _own_turns().turn(network):
        return await to_thread.run_sync(_verify, password, password_hash)


def _own_turns() -> Turns:
    """Return the turns of this event loop."""
    try:
        return _turns.get()
    except LookupError:
        turns = Turns()
        _turns.set(turns)
        return turns
