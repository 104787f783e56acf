"""Proving that one knows the password of an account: limited, equally slow for accounts that do not exist."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.config import settings
from app.db import open_unit_of_work
from app.errors import AppError
from app.identity import attempts, passwords

T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    """A login as its password is checked."""

    id: UUID
    email: str
    password_hash: str
    locale: str
    version: int


async def account_by_email(session: AsyncSession, email: str) -> Account | None:
    return await _account(session, "email = :value", email)


async def account_by_id(session: AsyncSession, user_id: UUID) -> Account:
    found = await _account(session, "id = :value", user_id)
    if found is None:
        raise LookupError("a session names a user that is gone")
    return found


async def _account(session: AsyncSession, where: str, value: str | UUID) -> Account | None:
    statement = text(f"SELECT id, email, password_hash, locale, version FROM user_account WHERE {where}")  # noqa: S608
    row = (await session.execute(statement, {"value": value})).one_or_none()
    return None if row is None else Account(row.id, row.email, row.password_hash, row.locale, row.version)


async def without_connection(session: AsyncSession, slow: Awaitable[T]) -> T:
    """Give the pooled connection back while a slow hash runs; the caller has written nothing yet."""
    await session.rollback()
    result = await slow
    await open_unit_of_work(session, "beatrice_app")
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
    if account is None or not right or not await _unchanged(session, account):
        await attempts.count(session, limits)
        raise refusal
    # Tries that ran beside this one may have used up the limit meanwhile.
    await attempts.refuse_exhausted(session, limits)
    await attempts.forget(session, account_key)
    if new_hash is not None:
        await session.execute(
            text("UPDATE user_account SET password_hash = :new WHERE id = :id"), {"new": new_hash, "id": account.id}
        )


async def _unchanged(session: AsyncSession, account: Account) -> bool:
    """Lock the account; a reset that ran beside the slow check has made the password a wrong one."""
    locked = await session.execute(
        text("SELECT 1 FROM user_account WHERE id = :id AND password_hash = :hash FOR NO KEY UPDATE"),
        {"id": account.id, "hash": account.password_hash},
    )
    return locked.one_or_none() is not None
