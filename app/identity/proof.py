"""Proving that one knows the password of an account: limited, equally slow for accounts that do not exist."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import ANONYMOUS, Locale
from app.audit.actions import record
from app.config import settings
from app.db import APP, Query, open_unit_of_work
from app.edge.network import network_of
from app.errors import AppError
from app.identity import attempts, passwords
from app.identity.models import User

log = structlog.get_logger()
T = TypeVar("T")
TRIES_PER_NETWORK = 20
"""Of one account, an hour, before tries from this network are slowed down; the setting counts all networks together."""
TRIES_PER_DEVICE = 10
"""An hour; then a device is a stranger like others."""


@dataclass(frozen=True, slots=True)
class Account:
    """A login as its password is checked."""

    id: UUID
    email: str
    password_hash: str
    locale: Locale
    version: int


ACCOUNT_BY_EMAIL = Query(Account, "identity.account_by_email")
ACCOUNT_BY_ID = Query(Account, "identity.account_by_id")
LOCK_UNCHANGED = Query(UUID, "identity.lock_unchanged")


async def account_by_email(session: AsyncSession, email: str) -> Account | None:
    return await ACCOUNT_BY_EMAIL.maybe(session, email=email)


async def account_by_id(session: AsyncSession, user_id: UUID) -> Account:
    found = await ACCOUNT_BY_ID.maybe(session, id=user_id)
    if found is None:
        raise LookupError("a session names a user that is gone")
    return found


async def start_over(session: AsyncSession) -> None:
    """Take back what this request wrote, so that a refusal keeps its count and nothing else."""
    await session.rollback()
    await open_unit_of_work(session, APP)


async def without_connection(session: AsyncSession, slow: Awaitable[T]) -> T:
    """Give the pooled connection back while a slow hash runs; the caller has written nothing yet."""
    await session.rollback()
    result = await slow
    await open_unit_of_work(session, APP)
    return result


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a proof comes from: the network address, and the device if it proved before whose it is."""

    address: str
    device: bytes | None = None


async def prove(
    session: AsyncSession,
    account: Account | None,
    email: str,
    password: str,
    *,
    origin: Origin,
    refusal: type[AppError],
) -> None:
    """Check the password of an account or raise `refusal` with the try counted; RateLimited when tries come too fast.

    A correct password resets the account's count. Ends the caller's transaction and opens a new one: call it before
    anything is written, and check again afterwards what was read before.
    """
    limits = await _limits(session, email, origin)
    await attempts.refuse_exhausted(session, limits, slow=True)
    stored = None if account is None else account.password_hash
    checked = passwords.verify(password, stored, network_of(origin.address))
    right, new_hash = await without_connection(session, checked)
    # A correct password locks its account.
    if (
        account is None
        or not right
        or await LOCK_UNCHANGED.maybe(session, id=account.id, password_hash=account.password_hash) is None
    ):
        used_up = await attempts.count(session, limits, slow=True)
        if attempts.key("login", email) in used_up:
            await _sound_alarm(session, account)
        raise refusal
    # Tries that ran beside this one may have used up the limit meanwhile.
    await attempts.refuse_exhausted(session, limits, slow=True)
    await attempts.forget(session, *_of_account(email, origin))
    if new_hash is not None:
        await session.execute(update(User).where(User.id == account.id).values(password_hash=new_hash))


def _of_account(email: str, origin: Origin) -> list[bytes]:
    by_network = attempts.by_address(f"login of {email}", origin.address)
    device = [] if origin.device is None else [attempts.key("login of device", origin.device.hex())]
    return [attempts.key("login", email), by_network, *device]


async def _limits(session: AsyncSession, email: str, origin: Origin) -> attempts.Limits:
    """Return what this try counts for: a known device for itself only, so that no stranger can use up its tries."""
    account, by_network, *device = _of_account(email, origin)
    most = settings().login_attempts_per_account
    if device and not await attempts.is_exhausted(session, {device[0]: min(TRIES_PER_DEVICE, most)}):
        return {device[0]: min(TRIES_PER_DEVICE, most)}
    return {
        account: most,
        by_network: min(TRIES_PER_NETWORK, most),
        attempts.by_address("login", origin.address): settings().login_attempts_per_address,
    }


async def _sound_alarm(session: AsyncSession, account: Account | None) -> None:
    """Tell whoever watches that somebody guesses: once an hour and account, known or not."""
    log.warning("login_slowed_down")
    if account is not None:
        await record(session, ANONYMOUS, "login.slowed_down", "user", account.id)
