"""Reading parties and members."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.db import Query
from app.edge.permissions import OrganisationRole
from app.errors import NotFound
from app.identity.models import RoleGrant, User
from app.listing import NEWEST, Found, ListQuery, Window, page_of
from app.organisations.models import BankAccountStatus, Kind, Organisation
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
    reason: str | None


@dataclass(frozen=True, slots=True)
class OwnMemberships:
    """A person's roles in one organisation."""

    organisation_id: UUID
    organisation_name: str
    kinds: list[Kind]
    roles: list[str]


@dataclass(frozen=True, slots=True)
class AccountState:
    """Where an organisation's money goes now, and the account that waits."""

    organisation_id: UUID
    iban: str | None
    waiting: str | None


@dataclass(frozen=True, slots=True)
class BankAccountRow:
    """A bank account with the request and the decision; `entered_by` is who made the organisation."""

    id: UUID
    organisation_id: UUID
    organisation_name: str
    iban: str
    status: BankAccountStatus
    requested_by: UUID | None
    requested_at: datetime
    effective_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    entered_by: UUID | None

    def waits(self, now: datetime) -> bool:
        """Whether it is still on its way: not decided, or approved and not yet in force."""
        return self.status == "pending" or (self.status == "approved" and self.effective_at > now)


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to tell, in which language."""

    email: str
    locale: Locale


MEMBERS = ListQuery(MemberRow, "organisations.members", {"created_at": "id uuid", "email": "email text, id uuid"})
MEMBER = Query(MemberRow, "organisations.member")
LOCK_MEMBERS = Query(UUID, "organisations.lock_members")
MEMBERSHIPS_OF = Query(OwnMemberships, "organisations.memberships_of")
WORKS_FOR_OPERATOR = Query(bool, "organisations.works_for_operator")
IN_ALLIANCE = Query(bool, "organisations.in_alliance")
PROVIDER_VERSION = Query(int, "organisations.provider_version")
ACCOUNTS_OF = Query(AccountState, "organisations.accounts_of")
BANK_ACCOUNTS = ListQuery(BankAccountRow, "organisations.bank_accounts", {"created_at": "id uuid"}, replan=True)
LOCK_BANK_ACCOUNT = Query(BankAccountRow, "organisations.lock_bank_account")
CONTACTS = Query(Contact, "organisations.contacts")
CONTACTS_OF_PROVIDERS = Query(Contact, "organisations.contacts_of_providers")


async def organisations(
    session: AsyncSession,
    window: Window,
    *,
    words: str | None,
    kinds: Sequence[Kind] | None,
    tax_code: str | None,
    external_id: str | None,
) -> Found[Organisation]:
    """Return parties; `words` stand in the name."""
    wanted = select(Organisation)
    if words is not None:
        wanted = wanted.where(Organisation.name.icontains(words, autoescape=True))
    if kinds is not None:
        wanted = wanted.where(Organisation.kinds.overlap(list(kinds)))
    if tax_code is not None:
        wanted = wanted.where(Organisation.tax_code == tax_code)
    if external_id is not None:
        wanted = wanted.where(Organisation.external_id == external_id)
    orders = {"created_at": (Organisation.id,), "name": (Organisation.name, Organisation.id)}
    return await page_of(session, wanted, window, orders)


async def organisation(session: AsyncSession, organisation_id: UUID) -> Organisation:
    found = await session.scalar(select(Organisation).where(Organisation.id == organisation_id))
    if found is None:
        raise NotFound
    return found


async def members(
    session: AsyncSession,
    organisation_id: UUID,
    window: Window,
    *,
    roles: Sequence[OrganisationRole] | None,
    words: str | None,
) -> Found[MemberRow]:
    return await MEMBERS.page(
        session, window, organisation_id=organisation_id, roles=roles, words=words, now=clock.real()
    )


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


async def roles_of_email(session: AsyncSession, organisation_id: UUID, email: str) -> Sequence[str]:
    """Return the roles that whoever has this address has here, or will have."""
    held = select(RoleGrant.role).join(User, User.id == RoleGrant.user_id)
    held = held.where(
        RoleGrant.organisation_id == organisation_id,
        User.email == email.lower(),
        or_(RoleGrant.until_at.is_(None), RoleGrant.until_at > clock.real()),
    )
    return (await session.scalars(held)).all()


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


async def accounts_of(session: AsyncSession, organisation_ids: Sequence[UUID]) -> dict[UUID, AccountState]:
    """Return where these organisations are paid."""
    rows = await ACCOUNTS_OF.all(session, ids=list(organisation_ids), now=clock.now())
    return {row.organisation_id: row for row in rows}


async def account_of(session: AsyncSession, organisation_id: UUID) -> AccountState:
    return (await accounts_of(session, [organisation_id]))[organisation_id]


async def bank_accounts(
    session: AsyncSession,
    window: Window = NEWEST,
    *,
    organisation_id: UUID | None = None,
    statuses: Sequence[BankAccountStatus] | None = None,
) -> Found[BankAccountRow]:
    """Return bank accounts; of one organisation where it is named."""
    return await BANK_ACCOUNTS.page(session, window, organisation_id=organisation_id, statuses=statuses)


async def contacts(session: AsyncSession, organisation_id: UUID) -> list[Contact]:
    """Return whom to tell what happens to an organisation."""
    return await CONTACTS.all(session, id=organisation_id, now=clock.real())


async def contacts_of_providers(session: AsyncSession, provider_id: UUID | None) -> list[Contact]:
    """Return whom to tell what is about a provider, or about all of them."""
    return await CONTACTS_OF_PROVIDERS.all(session, id=provider_id, now=clock.real())
