"""Reading networks, alliances and who belongs to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import NOTHING, Query
from app.errors import NotFound
from app.networks.models import AllianceRole, Network


@dataclass(frozen=True, slots=True)
class AllianceRow:
    id: UUID
    name: str
    network_id: UUID
    network_name: str
    lead_organisation_name: str
    municipalities: list[str]


@dataclass(frozen=True, slots=True)
class AllianceMembershipRow:
    id: UUID
    organisation_id: UUID
    organisation_name: str
    role: AllianceRole
    joined_on: date
    ended_on: date | None


ALLIANCES = Query(AllianceRow, "networks.alliances")
ALLIANCE = Query(AllianceRow, "networks.alliance")
ADD_TERRITORY = Query(NOTHING, "networks.add_territory")
ALLIANCE_MEMBERSHIPS = Query(AllianceMembershipRow, "networks.alliance_memberships")
LOCK_ALLIANCE_MEMBERSHIP = Query(AllianceMembershipRow, "networks.lock_alliance_membership")


async def alliances(session: AsyncSession, after: tuple[str, str] | None, limit: int) -> list[AllianceRow]:
    name, alliance_id = after or (None, None)
    return await ALLIANCES.all(session, name=name, id=alliance_id, limit=limit)


async def alliance(session: AsyncSession, alliance_id: UUID) -> AllianceRow:
    found = await ALLIANCE.maybe(session, id=alliance_id)
    if found is None:
        raise NotFound
    return found


async def networks(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[Network]:
    page = select(Network).order_by(Network.id).limit(limit)
    if after is not None:
        page = page.where(Network.id > after)
    return (await session.scalars(page)).all()


async def alliance_memberships(
    session: AsyncSession, alliance_id: UUID, after: UUID | None, limit: int
) -> list[AllianceMembershipRow]:
    return await ALLIANCE_MEMBERSHIPS.all(session, alliance_id=alliance_id, after=after, limit=limit)


async def lock_alliance_membership(
    session: AsyncSession, alliance_id: UUID, membership_id: UUID
) -> AllianceMembershipRow:
    found = await LOCK_ALLIANCE_MEMBERSHIP.maybe(session, alliance_id=alliance_id, id=membership_id)
    if found is None:
        raise NotFound
    return found
