"""Logging in and out, changing a password, the person's own contact."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor, Locale
from app.audit.actions import record
from app.db import Query
from app.edge.network import network_of
from app.errors import Invalid, PreconditionFailed
from app.identity import (
    attempts,
    devices,
    email_changes,
    password_rules,
    passwords,
    resets,
    second_factor,
    security_notices,
    sessions,
)
from app.identity.errors import InvalidCredentials, WrongPassword
from app.identity.models import SessionToken
from app.identity.password_words import words_about
from app.identity.proof import Account, Origin, account_by_email, account_by_id, prove, without_connection
from app.identity.schemas import TokenRead

NEW_PLACE = Query(bool, "identity.new_place")
CHANGE_LOCALE = Query(Account, "identity.change_locale")


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """A session, and the cookie of the device it began on."""

    token: TokenRead
    device: str


async def log_in(
    session: AsyncSession, username: str, password: str, otp: str | None, *, address: str, cookie: str | None
) -> LoggedIn:
    """Return a session token; InvalidCredentials alike for an unknown e-mail and a wrong password."""
    email = password_rules.normalised(username).strip().lower()
    account = await account_by_email(session, email)
    device = None if account is None else devices.known(cookie, account.id, account.password_hash)
    await prove(session, account, email, password, origin=Origin(address, device), refusal=InvalidCredentials)
    if account is None:
        raise InvalidCredentials
    factor = await second_factor.check_if_there(session, account.id, otp)
    account = await account_by_id(session, account.id)
    network = attempts.key("place", f"{account.id} {network_of(address)}")
    if await NEW_PLACE.one(session, user_id=account.id, network=network, now=clock.real()) and device is None:
        await security_notices.tell(session, account, "new_login")
    await record(session, Actor("user", account.id), "session.create", "user", account.id)
    token = await sessions.begin(session, account.id, by_second_factor=factor)
    return LoggedIn(token, devices.issue(account.id, account.password_hash))


async def log_out(session: AsyncSession, actor: Actor, presented: bytes | None) -> None:
    """End exactly the session whose token was presented."""
    await session.execute(
        update(SessionToken)
        .where(SessionToken.token_hash == presented, SessionToken.revoked_at.is_(None))
        .values(revoked_at=clock.real())
    )
    await record(session, actor, "session.revoke", "user", actor.id)


async def change_password(
    session: AsyncSession, actor: Actor, current: str, new: str, *, presented: bytes, address: str
) -> None:
    """Change one's own password; every other session of the person ends."""
    account = await account_by_id(session, actor.user_id)
    words = await words_about(session, account.email)
    accepted = password_rules.check(new, account.email, words, "/new_password")
    # The new hash is made first: once proven, nothing slow may run while the account is locked.
    password_hash = await without_connection(session, passwords.hash_password(accepted, network_of(address)))
    origin = Origin(address, presented)
    await prove(session, account, account.email, current, origin=origin, refusal=WrongPassword)
    await resets.set_password(session, account.id, password_hash, keep=presented)
    await record(session, actor, "password.change", "user", account.id)


async def contact_of(session: AsyncSession, user_id: UUID) -> Account:
    return await account_by_id(session, user_id)


async def change_contact(
    session: AsyncSession,
    actor: Actor,
    *,
    expected_version: int,
    email: str | None,
    locale: Locale | None,
    current_password: str | None,
    presented: bytes,
    address: str,
) -> Account:
    """Change one's own language; begin a change of e-mail address (by the current password); None keeps."""
    account = await account_by_id(session, actor.user_id)
    if account.version != expected_version:
        raise PreconditionFailed
    if email is None and locale is None:
        return account
    if email is not None and current_password is None:
        raise Invalid("/current_password", "missing", "a new e-mail address needs the current password")
    if email is not None and current_password is not None:
        await email_changes.begin(session, actor, email, current_password, presented, address)
    elif current_password is not None:
        origin = Origin(address, presented)
        await prove(session, account, account.email, current_password, origin=origin, refusal=WrongPassword)
    changed = await CHANGE_LOCALE.maybe(
        session, locale=locale or account.locale, id=account.id, version=expected_version
    )
    if changed is None:
        raise PreconditionFailed
    await record(session, actor, "contact.change", "user", account.id)
    return changed
