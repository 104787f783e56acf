"""Who approves for a company with one person of HR: the coordinator of an alliance to which it belongs.

Her role stands on the side of care, so she cannot be the company's approver by membership; a consultant can. A mandate
holds later than it was given, as an approving role does, and lets her see sums and numbers of people, never names.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.config import settings
from app.credit.models import ProgrammeSource
from app.db import Query
from app.errors import Invalid, NotFound, StateConflict
from app.grants import grants, revocations
from app.grants.models import GeneralityReason, GrantStatus
from app.grants.queries import GrantRow
from app.identity.notices import tell_administrators
from app.listing import NEWEST, ListQuery


@dataclass(frozen=True, slots=True)
class MandateRow:
    """A mandate with its alliance's name."""

    id: UUID
    company_id: UUID
    alliance_id: UUID
    alliance_name: str
    created_at: datetime
    from_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class MandatedGrant:
    """What waits for the coordinator: `people` get each of `amounts`; a revocation, where one is asked for."""

    id: UUID
    company_id: UUID
    company_name: str
    programme_name: str
    source: ProgrammeSource
    status: GrantStatus
    total_cents: int
    employee_count: int
    generality_reason: GeneralityReason | None
    generality_note: str | None
    created_at: datetime
    amounts: list[int]
    people: list[int]
    revocation_reason: str | None
    revoked_people: int | None


BY_CREATION = {"created_at": "created_at timestamptz, id uuid"}
MANDATES = ListQuery(MandateRow, "grants.mandates", BY_CREATION)
GIVE_MANDATE = Query(MandateRow, "grants.give_mandate")
BELONGS_TO_ALLIANCE = Query(bool, "grants.belongs_to_alliance")
END_MANDATE = Query(MandateRow, "grants.end_mandate")
MANDATED_GRANTS = ListQuery(MandatedGrant, "grants.mandated_grants", BY_CREATION)


async def give_mandate(session: AsyncSession, actor: Actor, company_id: UUID, alliance_id: UUID) -> MandateRow:
    """Let an alliance's coordinator approve, from a while on; all administrators are told."""
    if not await BELONGS_TO_ALLIANCE.one(session, company_id=company_id, alliance_id=alliance_id):
        raise Invalid("/alliance_id", "not_a_member", "the company is no member of this alliance")
    now, delay = clock.real(), settings().approving_role_delay
    given = await GIVE_MANDATE.maybe(
        session,
        id=ids.new_id(),
        company_id=company_id,
        alliance_id=alliance_id,
        given_by=actor.id,
        given_at=now,
        from_at=now + delay,
    )
    if given is None:
        raise StateConflict("given", "An alliance approves for this company already.")
    values = {"alliance": given.alliance_name, "waits": int(delay.total_seconds()) // 3600}
    await tell_administrators(session, company_id, "approval_mandate", values)
    return given


async def end_mandate(session: AsyncSession, company_id: UUID, mandate_id: UUID) -> MandateRow:
    """End a mandate, from now on."""
    ended = await END_MANDATE.maybe(session, company_id=company_id, id=mandate_id, at=clock.real())
    if ended is None:
        raise NotFound
    return ended


async def approve_by_mandate(session: AsyncSession, actor: Actor, alliance_id: UUID, grant_id: UUID) -> GrantRow:
    """Approve a grant for a company that appointed the alliance, as another person than its maker."""
    waiting = await _waiting(session, alliance_id, grant_id)
    return await grants.approve_grant(session, actor, waiting.company_id, grant_id)


async def approve_revocation_by_mandate(session: AsyncSession, actor: Actor, alliance_id: UUID, grant_id: UUID) -> int:
    """Approve that a grant be revoked, as another person than the one who asked; return how many lots still lived."""
    waiting = await _waiting(session, alliance_id, grant_id)
    return await revocations.approve_revocation(session, actor, waiting.company_id, grant_id)


async def _waiting(session: AsyncSession, alliance_id: UUID, grant_id: UUID) -> MandatedGrant:
    found = await MANDATED_GRANTS.page(session, NEWEST, alliance_id=alliance_id, id=grant_id, real_now=clock.real())
    if not found.rows:
        raise NotFound
    return found.rows[0]
