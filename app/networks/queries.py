"""Reading networks, alliances and who belongs to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import NOTHING, Query
from app.edge.permissions import OrganisationRole
from app.errors import NotFound
from app.listing import Found, ListQuery, Window, page_of
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
    sort_key: str
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


ALLIANCES = ListQuery(AllianceRow, "networks.alliances", {"name": "sort_key text, id uuid"})
ALLIANCE = Query(AllianceRow, "networks.alliance")
ADD_TERRITORY = Query(NOTHING, "networks.add_territory")
ALLIANCE_MEMBERSHIPS = ListQuery(
    AllianceMembershipRow,
    "networks.alliance_memberships",
    {"created_at": "id uuid", "organisation_name": "organisation_name text, id uuid"},
)
LOCK_ALLIANCE_MEMBERSHIP = Query(AllianceMembershipRow, "networks.lock_alliance_membership")
FIRST_PEOPLE = ListQuery(FirstPerson, "networks.first_people", {"created_at": "id uuid"})
LOCK_FIRST_PERSON = Query(FirstPerson, "networks.lock_first_person")
SETTINGS = ListQuery(SettingRow, "networks.settings", {"name": "name text"})
SETTING_IN_FORCE = Query(int, "networks.setting_in_force")


async def alliances(session: AsyncSession, window: Window, words: str | None) -> Found[AllianceRow]:
    return await ALLIANCES.page(session, window, words=words)


async def alliance(session: AsyncSession, alliance_id: UUID) -> AllianceRow:
    found = await ALLIANCE.maybe(session, id=alliance_id)
    if found is None:
        raise NotFound
    return found


async def networks(session: AsyncSession, window: Window) -> Found[Network]:
    return await page_of(session, select(Network), window, {"created_at": (Network.id,)})


async def alliance_memberships(
    session: AsyncSession,
    alliance_id: UUID,
    window: Window,
    *,
    roles: Sequence[AllianceRole] | None,
    ended: bool | None,
    words: str | None,
) -> Found[AllianceMembershipRow]:
    return await ALLIANCE_MEMBERSHIPS.page(
        session, window, alliance_id=alliance_id, roles=roles, ended=ended, words=words, today=clock.today()
    )


async def first_people(session: AsyncSession, window: Window) -> Found[FirstPerson]:
    return await FIRST_PEOPLE.page(session, window)


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
    window: Window,
    *,
    alliance_id: UUID | None = None,
    organisation_id: UUID | None = None,
    programme_id: UUID | None = None,
) -> Found[SettingRow]:
    """Return the settings as they hold on a day for what is named, by name; an organisation tells its alliance."""
    return await SETTINGS.page(
        session,
        window,
        on=on,
        alliance_id=alliance_id,
        organisation_id=organisation_id,
        programme_id=programme_id,
    )


async def setting_in_force(session: AsyncSession, name: SettingName, on: date, organisation_id: UUID) -> int:
    """Return one setting as it holds on a day for an organisation; statements ask the function of this name."""
    return await SETTING_IN_FORCE.one(session, name=name, on=on, organisation_id=organisation_id)


async def setting_values(session: AsyncSession, name: SettingName | None, window: Window) -> Found[SettingValue]:
    """Return what was said of settings."""
    said = select(SettingValue)
    if name is not None:
        said = said.where(SettingValue.name == name)
    return await page_of(session, said, window, {"created_at": (SettingValue.id,)})
