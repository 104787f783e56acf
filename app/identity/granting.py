"""Giving roles in an organisation and ending them; who has which is the answer of the SQL function `roles_in`."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.config import settings
from app.db import NOTHING, Query
from app.edge.permissions import APPROVING_ROLES, OrganisationRole

ROLES_OF = Query(str, "identity.roles_of")
GIVE_ROLES = Query(NOTHING, "identity.give_roles")
CONFIRM_ROLE = Query(NOTHING, "identity.confirm_role")
VOUCH = Query(NOTHING, "identity.vouch")
END_ROLE = Query(NOTHING, "identity.end_role")


async def roles_of(session: AsyncSession, user_id: UUID, organisation_id: UUID) -> frozenset[str]:
    """Return what a person is in an organisation now, `registrar` included."""
    return frozenset(await ROLES_OF.all(session, user_id=user_id, organisation_id=organisation_id, now=clock.real()))


async def give_roles(
    session: AsyncSession,
    user_id: UUID,
    organisation_id: UUID,
    roles: Sequence[OrganisationRole],
    *,
    granted_by: UUID | None,
    reason: str | None = None,
) -> None:
    """Give roles: approving ones begin later, the others now; what the person has already stays as it is."""
    now, delay = clock.real(), settings().approving_role_delay
    await GIVE_ROLES.run(
        session,
        ids=[ids.new_id() for _ in roles],
        roles=list(roles),
        user_id=user_id,
        organisation_id=organisation_id,
        granted_by=granted_by,
        from_ats=[now + delay if role in APPROVING_ROLES else now for role in roles],
        now=now,
        reason=reason,
    )


async def confirm_role(session: AsyncSession, role_id: UUID, confirmed_by: UUID) -> None:
    """Let a role begin now; the table refuses its holder and who gave it."""
    await CONFIRM_ROLE.run(session, id=role_id, confirmed_by=confirmed_by, now=clock.real())


async def vouch(session: AsyncSession, role_id: UUID, vouched_by: UUID) -> None:
    """Answer for somebody whom another person brought in; the table refuses who is not apart."""
    await VOUCH.run(session, id=role_id, vouched_by=vouched_by, now=clock.real())


async def end_role(session: AsyncSession, role_id: UUID) -> None:
    """End a role: it fails on the very next request."""
    await END_ROLE.run(session, id=role_id, now=clock.real())
