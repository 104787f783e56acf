"""What operators, coordinators and administrators do with organisations, alliances and members."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.edge.permissions import REGISTRAR, permissions_of
from app.errors import Forbidden, Invalid, NotFound, PreconditionFailed, StateConflict
from app.identity import invitations
from app.identity.models import Membership
from app.identity.roles import ADMIN, roles_of_kinds
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.organisations import queries
from app.organisations.errors import LastAdministrator
from app.organisations.models import (
    AdmittedRole,
    Alliance,
    AllianceMembership,
    AllianceRole,
    Company,
    Network,
    Organisation,
)
from app.organisations.queries import AllianceMembershipRow, AllianceRow, MemberRow
from app.organisations.schemas import AllianceCreate, OrganisationCreate, OrganisationUpdate

NO_ADDRESS = {"street": None, "street_number": None, "postcode": None, "town": None, "country": "IT"}


async def create_organisation(session: AsyncSession, actor: Actor, data: OrganisationCreate) -> Organisation:
    """Add a legal party and, for a company, its account; a provider's part is the catalogue's."""
    organisation_id = ids.new_id()
    columns = _columns(data, OrganisationCreate.model_fields.keys())
    new = insert(Organisation).values(
        id=organisation_id, kinds=data.kinds, tax_code=data.tax_code, created_at=clock.now(), **columns
    )
    created = (await session.scalars(new.returning(Organisation))).one()
    if "company" in data.kinds:
        account_id = ids.new_id()
        await ledger.open_accounts(session, [NewAccount(account_id, "company_account", organisation_id)])
        await session.execute(insert(Company).values(organisation_id=organisation_id, account_id=account_id))
    await audit.record(session, actor, "organisation.create", "organisation", organisation_id)
    return created


async def update_organisation(
    session: AsyncSession, actor: Actor, organisation_id: UUID, version: int, data: OrganisationUpdate
) -> Organisation:
    """Change an organisation; where money goes is set once here, because a change needs a second person."""
    old = await queries.organisation(session, organisation_id)
    if old.version != version:
        raise PreconditionFailed
    given = _columns(data, data.model_fields_set)
    columns = {name: value for name, value in given.items() if value != getattr(old, name)}
    if "iban" in columns and old.iban is not None:
        raise StateConflict("iban_set", "An IBAN in use is changed by two persons, not here.")
    if not columns:
        return old
    changed = update(Organisation).where(Organisation.id == organisation_id, Organisation.version == version)
    returned = await session.scalars(changed.values(version=version + 1, **columns).returning(Organisation))
    new = returned.one_or_none()
    if new is None:
        raise PreconditionFailed
    await audit.record(session, actor, "organisation.update", "organisation", organisation_id)
    return new


def _columns(data: OrganisationCreate | OrganisationUpdate, given: Collection[str]) -> dict[str, object]:
    """Return the columns that these fields are, of those which both take."""
    plain = {"name": data.name, "iban": data.iban, "external_id": data.external_id}
    columns: dict[str, object] = {name: value for name, value in plain.items() if name in given}
    if "metadata" in given:
        columns["metadata_"] = data.metadata
    if "address" in given:
        columns |= NO_ADDRESS if data.address is None else data.address.model_dump()
    return columns


async def create_network(session: AsyncSession, actor: Actor, name: str) -> Network:
    network_id = ids.new_id()
    new = insert(Network).values(id=network_id, name=name, created_at=clock.now())
    created = (await session.scalars(new.returning(Network))).one()
    await audit.record(session, actor, "network.create", "network", network_id)
    return created


async def create_alliance(session: AsyncSession, actor: Actor, data: AllianceCreate) -> AllianceRow:
    """Add an alliance with its territory, its solidarity fund and its lead's membership."""
    problems = await _missing(session, data)
    if problems:
        raise Invalid(*problems[0], *problems[1:50])
    alliance_id, account_id = ids.new_id(), ids.new_id()
    await ledger.open_accounts(session, [NewAccount(account_id, "solidarity_fund", alliance_id)])
    await session.execute(
        insert(Alliance).values(
            id=alliance_id,
            network_id=data.network_id,
            name=data.name,
            lead_organisation_id=data.lead_organisation_id,
            solidarity_account_id=account_id,
            created_at=clock.now(),
        )
    )
    await queries.ADD_TERRITORY.run(session, id=alliance_id, codes=data.municipalities)
    await _join(session, alliance_id, data.lead_organisation_id, "lead", clock.today())
    await audit.record(session, actor, "alliance.create", "alliance", alliance_id)
    return await queries.alliance(session, alliance_id)


async def _missing(session: AsyncSession, data: AllianceCreate) -> list[tuple[str, str, str]]:
    there = select(
        exists().where(Network.id == data.network_id), exists().where(Organisation.id == data.lead_organisation_id)
    )
    found = (await session.execute(there)).one()
    problems = [
        (pointer, "unknown", "there is no such thing")
        for pointer, exists in zip(("/network_id", "/lead_organisation_id"), found, strict=True)
        if not exists
    ]
    unknown = await queries.unknown_municipalities(session, data.municipalities)
    return problems + [
        (f"/municipalities/{index}", "unknown_municipality", "there is no municipality with this code")
        for index, code in enumerate(data.municipalities)
        if code in unknown
    ]


async def add_alliance_membership(
    session: AsyncSession, actor: Actor, alliance_id: UUID, organisation_id: UUID, role: AdmittedRole
) -> AllianceMembershipRow:
    """Admit an organisation; companies and providers must be of that kind."""
    try:
        organisation = await queries.organisation(session, organisation_id)
    except NotFound:
        raise Invalid("/organisation_id", "unknown", "there is no such organisation") from None
    if role in {"company", "provider"} and role not in organisation.kinds:
        raise Invalid("/role", "kind", "the organisation is not of this kind")
    joined_on = clock.today()
    membership_id = await _join(session, alliance_id, organisation_id, role, joined_on)
    await audit.record(session, actor, "alliance_membership.create", "alliance_membership", membership_id)
    return AllianceMembershipRow(membership_id, organisation_id, organisation.name, role, joined_on, None)


async def _join(
    session: AsyncSession, alliance_id: UUID, organisation_id: UUID, role: AllianceRole, joined_on: date
) -> UUID:
    membership_id = ids.new_id()
    await session.execute(
        insert(AllianceMembership).values(
            id=membership_id,
            alliance_id=alliance_id,
            organisation_id=organisation_id,
            role=role,
            joined_on=joined_on,
        )
    )
    return membership_id


async def end_alliance_membership(
    session: AsyncSession, actor: Actor, alliance_id: UUID, membership_id: UUID
) -> AllianceMembershipRow:
    """End a membership; `ended_on` is the first day without it, at the earliest the day after joining."""
    row = await queries.lock_alliance_membership(session, alliance_id, membership_id)
    if row.ended_on is not None:
        raise StateConflict("ended")
    if row.role == "lead":
        raise StateConflict("lead", "The lead organisation stays as long as the alliance.")
    ended_on = max(clock.today(), row.joined_on + timedelta(days=1))
    ended = update(AllianceMembership).where(AllianceMembership.id == membership_id)
    await session.execute(ended.values(ended_on=ended_on))
    await audit.record(session, actor, "alliance_membership.end", "alliance_membership", membership_id)
    return replace(row, ended_on=ended_on)


async def invite_member(
    session: AsyncSession, actor: Actor, organisation_id: UUID, email: str, roles: Sequence[str], *, bootstrap: bool
) -> None:
    """Invite somebody to roles that fit the organisation; only an administrator gives more than the own rights."""
    organisation = await queries.organisation(session, organisation_id)
    possible = roles_of_kinds(organisation.kinds, in_alliance=await queries.in_alliance(session, organisation_id))
    for index, role in enumerate(roles):
        if role not in possible:
            raise Invalid(f"/roles/{index}", "role", "this organisation has no such role")
    if not bootstrap:
        _may_manage(actor, roles)
    else:
        await _may_bring_in(session, organisation, email)
    await invitations.invite_member(
        session,
        email=email,
        organisation_id=organisation_id,
        organisation_name=organisation.name,
        roles=list(roles),
        locale="en" if actor.locale == "en" else "it",
    )
    await audit.record(session, actor, "member.invite", "organisation", organisation_id)


async def _may_bring_in(session: AsyncSession, organisation: Organisation, email: str) -> None:
    """Let the operator bring in others until an administrator is there, never herself or her colleagues.

    Else whoever operates could make herself HR of any company, or read any provider's bookings.
    """
    roles = await queries.other_roles(session, organisation.id, ids.new_id())
    if any(_administers(role) for role in roles) or ("operator" in organisation.kinds and roles):
        raise Forbidden("This organisation has an administrator, who invites further members.")
    if await queries.works_for_operator(session, email):
        raise Forbidden("The operator's own people are invited by the organisation itself.")


def _administers(role: str) -> bool:
    return "members:write" in permissions_of(frozenset({role}))


def _may_manage(actor: Actor, roles: Sequence[str]) -> None:
    own = permissions_of(actor.roles)
    # An administrator's permissions are few, but they give every other role.
    if ADMIN not in actor.roles and (ADMIN in roles or not permissions_of(frozenset(roles)) <= own):
        raise Forbidden("Only an administrator gives or ends roles with more rights than your own.")


async def end_member(session: AsyncSession, actor: Actor, organisation_id: UUID, membership_id: UUID) -> MemberRow:
    """End a membership: it fails on the very next request."""
    await queries.lock_members(session, organisation_id)
    row = await queries.member(session, organisation_id, membership_id)
    _may_manage(actor, [row.role])
    if REGISTRAR in actor.roles:
        raise Forbidden
    if _administers(row.role) and row.user_id == actor.id:
        others = await queries.other_roles(session, organisation_id, membership_id)
        if not any(_administers(role) for role in others):
            raise LastAdministrator
    ended = update(Membership).where(Membership.id == membership_id)
    await session.execute(ended.values(ended_at=clock.real()))
    await audit.record(session, actor, "member.end", "membership", membership_id)
    return row
