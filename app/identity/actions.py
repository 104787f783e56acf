"""Logging in and out, resetting and changing a password, the person's own contact."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, jobs
from app.actor import Actor, Locale
from app.audit.actions import record
from app.config import settings
from app.db import NOTHING, Query
from app.errors import Invalid, PreconditionFailed
from app.identity import attempts, password_rules, passwords
from app.identity.errors import EmailTaken, InvalidCredentials, TokenInvalid, WrongPassword
from app.identity.models import PasswordReset, SessionToken, User
from app.identity.proof import Account, account_by_email, account_by_id, prove, without_connection
from app.identity.schemas import TokenRead
from app.ids import new_id
from app.mail.actions import NewMail, send

RESET_LIFE = timedelta(hours=1)
RESETS_PER_ACCOUNT = 5
"""Per hour: a mailbox must not be flooded."""
EMAIL_CHANGES_PER_ACCOUNT = 10
"""Per hour: who is logged in must not find out who else is."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who asked for a new password and gets a mail."""

    locale: Locale


BEGIN_SESSION = Query(NOTHING, "identity.begin_session")
REQUEST_RESET = Query(Recipient, "identity.request_reset")
EMAIL_OF_RESET = Query(str, "identity.email_of_reset")
LOCK_USER_OF_RESET = Query(UUID, "identity.lock_user_of_reset")
CHANGE_CONTACT = Query(Account, "identity.change_contact")


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def log_in(session: AsyncSession, username: str, password: str, address: str) -> TokenRead:
    """Return a session token; InvalidCredentials alike for an unknown e-mail and a wrong password."""
    email = password_rules.normalised(username).strip().lower()
    account = await account_by_email(session, email)
    await prove(session, account, email, password, address=address, refusal=InvalidCredentials)
    if account is None:
        raise InvalidCredentials
    await record(session, Actor("user", account.id), "session.create", "user", account.id)
    return await issue_session(session, account.id)


async def issue_session(session: AsyncSession, user_id: UUID) -> TokenRead:
    """Begin a session of a user whose identity is proven."""
    token = "bea_ses_" + secrets.token_urlsafe(32)
    now = clock.real()
    life = timedelta(hours=settings().session_hours)
    await BEGIN_SESSION.run(session, token_hash=token_hash(token), user_id=user_id, now=now, expires_at=now + life)
    return TokenRead(access_token=token, expires_in=int(life.total_seconds()))


async def log_out(session: AsyncSession, actor: Actor, presented: bytes | None) -> None:
    """End exactly the session whose token was presented."""
    await session.execute(
        update(SessionToken)
        .where(SessionToken.token_hash == presented, SessionToken.revoked_at.is_(None))
        .values(revoked_at=clock.real())
    )
    await record(session, actor, "session.revoke", "user", actor.id)


async def request_reset(session: AsyncSession, email: str, address: str) -> None:
    """Mail a link for a new password, if there is such a login; nobody can tell."""
    limits = {
        attempts.key("reset", email): RESETS_PER_ACCOUNT,
        attempts.by_address("reset", address): settings().login_attempts_per_address,
    }
    await attempts.count(session, limits)
    token = secrets.token_urlsafe(32)
    now = clock.real()
    recipient = await REQUEST_RESET.maybe(
        session, token_hash=token_hash(token), email=email, now=now, expires_at=now + RESET_LIFE
    )
    if recipient is None:
        # A job that finds nothing to send: an unknown address costs about as much as a known one.
        await jobs.defer(session, "mail.send", mail_id=str(new_id()))
        return
    values = {"public_url": settings().public_url, "token": token}
    await send(session, NewMail("password_reset", email, recipient.locale, values))


async def accept_reset(session: AsyncSession, token: str, password: str) -> None:
    """Set a new password by a mailed link, once; every session of the person ends."""
    email = await EMAIL_OF_RESET.maybe(session, token_hash=token_hash(token), now=clock.real())
    if email is None:
        raise TokenInvalid
    accepted = password_rules.check(password, email)
    password_hash = await without_connection(session, passwords.hash_password(accepted))
    user_id = await LOCK_USER_OF_RESET.maybe(session, token_hash=token_hash(token), now=clock.real())
    if user_id is None or not await _use_reset(session, token):
        raise TokenInvalid
    await _set_password(session, user_id, password_hash, keep=None)
    await attempts.forget(session, attempts.key("login", email))
    await record(session, Actor("user", user_id), "password.reset", "user", user_id)


async def _use_reset(session: AsyncSession, token: str) -> bool:
    used = await session.scalar(
        update(PasswordReset)
        .where(PasswordReset.token_hash == token_hash(token), PasswordReset.used_at.is_(None))
        .values(used_at=clock.real())
        .returning(PasswordReset.user_id)
    )
    return used is not None


async def change_password(
    session: AsyncSession, actor: Actor, current: str, new: str, *, presented: bytes | None, address: str
) -> None:
    """Change one's own password; every other session of the person ends."""
    account = await account_by_id(session, actor.user_id)
    accepted = password_rules.check(new, account.email, "/new_password")
    password_hash = await _proven_hash(session, account, current, accepted, address)
    await _set_password(session, account.id, password_hash, keep=presented)
    await record(session, actor, "password.change", "user", account.id)


async def _proven_hash(session: AsyncSession, account: Account, current: str, new: str, address: str) -> str:
    # The new hash is made first: once proven, nothing slow may run while the account is locked.
    password_hash = await without_connection(session, passwords.hash_password(new))
    await prove(session, account, account.email, current, address=address, refusal=WrongPassword)
    return password_hash


async def _set_password(session: AsyncSession, user_id: UUID, password_hash: str, keep: bytes | None) -> None:
    await session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
    revoked = update(SessionToken).where(SessionToken.user_id == user_id, SessionToken.revoked_at.is_(None))
    if keep is not None:
        revoked = revoked.where(SessionToken.token_hash != keep)
    await session.execute(revoked.values(revoked_at=clock.real()))
    await _end_resets(session, user_id)


async def _end_resets(session: AsyncSession, user_id: UUID) -> None:
    await session.execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
        .values(used_at=clock.real())
    )


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
    address: str,
) -> Account:
    """Change one's own e-mail address (by the current password) or language; None keeps."""
    account = await account_by_id(session, actor.user_id)
    if account.version != expected_version:
        raise PreconditionFailed
    if email is None and locale is None:
        return account
    if email is not None and current_password is None:
        raise Invalid("/current_password", "missing", "a new e-mail address needs the current password")
    if current_password is not None:
        await prove(session, account, account.email, current_password, address=address, refusal=WrongPassword)
    if email is not None and email != account.email:
        await _refuse_taken(session, account, email)
        await _end_resets(session, account.id)
    changed = await CHANGE_CONTACT.maybe(
        session,
        email=email or account.email,
        locale=locale or account.locale,
        id=account.id,
        version=expected_version,
    )
    if changed is None:
        raise PreconditionFailed
    await record(session, actor, "contact.change", "user", account.id)
    return changed


async def _refuse_taken(session: AsyncSession, account: Account, email: str) -> None:
    await attempts.count(session, {attempts.key("new e-mail", str(account.id)): EMAIL_CHANGES_PER_ACCOUNT})
    if await account_by_email(session, email) is not None:
        raise EmailTaken
