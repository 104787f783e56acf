"""Keys of machines: made, listed, rotated and revoked by people; the secret is shown once."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit.actions import record
from app.config import settings
from app.db import Query
from app.edge.roles import scopes_to_give
from app.errors import Forbidden, Invalid, NotFound, StateConflict
from app.identity.errors import TooManyLiveKeys
from app.identity.models import ApiKey
from app.identity.notices import tell_of_key
from app.listing import Found, Window, page_of

HINT_LENGTH = 13
PLACES = (1, 2)
DEFAULT_LIFE = timedelta(days=365)
LONGEST_LIFE = timedelta(days=731)
"""Two years, one of them a leap year; the table refuses a day more."""
KINDS = Query(list[str], "identity.kinds_of_organisation")


async def create(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its secret; Invalid for scopes this person may not give here."""
    allowed = await _scopes_to_give(session, actor, organisation_id)
    wrong = [
        (f"/scopes/{index}", "scope_not_allowed", "not a scope you can give in this organisation")
        for index, scope in enumerate(scopes)
        if scope not in allowed
    ]
    if wrong:
        raise Invalid(*wrong[0], *wrong[1:])
    now = clock.real()
    ends = now + DEFAULT_LIFE if expires_at is None else expires_at
    if ends <= now:
        raise Invalid("/expires_at", "in_the_past", "this instant has passed")
    if ends > now + LONGEST_LIFE:
        raise Invalid("/expires_at", "too_late", "a key lives for at most two years")
    made = await _insert(
        session, actor, organisation_id, name=name, scopes=sorted(set(scopes)), expires_at=ends, now=now
    )
    await record(session, actor, "api_key.create", "api_key", made[0].id)
    await tell_of_key(session, made[0])
    return made


async def rotate(
    session: AsyncSession, actor: Actor, organisation_id: UUID, key_id: UUID, overlap_hours: int
) -> tuple[ApiKey, str]:
    """Make a key like this one, which stays valid for the overlap; its life begins anew, its maker is who rotates."""
    old = await _locked_live(session, organisation_id, key_id)
    if not set(old.scopes) <= await _scopes_to_give(session, actor, organisation_id):
        raise Forbidden
    now = clock.real()
    overlap_end = now + timedelta(hours=overlap_hours)
    expires_at = now + (old.expires_at - old.created_at)
    made = await _insert(
        session, actor, organisation_id, name=old.name, scopes=old.scopes, expires_at=expires_at, now=now
    )
    old_end = min(old.expires_at, overlap_end)
    await session.execute(update(ApiKey).where(ApiKey.id == key_id).values(expires_at=old_end))
    await record(session, actor, "api_key.rotate", "api_key", key_id)
    await tell_of_key(session, made[0])
    return made


async def revoke(session: AsyncSession, actor: Actor, organisation_id: UUID, key_id: UUID) -> ApiKey:
    """End a key at once."""
    await _locked_live(session, organisation_id, key_id)
    revoked = await session.scalars(
        update(ApiKey).where(ApiKey.id == key_id).values(revoked_at=clock.real(), live_place=None).returning(ApiKey)
    )
    await record(session, actor, "api_key.revoke", "api_key", key_id)
    return revoked.one()


async def keys_of(session: AsyncSession, organisation_id: UUID, window: Window) -> Found[ApiKey]:
    """Return the organisation's keys, ended ones included."""
    keys = select(ApiKey).where(ApiKey.organisation_id == organisation_id)
    return await page_of(session, keys, window, {"created_at": (ApiKey.id,)})


async def key_of(session: AsyncSession, organisation_id: UUID, key_id: UUID) -> ApiKey:
    return await _one(session, _key(organisation_id, key_id))


def _key(organisation_id: UUID, key_id: UUID) -> Select[ApiKey]:
    return select(ApiKey).where(ApiKey.id == key_id, ApiKey.organisation_id == organisation_id)


async def _one(session: AsyncSession, key: Select[ApiKey]) -> ApiKey:
    found = await session.scalar(key)
    if found is None:
        raise NotFound
    return found


async def _locked_live(session: AsyncSession, organisation_id: UUID, key_id: UUID) -> ApiKey:
    found = await _one(session, _key(organisation_id, key_id).with_for_update(key_share=True))
    if found.revoked_at is not None:
        raise StateConflict("revoked")
    if found.expires_at <= clock.real():
        raise StateConflict("expired")
    return found


async def _scopes_to_give(session: AsyncSession, actor: Actor, organisation_id: UUID) -> frozenset[str]:
    return scopes_to_give(await KINDS.maybe(session, id=organisation_id) or (), actor.roles)


async def _insert(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime,
    now: datetime,
) -> tuple[ApiKey, str]:
    secret = ("bea_test_" if settings().sandbox else "bea_live_") + secrets.token_urlsafe(32)
    # A key whose time is over gives its place back; two live ones leave none (the unique index is the guard).
    await session.execute(
        update(ApiKey)
        .where(
            ApiKey.organisation_id == organisation_id,
            ApiKey.name == name,
            ApiKey.live_place.is_not(None),
            ApiKey.expires_at <= now,
        )
        .values(live_place=None)
    )
    new = insert(ApiKey).values(
        id=ids.new_id(),
        organisation_id=organisation_id,
        name=name,
        token_hash=hashlib.sha256(secret.encode()).digest(),
        hint=secret[:HINT_LENGTH],
        scopes=list(scopes),
        created_by=actor.user_id,
        created_at=now,
        expires_at=expires_at,
    )
    for place in PLACES:
        made = await session.scalar(
            new.values(live_place=place)
            .on_conflict_do_nothing(index_elements=[ApiKey.organisation_id, ApiKey.name, ApiKey.live_place])
            .returning(ApiKey)
        )
        if made is not None:
            return made, secret
    raise TooManyLiveKeys
