"""Reading networks, alliances and who belongs to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import NOTHING, Query
from app.edge.permissions import OrganisationRole
from app.errors import NotFound
from app.networks.models import (
    AllianceRole,
    Network,
    SettingLevel,
    SettingName,
    SettingOrigin,
    SettingUnit,
    SettingValue,
    Stricter,
)


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


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting with the value in force and where that comes from."""

    name: SettingName
    unit: SettingUnit
    default_value: int
    least: int
    most: int
    levels: list[SettingLevel]
    stricter: Stricter | None
    value: int
    level: SettingOrigin
    value_id: UUID | None
    reason: str | None
    valid_from: date | None


@dataclass(frozen=True, slots=True)
class FirstPerson:
    """Somebody who administers or coordinates a lead organisation, and whether that rests on more than one word."""

    id: UUID
    user_id: UUID
    email: str
    role: OrganisationRole
    organisation_id: UUID
    organisation_name: str
    granted_by: UUID | None
    granted_at: datetime
    stands: bool


ALLIANCES = Query(AllianceRow, "networks.alliances")
ALLIANCE = Query(AllianceRow, "networks.alliance")
ADD_TERRITORY = Query(NOTHING, "networks.add_territory")
ALLIANCE_MEMBERSHIPS = Query(AllianceMembershipRow, "networks.alliance_memberships")
LOCK_ALLIANCE_MEMBERSHIP = Query(AllianceMembershipRow, "networks.lock_alliance_membership")
FIRST_PEOPLE = Query(FirstPerson, "networks.first_people")
LOCK_FIRST_PERSON = Query(FirstPerson, "networks.lock_first_person")
SETTINGS = Query(SettingRow, "networks.settings")
SETTING_IN_FORCE = Query(int, "networks.setting_in_force")


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


async def first_people(session: AsyncSession, after: UUID | None, limit: int) -> list[FirstPerson]:
    return await FIRST_PEOPLE.all(session, after=after, limit=limit)


async def lock_alliance_membership(
    session: AsyncSession, alliance_id: UUID, membership_id: UUID
) -> AllianceMembershipRow:
    found = await LOCK_ALLIANCE_MEMBERSHIP.maybe(session, alliance_id=alliance_id, id=membership_id)
    if found is None:
        raise NotFound
    return found


async def settings(
    session: AsyncSession,
    on: date,
    after: str | None,
    limit: int,
    *,
    alliance_id: UUID | None = None,
    organisation_id: UUID | None = None,
    programme_id: UUID | None = None,
) -> list[SettingRow]:
    """Return the settings as they hold on a day for what is named, by name; an organisation tells its alliance."""
    return await SETTINGS.all(
        session,
        on=on,
        after=after,
        limit=limit,
        alliance_id=alliance_id,
        organisation_id=organisation_id,
        programme_id=programme_id,
    )


async def setting_in_force(session: AsyncSession, name: SettingName, on: date, organisation_id: UUID) -> int:
    """Return one setting as it holds on a day for an organisation; statements ask the function of this name."""
    return await SETTING_IN_FORCE.one(session, name=name, on=on, organisation_id=organisation_id)


async def setting_values(
    session: AsyncSession, name: SettingName | None, after: UUID | None, limit: int
) -> Sequence[SettingValue]:
    """Return what was said of settings, newest first."""
    newest = select(SettingValue).order_by(SettingValue.id.desc()).limit(limit)
    if name is not None:
        newest = newest.where(SettingValue.name == name)
    if after is not None:
        newest = newest.where(SettingValue.id < after)
    return (await session.scalars(newest)).all()
