"""Giving roles in an organisation and ending them; who has which is the answer of the SQL function `roles_in`."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.db import NOTHING, Query
from app.edge.permissions import OrganisationRole

GIVE_ROLES = Query(NOTHING, "identity.give_roles")
END_ROLE = Query(NOTHING, "identity.end_role")


async def give_roles(
    session: AsyncSession,
    user_id: UUID,
    organisation_id: UUID,
    roles: Sequence[OrganisationRole],
    *,
    granted_by: UUID | None,
) -> None:
    """Give roles from now on; what the person has already stays as it is."""
    await GIVE_ROLES.run(
        session,
        ids=[ids.new_id() for _ in roles],
        roles=roles,
        user_id=user_id,
        organisation_id=organisation_id,
        granted_by=granted_by,
        now=clock.real(),
    )


async def end_role(session: AsyncSession, role_id: UUID) -> None:
    """End a role: it fails on the very next request."""
    await END_ROLE.run(session, id=role_id, now=clock.real())
