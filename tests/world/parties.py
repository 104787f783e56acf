"""Organisations with their logins, keys and alliances."""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import insert, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum import luhn

from app import clock, ids
from app.actor import SYSTEM, Actor
from app.catalogue import accreditations
from app.catalogue.schemas import AccreditationCreate
from app.edge.request import OPEN, token_hash_in
from app.identity import sessions
from app.identity.granting import GIVE_ROLES
from app.identity.models import ApiKey, User
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.networks import actions as networks
from app.networks.models import AdmittedRole, SettingName
from app.networks.schemas import AllianceCreate, SettingValueCreate
from app.networks.settings import set_value
from app.organisations import onboarding
from app.organisations.models import BankAccount
from app.organisations.schemas import Address, OrganisationCreate
from tests.world.base import START, Base

SOMEBODY, SOMEBODY_ELSE = (Actor("user", UUID(int=number)) for number in (1, 2))
"""Two people without a login, who asked for and approved what a world begins with."""
IBAN = "IT60X0542811101000000123456"


@dataclass(frozen=True)
class Party:
    """An organisation with one login per role."""

    id: UUID
    name: str
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)
    account_id: UUID | None = None
    returns_id: UUID | None = None

    @property
    def public_id(self) -> str:
        return ids.encode("org", self.id)

    def actor(self, role: str) -> Actor:
        return Actor("user", self.users[role], self.id)


class Parties(Base):
    """Makes organisations as the operator would, and people who act for them."""

    _operator: Party | None = None
    _alliance_id: UUID | None = None
    lead: Party
    """The lead of this world's alliance."""
    coordinator: dict[str, str]
    """The session of that alliance's coordinator."""

    async def login(self, email: str, password_hash: str = "!") -> tuple[UUID, dict[str, str]]:
        """Somebody with a session; without a given hash no password fits."""
        async with self.work() as session:
            return await self._login(session, email, password_hash)

    async def _login(self, session: AsyncSession, email: str, password_hash: str = "!") -> tuple[UUID, dict[str, str]]:
        user_id = ids.new_id()
        # The product makes a login by mail, link and slow hash only.
        user = insert(User).values(id=user_id, email=email, password_hash=password_hash, created_at=START)
        await session.execute(user)
        token = await sessions.begin(session, user_id)
        return user_id, {"Authorization": f"Bearer {token.access_token}"}

    async def membership(
        self, user_id: UUID, organisation_id: UUID, role: str, reason: str | None = "Una persona sola, per la prova"
    ) -> None:
        async with self.work() as session:
            await _give(session, user_id, organisation_id, role, reason)

    async def api_key(self, party: Party, scopes: list[str]) -> dict[str, str]:
        """A key made by one of the organisation's people."""
        token = "bea_test_" + secrets.token_urlsafe(32)
        # Also with scopes that nobody of this organisation may give.
        made = insert(ApiKey).values(
            id=ids.new_id(), organisation_id=party.id, name="test", token_hash=sessions.token_hash(token),
            hint="bea_test_", scopes=scopes, created_by=next(iter(party.users.values())), created_at=clock.real(),
            expires_at=clock.real() + timedelta(days=365),
        )  # fmt: skip
        await self.execute(made)
        return {"Authorization": f"Bearer {token}"}

    @asynccontextmanager
    async def request(self, party: Party, role: str) -> AsyncIterator[AsyncSession]:
        """A unit of work of company routes that the edge opened for somebody: what it records names who calls."""
        async with self.work() as session:
            await OPEN.one(
                session, role="beatrice_hr", token_hash=token_hash_in(party.headers[role]["Authorization"]),
                real_now=clock.real(), scope_kind="organisation", scope_id=party.id, key=None, fingerprint=None,
                address=None, request_id=None,
            )  # fmt: skip
            yield session

    async def organisation(
        self, kinds: Sequence[str], roles: Sequence[str] = (), name: str | None = None, *, iban: str | None = IBAN
    ) -> Party:
        """An organisation of any kind, with all that its kinds need."""
        number = self._next()
        stem = f"{number:07d}016"
        wanted = OrganisationCreate.model_construct(  # the operator too, which only a command makes
            name=name or f"Organisation {number}",
            kinds=list(kinds),
            tax_code=stem + luhn.calc_check_digit(stem),
            address=Address(street="Via Roma", street_number="1", postcode="24021", town="Albino"),
            phone="+39035000000" if "provider" in kinds else None,
        )
        async with self.work(at=START) as session:
            made = await onboarding.create_organisation(session, SYSTEM, wanted)
            own = "SELECT account_id, returns_account_id FROM company WHERE organisation_id = :id"
            accounts = (await session.execute(text(own), {"id": made.id})).one_or_none() or (None, None)
            party = Party(made.id, made.name, {}, {}, *accounts)
            if iban is not None:
                await _account(session, party, iban)
            for role in roles:
                party.users[role], party.headers[role] = await self._login(session, f"{role}{number}@example.test")
                await _give(session, party.users[role], party.id, role)
        return party

    async def say(self, by: UUID, name: SettingName, value: int | None, on: date, **named: UUID) -> UUID:
        """Let somebody say what a setting is from a day on, for everybody or for what is named; return the entry."""
        said = SettingValueCreate(name=name, value=value, reason="agreed", valid_from=on, **named)
        async with self.work() as session:
            return (await set_value(session, Actor("user", by), said)).id

    async def account(self, kind: str, owner_id: UUID | None) -> UUID:
        account_id = ids.new_id()
        async with self.work(at=START) as session:
            await ledger.open_accounts(session, [NewAccount(account_id, kind, owner_id)])
        return account_id

    async def account_of(self, kind: str, owner_id: UUID | None) -> UUID:
        sql = "SELECT id FROM ledger.account WHERE kind = :kind AND owner_id IS NOT DISTINCT FROM :owner"
        return cast("UUID", await self.scalar(sql, kind=kind, owner=owner_id))

    async def operator(self) -> Party:
        """The one operator, and the ledger accounts that exist once."""
        if self._operator is None:
            missing = "SELECT kind FROM unnest(CAST(:kinds AS text[])) AS kind EXCEPT SELECT kind FROM ledger.account"
            for row in await self.execute(missing, kinds=list(onboarding.ACCOUNTS_OF_ONE)):
                await self.account(row.kind, None)
            self._operator = await self.organisation(["operator"], ("operator", "finance"), name="Beatrice operator")
        return self._operator

    async def company(self, name: str | None = None) -> Party:
        return await self.organisation(["company"], ("hr", "hr_approver", "payroll"), name)

    async def provider(self, name: str | None = None, *, accredited: bool = True) -> Party:
        """A provider that takes credit, unless it is still to be admitted and accredited."""
        party = await self.organisation(["provider"], ("manager", "staff"), name)
        if accredited:
            await self.accredit(party)
        return party

    async def bank_account(self, party: Party, iban: str, at: datetime = START + timedelta(days=1)) -> None:
        """Another account in force, asked for by one person and approved by another."""
        async with self.work() as session:
            await _account(session, party, iban, at)

    async def alliance(self) -> UUID:
        """The alliance that this world's providers belong to; made once."""
        if self._alliance_id is None:
            lead = await self.organisation(["municipality"], ("coordinator",), name="Ambito di prova")
            self._alliance_id = await self.found_alliance("Alleanza di prova", lead)
            self.lead, self.coordinator = lead, lead.headers["coordinator"]
        return self._alliance_id

    async def accredit(self, provider: Party) -> None:
        """Admit a provider to the alliance, and let somebody else accredit it for all that it offers."""
        alliance_id = await self.alliance()
        await self.admit(alliance_id, provider, "provider")
        async with self.work(at=START) as session:
            wanted = AccreditationCreate(alliance_id=alliance_id)
            asked = await accreditations.request_accreditation(session, SOMEBODY, provider.id, wanted)
            coordinator = Actor("user", self.lead.users["coordinator"])
            await accreditations.approve_accreditation(session, coordinator, alliance_id, asked.id)

    async def found_alliance(self, name: str = "Alleanza Prova", lead: Party | None = None, **members: Party) -> UUID:
        """An alliance led by a municipality unless told, with one member for each role that is named."""
        lead = lead or await self.organisation(["municipality"])
        async with self.work(at=START) as session:
            network = await networks.create_network(session, f"ATS {name}")
            wanted = AllianceCreate.model_construct(
                network_id=network.id, name=name, lead_organisation_id=lead.id, municipalities=[]
            )
            alliance = await networks.create_alliance(session, wanted)
        for role, party in members.items():
            await self.admit(alliance.id, party, role)
        return alliance.id

    async def admit(self, alliance_id: UUID, party: Party, role: str) -> UUID:
        """Let an organisation into an alliance; return the membership."""
        async with self.work(at=START) as session:
            admitted = cast("AdmittedRole", role)
            return (await networks.add_alliance_membership(session, alliance_id, party.id, admitted)).id


async def _account(session: AsyncSession, party: Party, iban: str, at: datetime = START) -> None:
    # In force at once, and no trace in audit and version that the tests of others would meet.
    account, asked = {"id": ids.new_id(), "organisation_id": party.id, "iban": iban}, {"requested_by": SOMEBODY.id}
    await session.execute(insert(BankAccount).values(**account, **asked, requested_at=at, effective_at=at))
    approved = {"status": "approved", "decided_by": SOMEBODY_ELSE.id, "decided_at": at}
    await session.execute(update(BankAccount).where(BankAccount.id == account["id"]).values(**approved))


async def _give(
    session: AsyncSession, user_id: UUID, organisation_id: UUID, role: str, reason: str | None = None
) -> None:
    given = {"ids": [ids.new_id()], "roles": [role], "user_id": user_id, "organisation_id": organisation_id}
    await GIVE_ROLES.run(session, **given, granted_by=None, from_ats=[START], now=START, reason=reason)
