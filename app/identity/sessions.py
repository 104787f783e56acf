"""Sessions: begun by a proof, listed and ended by the person, proved again before acts that need it."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit.actions import record
from app.config import settings
from app.db import NOTHING, Query
from app.errors import Invalid, NotFound
from app.identity import second_factor
from app.identity.errors import WrongPassword
from app.identity.models import SessionToken
from app.identity.proof import Origin, account_by_id, prove
from app.identity.schemas import TokenRead
from app.listing import Found, ListQuery, Window

BEGIN_SESSION = Query(NOTHING, "identity.begin_session")


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A login in progress as its person sees it."""

    id: UUID
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime
    second_factor: bool
    current: bool


SESSIONS_OF = ListQuery(LiveSession, "identity.sessions_of", {"created_at": "id uuid"})


def token_hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def begin(session: AsyncSession, user_id: UUID, *, by_second_factor: bool = False) -> TokenRead:
    """Begin a session of a user whose identity is proven."""
    token = "bea_ses_" + secrets.token_urlsafe(32)
    now = clock.real()
    life = timedelta(hours=settings().session_hours)
    await BEGIN_SESSION.run(
        session,
        id=ids.new_id(),
        token_hash=token_hash(token),
        user_id=user_id,
        now=now,
        expires_at=now + life,
        idle_limit=timedelta(minutes=settings().staff_idle_minutes),
        second_factor=by_second_factor,
    )
    return TokenRead(access_token=token, expires_in=int(life.total_seconds()))


async def sessions_of(
    session: AsyncSession, user_id: UUID, presented: bytes | None, window: Window
) -> Found[LiveSession]:
    """Return the live sessions of a person."""
    return await SESSIONS_OF.page(session, window, user_id=user_id, presented=presented or b"", now=clock.real())


async def end(session: AsyncSession, actor: Actor, session_id: UUID) -> None:
    """End one of one's own sessions; it fails on the very next request."""
    ended = await session.scalar(
        update(SessionToken)
        .where(
            SessionToken.id == session_id,
            SessionToken.user_id == actor.user_id,
            SessionToken.revoked_at.is_(None),
            SessionToken.expires_at > clock.real(),
        )
        .values(revoked_at=clock.real())
        .returning(SessionToken.id)
    )
    if ended is None:
        raise NotFound
    await record(session, actor, "session.revoke", "user", actor.user_id)


async def end_by_command(session: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """End all sessions of a person by a command of the installation."""
    await end_all(session, user_id)
    await record(session, actor, "session.revoke_all", "user", user_id)


async def end_all(session: AsyncSession, user_id: UUID, *, but: bytes | None = None) -> None:
    ended = update(SessionToken).where(SessionToken.user_id == user_id, SessionToken.revoked_at.is_(None))
    if but is not None:
        ended = ended.where(SessionToken.token_hash != but)
    await session.execute(ended.values(revoked_at=clock.real()))


async def step_up(
    session: AsyncSession, actor: Actor, presented: bytes, *, password: str | None, otp: str | None, address: str
) -> None:
    """Prove again who holds this session, by password or second factor."""
    if (password is None) == (otp is None):
        raise Invalid("", "one_proof", "give a password or a code, one of them")
    if otp is not None:
        await second_factor.check(session, actor.user_id, otp)
    elif password is not None:
        account = await account_by_id(session, actor.user_id)
        origin = Origin(address, presented)
        await prove(session, account, account.email, password, origin=origin, refusal=WrongPassword)
    values: dict[str, object] = {"proved_at": clock.real()}
    if otp is not None:
        values["second_factor"] = True
    await session.execute(update(SessionToken).where(SessionToken.token_hash == presented).values(**values))
    await record(session, actor, "session.step_up", "user", actor.user_id)
