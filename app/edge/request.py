"""The first statement of a request: who calls, in which role, at what business time, and whether it is a replay."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, get_args
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app import clock, ids
from app.actor import ANONYMOUS, Actor, Locale
from app.config import settings
from app.db import APP, HR, Query, Role, set_business_time
from app.edge import act as acts
from app.edge.access import Access
from app.edge.permissions import PERSON, REGISTRAR, SECOND_FACTOR_ROLES, ScopeKind, permissions_of
from app.edge.roles import scopes_to_give
from app.errors import Forbidden, NotFound, SecondFactorMissing, StepUpRequired, Unauthorised

MAX_TOKEN = 200
PROOF_LIFE = timedelta(minutes=15)
"""How long a proof counts as fresh; a login is one."""
SPOKEN: dict[str, Locale] = {locale: locale for locale in get_args(Locale)}


@dataclass(frozen=True)
class Audience:
    """Whom a router serves: the scope of its roles, the path parameter naming it (the tenant), the database role.

    `kind` is what an organisation must be to have these routes; only where any kind will do is there a registrar.
    """

    name: str
    scope: ScopeKind | None = None
    tenant: str | None = None
    kind: str | None = None
    database_role: Role = APP


@dataclass(frozen=True, slots=True)
class Opened:
    """What the first statement found out; `scopes` is null for a user. A key's `roles` are its maker's."""

    role: str
    clock_offset: timedelta
    principal_kind: Literal["user", "api_key"] | None
    principal_id: UUID | None
    locale: Locale | None
    organisation_id: UUID | None
    kinds: list[str] | None
    roles: list[str] | None
    scopes: list[str] | None
    key_state: Literal["none", "new", "in_use", "answered", "reused"]
    sealed_answer: bytes | None
    proved_at: datetime | None
    second_factor: bool | None
    session_id: UUID | None


OPEN = Query(Opened, "edge.open_request", roles=(APP, HR))


def bearer(request: Request) -> bytes | None:
    """Return the SHA-256 of the presented token (tokens have 256 random bits: no slow hash is needed)."""
    return token_hash_in(request.headers.get("authorization"))


def token_hash_in(header: str | None) -> bytes | None:
    """Read an Authorization header: the one reading of it, for who calls and for what limits count."""
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer":
        return None  # docs pages send empty Basic client credentials beside a login
    if not 1 <= len(token) <= MAX_TOKEN:
        raise Unauthorised
    return hashlib.sha256(token.encode("latin-1", "replace")).digest()


async def open_request(
    session: AsyncSession,
    request: Request,
    audience: Audience,
    *,
    token_hash: bytes | None,
    key: str | None,
    fingerprint: bytes | None,
) -> Opened:
    """Open the request's transaction: role and business time are set, who calls is sealed in it for the audit trail."""
    origin = acts.origin_of(request)
    opened = await OPEN.one(
        session,
        role=audience.database_role,
        token_hash=token_hash,
        real_now=clock.real(),
        scope_kind=audience.scope,
        scope_id=tenant_of(request, audience),
        key=key,
        fingerprint=fingerprint,
        address=origin.address,
        request_id=origin.request_id,
    )
    acts.come_from(replace(origin, session_id=opened.session_id))
    set_business_time(opened.clock_offset)
    if opened.principal_id is not None:
        request.scope["principal"] = str(opened.principal_id)
    return opened


def authorise(access: Access, audience: Audience, opened: Opened, *, presented: bool) -> Actor:
    """Return the actor, or refuse: 401 unknown, 404 foreign tenant, 403 role within one's own."""
    if opened.principal_kind is None:
        if presented or access.permission != "public":
            raise Unauthorised
        return ANONYMOUS
    roles = frozenset(opened.roles or ())
    if audience.kind is not None:
        roles -= {REGISTRAR}
    scopes = None
    if opened.scopes is not None:  # a key does what its maker may still give
        scopes = frozenset(opened.scopes) & scopes_to_give(opened.kinds or (), roles)
    actor = Actor(
        opened.principal_kind,
        opened.principal_id,
        opened.organisation_id,
        roles if scopes is None else frozenset(),
        scopes,
        opened.locale or "it",
    )
    if access.permission in PERSON:
        if access.permission == "person" and actor.kind != "user":
            raise Forbidden
        _demand_proof(access, opened)
        return actor
    if not roles:
        raise Forbidden if audience.scope == "platform" else NotFound
    if audience.kind is not None and audience.kind not in (opened.kinds or ()):
        raise NotFound
    _demand_second_factor(access, opened, roles)
    granted = permissions_of(roles) if scopes is None else scopes
    if access.permission not in granted:
        raise Forbidden
    _demand_proof(access, opened)
    return actor


def _demand_second_factor(access: Access, opened: Opened, roles: frozenset[str]) -> None:
    """Refuse all that is done in a role which needs a second factor, in a session that gave no code of one.

    What is one's own stays open: there one enrols, and cares for oneself. A key has no session; its maker gave a code.
    """
    if opened.principal_kind != "user" or opened.second_factor or not settings().asks_for_step_up:
        return
    if access.step_up == "role" or roles & (SECOND_FACTOR_ROLES | {REGISTRAR}):
        raise SecondFactorMissing


def _demand_proof(access: Access, opened: Opened) -> None:
    """Refuse an act that needs a fresh proof in a session that gave none lately; a key has no session."""
    if access.step_up is None or opened.principal_kind != "user" or not settings().asks_for_step_up:
        return
    if opened.proved_at is None or opened.proved_at + PROOF_LIFE <= clock.real():
        raise StepUpRequired


def spoken(accept_language: str | None) -> Locale | None:
    """Return the first language of Accept-Language that we speak."""
    for part in (accept_language or "").lower().split(","):
        tag = part.partition(";")[0].strip().partition("-")[0]
        if tag in SPOKEN:
            return SPOKEN[tag]
    return None


def language_of(request: Request, actor: Actor) -> Locale:
    """Return the first language of Accept-Language that we speak, else the person's."""
    return spoken(request.headers.get("accept-language")) or actor.locale


def tenant_of(request: Request, audience: Audience) -> UUID | None:
    """Return the organisation or alliance that the path names for the audience; None where it is malformed."""
    if audience.tenant is None:
        return None
    prefix = "all" if audience.scope == "alliance" else "org"
    try:
        return ids.decode(prefix, str(request.path_params.get(audience.tenant, "")))
    except ValueError:
        return None
