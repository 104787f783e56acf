"""A second factor that its person has lost: one administrator asks, another approves or a day goes by.

Then it is taken away when she sets a new password by a mailed link. Whoever gives a code meanwhile keeps it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
from app.audit.actions import record
from app.db import NOTHING, Query
from app.errors import Forbidden, StateConflict
from app.identity.notices import tell_of_lost_factor
from app.identity.proof import account_by_id
from app.identity.second_factor import REMOVE_FACTOR
from app.identity.security_notices import tell

WAIT = timedelta(hours=24)
REMOVAL_LIFE = timedelta(days=14)
"""How long it may be carried out."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A request that stands."""

    user_id: UUID
    organisation_id: UUID
    requested_by: UUID
    approved_by: UUID | None
    effective_at: datetime


ASK_REMOVAL = Query(UUID, "identity.ask_removal")
LOCK_REMOVAL = Query(Removal, "identity.lock_removal")
APPROVE_REMOVAL = Query(NOTHING, "identity.approve_removal")
FORGET_REMOVALS = Query(NOTHING, "identity.forget_removals")
CARRY_OUT_REMOVAL = Query(UUID, "identity.carry_out_removal")
ROLES_ELSEWHERE = Query(bool, "identity.roles_elsewhere")


async def has_roles_elsewhere(session: AsyncSession, user_id: UUID, organisation_id: UUID) -> bool:
    return await ROLES_ELSEWHERE.one(session, user_id=user_id, organisation_id=organisation_id, now=clock.real())


async def ask_or_approve(session: AsyncSession, actor: Actor, organisation_id: UUID, user_id: UUID) -> Removal:
    """Ask for it, or approve what another asked for; all administrators and the person are told."""
    if user_id == actor.user_id:
        raise Forbidden("Another person asks for this.")
    standing = await LOCK_REMOVAL.maybe(session, user_id=user_id)
    if standing is None:
        await _ask(session, actor, organisation_id, user_id)
    elif standing.approved_by is not None:
        raise StateConflict("approved")
    elif standing.requested_by == actor.user_id or standing.organisation_id != organisation_id:
        raise StateConflict("asked")
    else:
        await APPROVE_REMOVAL.run(session, user_id=user_id, approved_by=actor.user_id, now=clock.real())
        await record(session, actor, "second_factor.approve_removal", "user", user_id)
    found = await LOCK_REMOVAL.one(session, user_id=user_id)
    await tell_of_lost_factor(session, organisation_id, user_id, actor.user_id, approved=found.approved_by is not None)
    return found


async def _ask(session: AsyncSession, actor: Actor, organisation_id: UUID, user_id: UUID) -> None:
    now = clock.real()
    asked = await ASK_REMOVAL.maybe(
        session,
        user_id=user_id,
        organisation_id=organisation_id,
        requested_by=actor.user_id,
        now=now,
        effective_at=now + WAIT,
    )
    if asked is None:
        raise StateConflict("absent")
    await record(session, actor, "second_factor.ask_removal", "user", user_id)


async def forget_asked_by(session: AsyncSession, organisation_id: UUID, user_id: UUID) -> None:
    """Let nothing come of what somebody asked for or approved who administers no more."""
    await FORGET_REMOVALS.run(session, organisation_id=organisation_id, asked_by=user_id)


async def carry_out(session: AsyncSession, user_id: UUID) -> None:
    """Take a lost second factor away, if that was asked for and its time has come: the mailbox is proven now."""
    now = clock.real()
    if await CARRY_OUT_REMOVAL.maybe(session, user_id=user_id, now=now, over=now - REMOVAL_LIFE) is not None:
        await record(session, Actor("user", user_id), "second_factor.remove_lost", "user", user_id)
        await tell(session, await account_by_id(session, user_id), "second_factor_removed")


async def remove_at_once(session: AsyncSession, actor: Actor, user_id: UUID) -> None:
    """Take it away by a command of the installation: for the operator's own people."""
    await REMOVE_FACTOR.run(session, user_id=user_id)
    await record(session, actor, "second_factor.remove_lost", "user", user_id)
    await tell(session, await account_by_id(session, user_id), "second_factor_removed")
