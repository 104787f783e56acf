"""Revoking grants: one person asks, another approves; use ends from then on, and nothing tells of it in money.

What the revoked lots have left goes where lots' credit goes, unseen, when the sweep finds them.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.credit import batches
from app.errors import Invalid, StateConflict
from app.grants import queries
from app.grants.errors import ApproverIsMaker
from app.grants.grants import cancel_grant, locked_grant
from app.grants.models import GrantRevocation
from app.grants.queries import GrantRow, LockedGrant, OpenRevocation
from app.grants.schemas import GrantRevoke


async def revoke_grant(
    session: AsyncSession, actor: Actor, company_id: UUID, grant_id: UUID, given: GrantRevoke
) -> GrantRow:
    """Cancel a grant that is not active; of an active one ask for the revocation, of some people's lines or all.

    StateConflict where it is revoked, or where somebody asked before.
    """
    grant = await locked_grant(session, company_id, grant_id)
    if grant.status == "revoked":
        raise StateConflict(grant.status)
    if grant.status != "active":
        if given.employee_ids is not None:
            raise Invalid("/employee_ids", "not_active", "a grant that is not active is cancelled whole")
        return await cancel_grant(session, grant)
    if await _open(session, grant) is not None:
        raise StateConflict("revocation_asked", "A revocation of this grant waits for another person.")
    revocation_id = ids.new_id()
    await session.execute(
        insert(GrantRevocation).values(
            id=revocation_id,
            company_id=company_id,
            grant_id=grant_id,
            whole=given.employee_ids is None,
            reason=given.reason,
            asked_by=actor.id,
            asked_at=clock.now(),
        )
    )
    if given.employee_ids is not None:
        await _name_people(session, grant, revocation_id, given.employee_ids)
    return grant


async def _name_people(
    session: AsyncSession, grant: LockedGrant, revocation_id: UUID, employee_ids: Sequence[UUID]
) -> None:
    named = set(employee_ids)
    found = await queries.INSERT_REVOKED_LINES.run(
        session,
        revocation_id=revocation_id,
        company_id=grant.company_id,
        grant_id=grant.id,
        employee_ids=list(named),
    )
    if found < len(named):
        raise Invalid("/employee_ids", "unknown_employee", "somebody has no line in this grant")


async def approve_revocation(session: AsyncSession, actor: Actor, company_id: UUID, grant_id: UUID) -> int:
    """Revoke as another person than the one who asked; return how many given lots still lived, never amounts."""
    grant = await locked_grant(session, company_id, grant_id)
    asked = await _asked(session, grant)
    if actor.id in {asked.asked_by, asked.asker_id}:
        raise ApproverIsMaker
    now = clock.now()
    await queries.APPROVE_REVOCATION.run(session, id=asked.id, approved_by=actor.id, at=now)
    if asked.whole:
        await cancel_grant(session, grant)
    people = None if asked.whole else asked.employee_ids
    return await batches.revoke(session, company_id, grant_id, people, now)


async def withdraw_revocation(session: AsyncSession, company_id: UUID, grant_id: UUID) -> GrantRow:
    """Take back what was asked and not approved."""
    grant = await locked_grant(session, company_id, grant_id)
    asked = await _asked(session, grant)
    await queries.WITHDRAW_REVOCATION.run(session, id=asked.id, at=clock.now())
    return grant


async def _asked(session: AsyncSession, grant: LockedGrant) -> OpenRevocation:
    asked = await _open(session, grant)
    if asked is None:
        raise StateConflict(grant.status, "Nobody asks to revoke this grant.")
    return asked


async def _open(session: AsyncSession, grant: LockedGrant) -> OpenRevocation | None:
    return await queries.OPEN_REVOCATION.maybe(session, company_id=grant.company_id, grant_id=grant.id)
