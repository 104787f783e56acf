"""A new password by a mailed link: the way in that nobody can lock."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, jobs
from app.actor import Actor, Locale
from app.audit.actions import record
from app.config import settings
from app.db import NOTHING, Query
from app.edge.network import network_of
from app.identity import attempts, devices, lost_factors, password_rules, passwords, security_notices, sessions
from app.identity.errors import TokenInvalid
from app.identity.models import EmailChange, PasswordReset, User
from app.identity.password_words import words_about
from app.identity.proof import Account, account_by_email, account_by_id, without_connection
from app.identity.sessions import token_hash
from app.mail.actions import NewMail, send

RESET_LIFE = timedelta(hours=1)
MAIL_RESET = Query(NOTHING, "identity.mail_reset")
EMAIL_OF_RESET = Query(str, "identity.email_of_reset")
LOCK_USER_OF_RESET = Query(UUID, "identity.lock_user_of_reset")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who asked for a new password and gets a mail."""

    locale: Locale


REQUEST_RESET = Query(Recipient, "identity.request_reset")


async def request(session: AsyncSession, email: str, address: str) -> None:
    """Mail a link for a new password, if there is such a login without one; nobody can tell.

    A recipient has one live link: asking again is never refused, and floods nobody.
    """
    limits = {attempts.by_address("reset", address): settings().login_attempts_per_address}
    await attempts.count(session, limits, slow=True)
    token = secrets.token_urlsafe(32)
    now = clock.real()
    recipient = await REQUEST_RESET.maybe(
        session, token_hash=token_hash(token), email=email, now=now, expires_at=now + RESET_LIFE
    )
    if recipient is None:
        # A job that finds nothing to send: an unknown address costs about as much as a known one.
        await jobs.defer(session, "mail.send", mail_id=str(ids.new_id()))
        return
    await _mail(session, email, recipient.locale, token)


async def mail_link(session: AsyncSession, account: Account) -> None:
    """Mail a link to somebody who asked in another way."""
    token = secrets.token_urlsafe(32)
    now = clock.real()
    await MAIL_RESET.run(
        session, token_hash=token_hash(token), user_id=account.id, now=now, expires_at=now + RESET_LIFE
    )
    await _mail(session, account.email, account.locale, token)


async def accept(session: AsyncSession, token: str, password: str, address: str) -> str:
    """Set a new password by a mailed link, once; every session ends. Return the cookie of a device now known."""
    email = await EMAIL_OF_RESET.maybe(session, token_hash=token_hash(token), now=clock.real())
    if email is None:
        raise TokenInvalid
    accepted = password_rules.check(password, email, await words_about(session, email))
    password_hash = await without_connection(session, passwords.hash_password(accepted, network_of(address)))
    user_id = await LOCK_USER_OF_RESET.maybe(session, token_hash=token_hash(token), now=clock.real())
    if user_id is None or not await _use(session, token):
        raise TokenInvalid
    await set_password(session, user_id, password_hash, keep=None)
    await lost_factors.carry_out(session, user_id)
    account = await account_by_email(session, email)
    if account is None or account.id != user_id:
        raise TokenInvalid
    await attempts.forget(session, attempts.key("login", email))
    await record(session, Actor("user", user_id), "password.reset", "user", user_id)
    return devices.issue(user_id, password_hash)


async def _use(session: AsyncSession, token: str) -> bool:
    used = await session.scalar(
        update(PasswordReset)
        .where(PasswordReset.token_hash == token_hash(token), PasswordReset.used_at.is_(None))
        .values(used_at=clock.real())
        .returning(PasswordReset.user_id)
    )
    return used is not None


async def set_password(session: AsyncSession, user_id: UUID, password_hash: str, keep: bytes | None) -> None:
    """Store a new password, end what the old one began, and tell the person."""
    await session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
    await sessions.end_all(session, user_id, but=keep)
    await end_all(session, user_id)
    await security_notices.tell(session, await account_by_id(session, user_id), "password_changed")


async def end_all(session: AsyncSession, user_id: UUID) -> None:
    """Let no link to a new password or a new address work that was mailed before."""
    now = clock.real()
    await session.execute(
        update(PasswordReset)
        .where(PasswordReset.user_id == user_id, PasswordReset.used_at.is_(None))
        .values(used_at=now)
    )
    await session.execute(
        update(EmailChange)
        .where(EmailChange.user_id == user_id, EmailChange.accepted_at.is_(None), EmailChange.ended_at.is_(None))
        .values(ended_at=now)
    )


async def _mail(session: AsyncSession, email: str, locale: Locale, token: str) -> None:
    values = {"public_url": settings().public_url, "token": token}
    await send(session, NewMail("password_reset", email, locale, values))
