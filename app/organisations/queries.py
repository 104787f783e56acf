"""Reading parties, territory and members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import NOTHING, Query
from app.errors import NotFound
from app.identity.models import Membership, User
from app.organisations.models import AllianceMembership, AllianceRole, Kind, Network, Organisation
from app.organisations.schemas import UserMe


@dataclass(frozen=True, slots=True)
class FoundMunicipality:
    """A municipality with its place in the search."""

    istat_code: str
    name: str
    province: str
    sort_key: str
    rank: int


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
class MemberRow:
    """One role of one person."""

    id: UUID
    user_id: UUID
    email: str
    role: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OwnMemberships:
    """A person's roles in one organisation."""

    organisation_id: UUID
    organisation_name: str
    kinds: list[Kind]
    roles: list[str]


SEARCH_MUNICIPALITIES = Query(FoundMunicipality, "organisations.search_municipalities")
KNOWN_MUNICIPALITIES = Query(str, "organisations.known_municipalities")
ALLIANCES = Query(AllianceRow, "organisations.alliances")
ALLIANCE = Query(AllianceRow, "organisations.alliance")
ADD_TERRITORY = Query(NOTHING, "organisations.add_territory")
ALLIANCE_MEMBERSHIPS = Query(AllianceMembershipRow, "organisations.alliance_memberships")
LOCK_ALLIANCE_MEMBERSHIP = Query(AllianceMembershipRow, "organisations.lock_alliance_membership")
MEMBERS = Query(MemberRow, "organisations.members")
MEMBER = Query(MemberRow, "organisations.member")
LOCK_MEMBERS = Query(UUID, "organisations.lock_members")
MEMBERSHIPS_OF = Query(OwnMemberships, "organisations.memberships_of")
WORKS_FOR_OPERATOR = Query(bool, "organisations.works_for_operator")


async def search_municipalities(
    session: AsyncSession, needle: str, after: tuple[int, str, str] | None, limit: int
) -> list[FoundMunicipality]:
    """Return municipalities whose sort key contains the needle, those beginning with it first."""
    rank, key, code = after or (-1, "", "")
    pattern = f"%{_literal(needle)}%"
    return await SEARCH_MUNICIPALITIES.all(
        session, needle=needle, pattern=pattern, rank=rank, key=key, code=code, limit=limit
    )


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def unknown_municipalities(session: AsyncSession, codes: Sequence[str]) -> set[str]:
    return set(codes).difference(await KNOWN_MUNICIPALITIES.all(session, codes=list(codes)))


async def alliances(session: AsyncSession, after: tuple[str, str] | None, limit: int) -> list[AllianceRow]:
    name, alliance_id = after or (None, None)
    return await ALLIANCES.all(session, name=name, id=alliance_id, limit=limit)


async def alliance(session: AsyncSession, alliance_id: UUID) -> AllianceRow:
    found = await ALLIANCE.maybe(session, id=alliance_id)
    if found is None:
        raise NotFound
    return found


async def organisations(session: AsyncSession, after: tuple[str] | None, limit: int) -> Sequence[Organisation]:
    page = select(Organisation).order_by(Organisation.id).limit(limit)
    if after is not None:
        page = page.where(Organisation.id > UUID(after[0]))
    return (await session.scalars(page)).all()


async def organisation(session: AsyncSession, organisation_id: UUID) -> Organisation:
    found = await session.scalar(select(Organisation).where(Organisation.id == organisation_id))
    if found is None:
        raise NotFound
    return found


async def networks(session: AsyncSession, after: tuple[str] | None, limit: int) -> Sequence[Network]:
    page = select(Network).order_by(Network.id).limit(limit)
    if after is not None:
        page = page.where(Network.id > UUID(after[0]))
    return (await session.scalars(page)).all()


async def alliance_memberships(
    session: AsyncSession, alliance_id: UUID, after: tuple[str] | None, limit: int
) -> list[AllianceMembershipRow]:
    return await ALLIANCE_MEMBERSHIPS.all(session, alliance_id=alliance_id, after=after and after[0], limit=limit)


async def lock_alliance_membership(
    session: AsyncSession, alliance_id: UUID, membership_id: UUID
) -> AllianceMembershipRow:
    found = await LOCK_ALLIANCE_MEMBERSHIP.maybe(session, alliance_id=alliance_id, id=membership_id)
    if found is None:
        raise NotFound
    return found


async def members(
    session: AsyncSession, organisation_id: UUID, after: tuple[str] | None, limit: int
) -> list[MemberRow]:
    return await MEMBERS.all(session, organisation_id=organisation_id, after=after and after[0], limit=limit)


async def member(session: AsyncSession, organisation_id: UUID, membership_id: UUID) -> MemberRow:
    found = await MEMBER.maybe(session, organisation_id=organisation_id, id=membership_id)
    if found is None:
        raise NotFound
    return found


async def lock_members(session: AsyncSession, organisation_id: UUID) -> None:
    """Serialise endings in one organisation."""
    await LOCK_MEMBERS.run(session, id=organisation_id)


async def other_roles(session: AsyncSession, organisation_id: UUID, membership_id: UUID) -> Sequence[str]:
    """Return the roles of all other live memberships."""
    others = select(Membership.role).where(
        Membership.organisation_id == organisation_id, Membership.ended_at.is_(None), Membership.id != membership_id
    )
    return (await session.scalars(others.distinct())).all()


async def login(session: AsyncSession, user_id: UUID) -> UserMe:
    found = await session.execute(select(User.id, User.email, User.locale).where(User.id == user_id))
    return UserMe.model_validate(found.one())


async def memberships_of(session: AsyncSession, user_id: UUID) -> list[OwnMemberships]:
    """Return a login's live memberships, one row per organisation."""
    return await MEMBERSHIPS_OF.all(session, user_id=user_id)


async def in_alliance(session: AsyncSession, organisation_id: UUID) -> bool:
    """Tell whether the organisation leads an alliance or belongs to one."""
    live = exists().where(AllianceMembership.organisation_id == organisation_id, AllianceMembership.ended_on.is_(None))
    return bool(await session.scalar(select(live)))


async def works_for_operator(session: AsyncSession, email: str) -> bool:
    """Tell whether this login has a role in an organisation of kind operator."""
    return await WORKS_FOR_OPERATOR.one(session, email=email)
