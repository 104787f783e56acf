"""Changing one's e-mail address: it counts after a link to the new one was opened; the old one can take it back.

Whoever asks learns nothing of other logins: the answer is the same for an address that is taken.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, jobs
from app.actor import Actor, Locale
from app.audit.actions import record
from app.config import settings
from app.db import NOTHING, Query
from app.identity import attempts, resets, sessions
from app.identity.errors import TokenInvalid, WrongPassword
from app.identity.proof import Account, Origin, account_by_id, prove
from app.identity.sessions import token_hash
from app.mail.actions import NewMail, send

LIFE = timedelta(days=1)
UNDO_LIFE = timedelta(days=7)
CHANGES_PER_ACCOUNT = 10
"""Per hour: a mailbox must not be flooded."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change whose link was opened."""

    id: UUID
    user_id: UUID
    old_email: str
    new_email: str
    session_hash: bytes | None
    locale: Locale


BEGIN_CHANGE = Query(bool, "identity.begin_email_change")
LOCK_CHANGE = Query(Change, "identity.lock_email_change")
LOCK_ACCEPTED_CHANGE = Query(Change, "identity.lock_accepted_email_change")
ACCEPT_CHANGE = Query(NOTHING, "identity.accept_email_change")
UNDO_CHANGE = Query(NOTHING, "identity.undo_email_change")
MOVE_LOGIN = Query(UUID, "identity.move_login")
TAKE_BACK_LOGIN = Query(Account, "identity.take_back_login")


async def begin(session: AsyncSession, actor: Actor, email: str, password: str, presented: bytes, address: str) -> None:
    """Mail a link to the new address, by the current password; nobody can tell whether it is another login's."""
    account = await account_by_id(session, actor.user_id)
    origin = Origin(address, presented)
    await prove(session, account, account.email, password, origin=origin, refusal=WrongPassword)
    await attempts.count(session, {attempts.key("new e-mail", str(account.id)): CHANGES_PER_ACCOUNT})
    if email == account.email:
        return
    token = secrets.token_urlsafe(32)
    now = clock.real()
    free = await BEGIN_CHANGE.one(
        session,
        id=ids.new_id(),
        token_hash=token_hash(token),
        user_id=account.id,
        old_email=account.email,
        new_email=email,
        session_hash=presented,
        now=now,
        expires_at=now + LIFE,
    )
    await record(session, actor, "email_change.create", "user", account.id)
    if free:
        values = {"public_url": settings().public_url, "token": token}
        await send(session, NewMail("email_change", email, account.locale, values))
    else:
        # A job that finds nothing to send: an address that is taken costs about as much as a free one.
        await jobs.defer(session, "mail.send", mail_id=str(ids.new_id()))


async def accept(session: AsyncSession, token: str) -> None:
    """Let the new address be that of the login; other sessions and links end, the old address is told."""
    now = clock.real()
    change = await LOCK_CHANGE.maybe(session, token_hash=token_hash(token), now=now)
    if change is None:
        raise TokenInvalid
    undo = secrets.token_urlsafe(32)
    moved = await MOVE_LOGIN.maybe(
        session, user_id=change.user_id, old_email=change.old_email, new_email=change.new_email
    )
    if moved is None:
        raise TokenInvalid
    await ACCEPT_CHANGE.run(session, id=change.id, undo_hash=token_hash(undo), now=now, undo_until=now + UNDO_LIFE)
    await sessions.end_all(session, change.user_id, but=change.session_hash)
    await resets.end_all(session, change.user_id)
    values = {"public_url": settings().public_url, "token": undo}
    await send(session, NewMail("email_changed", change.old_email, change.locale, values))
    await record(session, Actor("user", change.user_id), "email_change.accept", "user", change.user_id)


async def undo(session: AsyncSession, token: str) -> None:
    """Give the login back to the old address: password, sessions and second factor made since count no more."""
    now = clock.real()
    change = await LOCK_ACCEPTED_CHANGE.maybe(session, undo_hash=token_hash(token), now=now)
    if change is None:
        raise TokenInvalid
    account = await TAKE_BACK_LOGIN.one(session, user_id=change.user_id, old_email=change.old_email)
    await UNDO_CHANGE.run(session, user_id=change.user_id, id=change.id, now=now)
    await sessions.end_all(session, change.user_id)
    await resets.end_all(session, change.user_id)
    await resets.mail_link(session, account)
    await record(session, Actor("user", change.user_id), "email_change.undo", "user", change.user_id)
