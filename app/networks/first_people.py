"""Whom the operator brought into an alliance's lead: one person's word, until finance adds another's."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import Actor
from app.errors import NotFound, StateConflict
from app.identity.granting import vouch
from app.networks import queries
from app.networks.errors import VoucherIsInviter
from app.networks.queries import FirstPerson


async def vouch_for(session: AsyncSession, actor: Actor, membership_id: UUID) -> FirstPerson:
    """Answer for an administrator or coordinator of a lead: what she and those whom she invites decide counts then."""
    found = await queries.LOCK_FIRST_PERSON.maybe(session, id=membership_id)
    if found is None:
        raise NotFound
    if found.stands or found.granted_by is None:
        raise StateConflict("vouched" if found.stands else "given_by_nobody")
    if actor.user_id in {found.granted_by, found.user_id}:
        raise VoucherIsInviter
    await vouch(session, membership_id, actor.user_id)
    return replace(found, stands=True)
