"""Reading parties and members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Query
from app.errors import NotFound
from app.identity.models import RoleGrant, User
from app.organisations.models import Kind, Organisation
from app.organisations.schemas import UserMe


@dataclass(frozen=True, slots=True)
class MemberRow:
    """One role of one person."""

    id: UUID
    user_id: UUID
    email: str
    role: str
    created_at: datetime
    from_at: datetime
    granted_by: UUID | None


@dataclass(frozen=True, slots=True)
class OwnMemberships:
    """A person's roles in one organisation."""

    organisation_id: UUID
    organisation_name: str
    kinds: list[Kind]
    roles: list[str]


MEMBERS = Query(MemberRow, "organisations.members")
MEMBER = Query(MemberRow, "organisations.member")
LOCK_MEMBERS = Query(UUID, "organisations.lock_members")
MEMBERSHIPS_OF = Query(OwnMemberships, "organisations.memberships_of")
WORKS_FOR_OPERATOR = Query(bool, "organisations.works_for_operator")
IN_ALLIANCE = Query(bool, "organisations.in_alliance")
PROVIDER_VERSION = Query(int, "organisations.provider_version")


async def organisations(session: AsyncSession, after: UUID | None, limit: int) -> Sequence[Organisation]:
    page = select(Organisation).order_by(Organisation.id).limit(limit)
    if after is not None:
        page = page.where(Organisation.id > after)
    return (await session.scalars(page)).all()


async def organisation(session: AsyncSession, organisation_id: UUID) -> Organisation:
    found = await session.scalar(select(Organisation).where(Organisation.id == organisation_id))
    if found is None:
        raise NotFound
    return found


async def members(session: AsyncSession, organisation_id: UUID, after: UUID | None, limit: int) -> list[MemberRow]:
    return await MEMBERS.all(session, organisation_id=organisation_id, after=after, limit=limit, now=clock.real())


async def member(session: AsyncSession, organisation_id: UUID, membership_id: UUID) -> MemberRow:
    found = await MEMBER.maybe(session, organisation_id=organisation_id, id=membership_id, now=clock.real())
    if found is None:
        raise NotFound
    return found


async def lock_members(session: AsyncSession, organisation_id: UUID) -> None:
    """Serialise endings in one organisation."""
    await LOCK_MEMBERS.run(session, id=organisation_id)


async def other_roles(session: AsyncSession, organisation_id: UUID, but: UUID | None = None) -> Sequence[str]:
    """Return the roles that people have here now, one left out."""
    now = clock.real()
    others = select(RoleGrant.role).where(
        RoleGrant.organisation_id == organisation_id,
        RoleGrant.id.is_distinct_from(but),
        RoleGrant.from_at <= now,
        or_(RoleGrant.until_at.is_(None), RoleGrant.until_at > now),
    )
    return (await session.scalars(others.distinct())).all()


async def login(session: AsyncSession, user_id: UUID) -> UserMe:
    found = await session.execute(select(User.id, User.email, User.locale).where(User.id == user_id))
    return UserMe.model_validate(found.one())


async def memberships_of(session: AsyncSession, user_id: UUID) -> list[OwnMemberships]:
    """Return the roles that a login has now, one row per organisation."""
    return await MEMBERSHIPS_OF.all(session, user_id=user_id, now=clock.real())


async def in_alliance(session: AsyncSession, organisation_id: UUID) -> bool:
    """Tell whether the organisation leads an alliance or belongs to one."""
    return await IN_ALLIANCE.one(session, organisation_id=organisation_id)


async def works_for_operator(session: AsyncSession, email: str) -> bool:
    """Tell whether this login has a role in an organisation of kind operator."""
    return await WORKS_FOR_OPERATOR.one(session, email=email, now=clock.real())
