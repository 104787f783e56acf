"""What operators and coordinators do with networks and alliances."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.errors import Invalid, NotFound, StateConflict
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.networks import queries
from app.networks.models import AdmittedRole, Alliance, AllianceMembership, AllianceRole, Network
from app.networks.queries import AllianceMembershipRow, AllianceRow
from app.networks.schemas import AllianceCreate
from app.organisations.models import Organisation
from app.organisations.queries import organisation
from app.territory.queries import unknown_municipalities


async def create_network(session: AsyncSession, name: str) -> Network:
    network_id = ids.new_id()
    new = insert(Network).values(id=network_id, name=name, created_at=clock.now())
    return (await session.scalars(new.returning(Network))).one()


async def create_alliance(session: AsyncSession, data: AllianceCreate) -> AllianceRow:
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
    unknown = await unknown_municipalities(session, data.municipalities)
    return problems + [
        (f"/municipalities/{index}", "unknown_municipality", "there is no municipality with this code")
        for index, code in enumerate(data.municipalities)
        if code in unknown
    ]


async def add_alliance_membership(
    session: AsyncSession, alliance_id: UUID, organisation_id: UUID, role: AdmittedRole
) -> AllianceMembershipRow:
    """Admit an organisation; companies and providers must be of that kind."""
    try:
        found = await organisation(session, organisation_id)
    except NotFound:
        raise Invalid("/organisation_id", "unknown", "there is no such organisation") from None
    if role in {"company", "provider"} and role not in found.kinds:
        raise Invalid("/role", "kind", "the organisation is not of this kind")
    joined_on = clock.today()
    membership_id = await _join(session, alliance_id, organisation_id, role, joined_on)
    return AllianceMembershipRow(membership_id, organisation_id, found.name, role, joined_on, None)


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
    session: AsyncSession, alliance_id: UUID, membership_id: UUID
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
    return replace(row, ended_on=ended_on)
