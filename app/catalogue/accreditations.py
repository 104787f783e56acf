"""Accrediting a provider: it or the operator asks, the alliance that admitted it decides, credit follows."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.catalogue import queries
from app.catalogue.errors import AccreditationApproverIsMaker
from app.catalogue.models import Accreditation, AccreditationStatus
from app.catalogue.queries import AccreditationRow
from app.catalogue.schemas import AccreditationCreate
from app.errors import AlreadyResolved, Invalid, NotFound, StateConflict
from app.networks.models import Alliance
from app.organisations.models import Provider
from app.rules.book import book_in_force


async def request_accreditation(
    session: AsyncSession, actor: Actor, provider_id: UUID, wanted: AccreditationCreate
) -> AccreditationRow:
    """Ask an alliance to accredit a provider, for some categories or all; one open request per alliance."""
    valid_from = wanted.valid_from or clock.today()
    _check(wanted, valid_from)
    there = select(
        exists().where(Alliance.id == wanted.alliance_id), exists().where(Provider.organisation_id == provider_id)
    )
    alliance_known, provider_known = (await session.execute(there)).one()
    if not provider_known:
        raise NotFound
    if not alliance_known:
        raise Invalid("/alliance_id", "unknown", "there is no such alliance")
    accreditation_id = ids.new_id()
    await session.execute(
        insert(Accreditation).values(
            id=accreditation_id,
            alliance_id=wanted.alliance_id,
            provider_id=provider_id,
            categories=wanted.categories,
            valid_from=valid_from,
            valid_to=wanted.valid_to,
            requested_by=actor.user_id,
            requested_at=clock.now(),
        )
    )
    return await _locked(session, wanted.alliance_id, accreditation_id)


def _check(wanted: AccreditationCreate, valid_from: date) -> None:
    if wanted.valid_to is not None and wanted.valid_to <= valid_from:
        raise Invalid("/valid_to", "not_after_valid_from", "must be after valid_from")
    known = {row.code for row in book_in_force().categories}
    for index, code in enumerate(wanted.categories or ()):
        if code not in known:
            raise Invalid(f"/categories/{index}", "unknown_category", "not a category (GET /v1/categories)")


async def approve_accreditation(
    session: AsyncSession, actor: Actor, alliance_id: UUID, accreditation_id: UUID
) -> AccreditationRow:
    """Let a provider take credit as long as its present admission lasts, as another person than who asked."""
    row = await _requested(session, alliance_id, accreditation_id)
    if actor.user_id in {row.requested_by, row.entered_by}:
        raise AccreditationApproverIsMaker
    membership_id = await queries.ADMISSION.maybe(session, alliance_id=alliance_id, provider_id=row.provider_id)
    if membership_id is None:
        raise StateConflict("not_admitted", "Admit the organisation as a provider of the alliance first.")
    return await _decide(session, actor, row, "approved", membership_id)


async def refuse_accreditation(
    session: AsyncSession, actor: Actor, alliance_id: UUID, accreditation_id: UUID
) -> AccreditationRow:
    """Turn a request down; the provider may ask again."""
    return await _decide(session, actor, await _requested(session, alliance_id, accreditation_id), "refused", None)


async def end_accreditation(session: AsyncSession, alliance_id: UUID, accreditation_id: UUID) -> AccreditationRow:
    """Let a provider take no more credit from today on; an accreditation that has not begun never does."""
    row = await _locked(session, alliance_id, accreditation_id)
    valid_to = max(clock.today(), row.valid_from)
    if row.status != "approved":
        raise StateConflict(row.status)
    if row.valid_to is not None and row.valid_to <= valid_to:
        raise StateConflict("ended")
    own = update(Accreditation).where(Accreditation.id == row.id)
    await session.execute(own.values(valid_to=valid_to))
    return replace(row, valid_to=valid_to)


async def _requested(session: AsyncSession, alliance_id: UUID, accreditation_id: UUID) -> AccreditationRow:
    row = await _locked(session, alliance_id, accreditation_id)
    if row.status != "requested":
        raise AlreadyResolved(row.status)
    return row


async def _locked(session: AsyncSession, alliance_id: UUID, accreditation_id: UUID) -> AccreditationRow:
    row = await queries.LOCK_ACCREDITATION.maybe(session, alliance_id=alliance_id, id=accreditation_id)
    if row is None:
        raise NotFound
    return row


async def _decide(
    session: AsyncSession, actor: Actor, row: AccreditationRow, status: AccreditationStatus, membership_id: UUID | None
) -> AccreditationRow:
    now = clock.now()
    own = update(Accreditation).where(Accreditation.id == row.id)
    decided = {"status": status, "decided_by": actor.user_id, "decided_at": now}
    await session.execute(own.values(**decided, membership_id=membership_id))
    return replace(row, status=status, decided_by=actor.user_id, decided_at=now)
