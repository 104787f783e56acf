"""Proving that one knows the password of an account: limited, equally slow for accounts that do not exist."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import Locale
from app.config import settings
from app.db import APP, Query, open_unit_of_work
from app.errors import AppError
from app.identity import attempts, passwords
from app.identity.models import User

T = TypeVar("T")


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


async def without_connection(session: AsyncSession, slow: Awaitable[T]) -> T:
    """Give the pooled connection back while a slow hash runs; the caller has written nothing yet."""
    await session.rollback()
    result = await slow
    await open_unit_of_work(session, APP)
    return result


async def prove(
    session: AsyncSession,
    account: Account | None,
    email: str,
    password: str,
    *,
    address: str | None,
    refusal: type[AppError],
) -> None:
    """Check the password of an account or raise `refusal` with the try counted; RateLimited after too many.

    A correct password resets the account's count. Ends the caller's transaction and opens a new one: call it before
    anything is written, and check again afterwards what was read before.
    """
    account_key = attempts.key("login", email)
    limits = {account_key: settings().login_attempts_per_account}
    if address is not None:
        limits[attempts.by_address("login", address)] = settings().login_attempts_per_address
    await attempts.refuse_exhausted(session, limits)
    checked = passwords.verify(password, None if account is None else account.password_hash)
    right, new_hash = await without_connection(session, checked)
    # A correct password locks its account.
    if (
        account is None
        or not right
        or await LOCK_UNCHANGED.maybe(session, id=account.id, password_hash=account.password_hash) is None
    ):
        await attempts.count(session, limits)
        raise refusal
    # Tries that ran beside this one may have used up the limit meanwhile.
    await attempts.refuse_exhausted(session, limits)
    await attempts.forget(session, account_key)
    if new_hash is not None:
        await session.execute(update(User).where(User.id == account.id).values(password_hash=new_hash))
