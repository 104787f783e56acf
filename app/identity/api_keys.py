"""Keys of machines: made, listed, rotated and revoked by people; the secret is shown once."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit.actions import record
from app.config import settings
from app.errors import Forbidden, Invalid, NotFound, StateConflict
from app.identity.errors import TooManyLiveKeys
from app.identity.roles import scopes_to_give

HINT_LENGTH = 13
COLUMNS = "id, name, hint, scopes, created_by, created_at, expires_at, revoked_at"

PLACES = (1, 2)
INSERT = text(
    "INSERT INTO api_key (id, organisation_id, name, token_hash, hint, scopes, created_by, created_at, expires_at,"  # noqa: S608
    " live_place) VALUES (:id, :organisation_id, :name, :hash, :hint, :scopes, :user, :now, :expires_at, :place)"
    f" ON CONFLICT (organisation_id, name, live_place) DO NOTHING RETURNING {COLUMNS}"
)


@dataclass(frozen=True)
class ApiKeyRow:
    """A key as it is stored: never the secret."""

    id: UUID
    name: str
    hint: str
    scopes: list[str]
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


async def create(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> tuple[ApiKeyRow, str]:
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
    if expires_at is not None and expires_at <= now:
        raise Invalid("/expires_at", "in_the_past", "this instant has passed")
    made = await _insert(
        session, actor, organisation_id, name=name, scopes=sorted(set(scopes)), expires_at=expires_at, now=now
    )
    await record(session, actor, "api_key.create", "api_key", made[0].id)
    return made


async def rotate(
    session: AsyncSession, actor: Actor, organisation_id: UUID, key_id: UUID, overlap_hours: int
) -> tuple[ApiKeyRow, str]:
    """Make a key like this one, which stays valid for the overlap; a limited life begins anew."""
    old = await _locked_live(session, organisation_id, key_id)
    if not set(old.scopes) <= await _scopes_to_give(session, actor, organisation_id):
        raise Forbidden
    now = clock.real()
    overlap_end = now + timedelta(hours=overlap_hours)
    expires_at = None if old.expires_at is None else now + (old.expires_at - old.created_at)
    made = await _insert(
        session, actor, organisation_id, name=old.name, scopes=old.scopes, expires_at=expires_at, now=now
    )
    await session.execute(
        text("UPDATE api_key SET expires_at = :at WHERE id = :id"),
        {"at": overlap_end if old.expires_at is None else min(old.expires_at, overlap_end), "id": key_id},
    )
    await record(session, actor, "api_key.rotate", "api_key", key_id)
    return made


async def revoke(session: AsyncSession, actor: Actor, organisation_id: UUID, key_id: UUID) -> ApiKeyRow:
    """End a key at once."""
    await _locked_live(session, organisation_id, key_id)
    row = (
        await session.execute(
            text(f"UPDATE api_key SET revoked_at = :now, live_place = NULL WHERE id = :id RETURNING {COLUMNS}"),  # noqa: S608
            {"now": clock.real(), "id": key_id},
        )
    ).one()
    await record(session, actor, "api_key.revoke", "api_key", key_id)
    return _read(row)


async def keys_of(
    session: AsyncSession, organisation_id: UUID, limit: int, after: tuple[Any, ...] | None
) -> list[ApiKeyRow]:
    """Return the organisation's keys, newest first, ended ones included."""
    rows = await session.execute(
        text(
            f"SELECT {COLUMNS} FROM api_key WHERE organisation_id = :organisation_id"  # noqa: S608
            " AND (CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid)) ORDER BY id DESC LIMIT :limit"
        ),
        {"organisation_id": organisation_id, "after": None if after is None else after[0], "limit": limit},
    )
    return [_read(row) for row in rows]


async def key_of(session: AsyncSession, organisation_id: UUID, key_id: UUID) -> ApiKeyRow:
    return await _one(session, organisation_id, key_id, "")


async def _one(session: AsyncSession, organisation_id: UUID, key_id: UUID, lock: str) -> ApiKeyRow:
    row = (
        await session.execute(
            text(f"SELECT {COLUMNS} FROM api_key WHERE id = :id AND organisation_id = :organisation_id {lock}"),  # noqa: S608
            {"id": key_id, "organisation_id": organisation_id},
        )
    ).one_or_none()
    if row is None:
        raise NotFound
    return _read(row)


async def _locked_live(session: AsyncSession, organisation_id: UUID, key_id: UUID) -> ApiKeyRow:
    found = await _one(session, organisation_id, key_id, "FOR NO KEY UPDATE")
    if found.revoked_at is not None:
        raise StateConflict("revoked")
    if found.expires_at is not None and found.expires_at <= clock.real():
        raise StateConflict("expired")
    return found


async def _scopes_to_give(session: AsyncSession, actor: Actor, organisation_id: UUID) -> frozenset[str]:
    kinds = await session.scalar(text("SELECT kinds FROM organisation WHERE id = :id"), {"id": organisation_id})
    return scopes_to_give(kinds or (), actor.roles)


async def _insert(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime | None,
    now: datetime,
) -> tuple[ApiKeyRow, str]:
    secret = ("bea_test_" if settings().sandbox else "bea_live_") + secrets.token_urlsafe(32)
    # A key whose time is over gives its place back; two live ones leave none (the unique index is the guard).
    await session.execute(
        text(
            "UPDATE api_key SET live_place = NULL WHERE organisation_id = :organisation_id AND name = :name"
            " AND live_place IS NOT NULL AND expires_at <= :now"
        ),
        {"organisation_id": organisation_id, "name": name, "now": now},
    )
    values = {
        "id": ids.new_id(),
        "organisation_id": organisation_id,
        "name": name,
        "hash": hashlib.sha256(secret.encode()).digest(),
        "hint": secret[:HINT_LENGTH],
        "scopes": list(scopes),
        "user": actor.user_id,
        "now": now,
        "expires_at": expires_at,
    }
    for place in PLACES:
        row = (await session.execute(INSERT, {**values, "place": place})).one_or_none()
        if row is not None:
            return _read(row), secret
    raise TooManyLiveKeys


def _read(row: Any) -> ApiKeyRow:  # noqa: ANN401 - a row
    return ApiKeyRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
