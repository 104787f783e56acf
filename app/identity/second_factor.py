"""The second factor: time-based codes (RFC 6238) and recovery codes, each good for one use."""

import hashlib
import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import pyotp
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, sealing
from app.actor import Actor
from app.audit.actions import record
from app.db import NOTHING, Query
from app.errors import StateConflict
from app.identity import attempts, security_notices
from app.identity.errors import SecondFactorRequired, SecondFactorWrong
from app.identity.proof import Account, account_by_id, start_over
from app.identity.schemas import TotpCreated

ISSUER: Final = "Beatrice"
PURPOSE: Final = "totp_secret"
STEP_SECONDS: Final = 30
STEPS_BESIDE: Final = 1
"""Clocks differ: the code before and the one after count too."""
RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 15
"""120 bits, 24 characters: too many to guess even from a stolen table, so a plain hash keeps them."""
TRIES: Final = 10
"""An hour, by who knows the password: 30 of a million codes."""


@dataclass(frozen=True, slots=True)
class Factor:
    """A person's secret as it is stored."""

    user_id: UUID
    sealed_secret: bytes
    confirmed_at: datetime | None


FACTOR = Query(Factor, "identity.factor")
BEGIN_FACTOR = Query(UUID, "identity.begin_factor")
CONFIRM_FACTOR = Query(UUID, "identity.confirm_factor")
USE_CODE = Query(UUID, "identity.use_code")
USE_RECOVERY_CODE = Query(UUID, "identity.use_recovery_code")
ADD_RECOVERY_CODES = Query(NOTHING, "identity.add_recovery_codes")
CODE_GIVEN = Query(NOTHING, "identity.code_given")
REMOVE_FACTOR = Query(NOTHING, "identity.remove_factor")


async def begin(session: AsyncSession, actor: Actor) -> TotpCreated:
    """Make a secret and show it this once; it counts when a first code confirms it."""
    account = await account_by_id(session, actor.user_id)
    secret = pyotp.random_base32()
    sealed = sealing.encrypt(PURPOSE, secret.encode(), account.id.bytes)
    if await BEGIN_FACTOR.maybe(session, user_id=account.id, sealed_secret=sealed, now=clock.real()) is None:
        raise StateConflict("confirmed")
    await record(session, actor, "second_factor.create", "user", account.id)
    return TotpCreated(secret=secret, uri=pyotp.TOTP(secret).provisioning_uri(name=account.email, issuer_name=ISSUER))


async def confirm(session: AsyncSession, actor: Actor, code: str, presented: bytes) -> list[str]:
    """Let the secret count from now on, by a first code of it; return the recovery codes, shown this once.

    The code counts in the session that gave it.
    """
    factor = await FACTOR.maybe(session, user_id=actor.user_id)
    if factor is None or factor.confirmed_at is not None:
        raise StateConflict("absent" if factor is None else "confirmed")
    await _refuse_guessing(session, actor.user_id)
    step = _step_of(factor, code)
    confirmed = step is not None and await CONFIRM_FACTOR.maybe(
        session, user_id=actor.user_id, sealed_secret=factor.sealed_secret, step=step, now=clock.real()
    )
    if not confirmed:
        await _count_wrong(session, actor.user_id)
    codes = [b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode() for _ in range(RECOVERY_CODES)]
    await ADD_RECOVERY_CODES.run(session, user_id=actor.user_id, hashes=[_hash(one) for one in codes])
    await CODE_GIVEN.run(session, token_hash=presented)
    await record(session, actor, "second_factor.confirm", "user", actor.user_id)
    await _tell(session, actor.user_id, "second_factor_added")
    return codes


async def remove(session: AsyncSession, actor: Actor, code: str) -> None:
    """Give the second factor up, by a code of it."""
    if not await is_confirmed(session, actor.user_id):
        raise StateConflict("absent")
    await check(session, actor.user_id, code)
    await REMOVE_FACTOR.run(session, user_id=actor.user_id)
    await record(session, actor, "second_factor.remove", "user", actor.user_id)
    await _tell(session, actor.user_id, "second_factor_removed")


async def is_confirmed(session: AsyncSession, user_id: UUID) -> bool:
    factor = await FACTOR.maybe(session, user_id=user_id)
    return factor is not None and factor.confirmed_at is not None


async def check_if_there(session: AsyncSession, user_id: UUID, code: str | None) -> bool:
    """Demand a code of whoever has a second factor; tell whether there is one."""
    if not await is_confirmed(session, user_id):
        return False
    if code is None:
        raise SecondFactorRequired
    await check(session, user_id, code)
    return True


async def check(session: AsyncSession, user_id: UUID, code: str) -> None:
    """Use up a code or a recovery code, or refuse; what the caller wrote before a wrong one is rolled back."""
    await _refuse_guessing(session, user_id)
    factor = await FACTOR.maybe(session, user_id=user_id)
    if factor is None or factor.confirmed_at is None:
        raise StateConflict("absent")
    step = _step_of(factor, code)
    if step is not None:
        used = await USE_CODE.maybe(session, user_id=user_id, step=step)
    else:
        used = await USE_RECOVERY_CODE.maybe(session, user_id=user_id, code_hash=_hash(code), now=clock.real())
    if used is None:
        await _count_wrong(session, user_id)
    used_what = "second_factor.use" if step is not None else "second_factor.use_recovery_code"
    await record(session, Actor("user", user_id), used_what, "user", user_id)
    if step is None:
        await _tell(session, user_id, "recovery_code_used")


def _step_of(factor: Factor, code: str) -> int | None:
    """Return the time step whose code this is."""
    secret = sealing.decrypt(PURPOSE, factor.sealed_secret, factor.user_id.bytes).decode()
    now = int(clock.real().timestamp()) // STEP_SECONDS
    given = code.replace(" ", "")
    for step in range(now - STEPS_BESIDE, now + STEPS_BESIDE + 1):
        if secrets.compare_digest(pyotp.TOTP(secret).generate_otp(step).encode(), given.encode()):
            return step
    return None


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.replace(" ", "").replace("-", "").upper().encode()).digest()


def _limits(user_id: UUID) -> attempts.Limits:
    return {attempts.key("second factor", str(user_id)): TRIES}


async def _refuse_guessing(session: AsyncSession, user_id: UUID) -> None:
    await attempts.refuse_exhausted(session, _limits(user_id))


async def _count_wrong(session: AsyncSession, user_id: UUID) -> None:
    """Refuse with the wrong code counted and nothing else kept."""
    await start_over(session)
    await attempts.count(session, _limits(user_id))
    raise SecondFactorWrong


async def _tell(session: AsyncSession, user_id: UUID, what: security_notices.What) -> None:
    account: Account = await account_by_id(session, user_id)
    await security_notices.tell(session, account, what)
