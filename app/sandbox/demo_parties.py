"""The demo's parties: organisations, their logins and accounts, the network, the alliance and its territory."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from uuid import UUID

from schwifty import IBAN
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum import luhn

from app import clock
from app.catalogue.models import Accreditation
from app.identity.models import RoleGrant, User
from app.identity.password_rules import DEMO_PASSWORD
from app.identity.passwords import hash_now
from app.ledger.models import Account
from app.networks.models import Alliance, AllianceMembership, AllianceMunicipality, Network
from app.organisations.models import BankAccount, Company, Organisation, Provider
from app.sandbox.demo_data import PartyEntry, names, parties, providers
from app.sandbox.demo_rows import Row, make_id, write
from app.territory.models import Municipality

ACCOUNTS_OF_ONE = (
    "bank_clearing_company",
    "bank_clearing_public",
    "platform_fees",
    "vat_payable",
    "claims_payable",
    "suspense",
)
PROVIDER_ACCOUNTS = ("earned", "payable", "in_transit", "recoverable")
FIRST_NUMBER = 101
COMPANY_LOGINS = {"hr": ["hr", "admin"], "approver": ["hr_approver"], "payroll": ["payroll"]}
PROVIDER_LOGINS = {"manager": ["manager", "admin"]}
UNKNOWN_BANK, UNKNOWN_BRANCH = "09999", "53999"
"""No Italian bank has this code, so that no account of the demo is anybody's."""


@dataclass(frozen=True)
class Place:
    """A municipality of the alliance."""

    istat_code: str
    name: str
    cadastral_code: str
    postcode: str
    district: str


@dataclass
class World:
    """What the steps of the load hand on: where history ends, ids by name."""

    start: datetime
    places: dict[str, Place]
    password_hash: str
    organisations: dict[str, UUID] = field(default_factory=dict)
    users: dict[str, UUID] = field(default_factory=dict)

    @property
    def founded(self) -> datetime:
        """Return when parties, people and catalogue came."""
        return self.ago(315)

    def ago(self, days: int) -> datetime:
        """Return the same time of day so many days before the start."""
        return self.start - timedelta(days=days)


async def open_world(session: AsyncSession, start: datetime) -> World:
    """Read the territory and hash the one password, once."""
    listing = (files("migrations") / "data" / "beatrice_alliance.tsv").read_text(encoding="utf-8")
    districts = {line["istat_code"]: line["district"] for line in csv.DictReader(listing.splitlines(), delimiter="\t")}
    found = await session.scalars(select(Municipality).where(Municipality.istat_code.in_(districts)))
    postcodes = names().postcodes
    places = {
        row.istat_code: Place(
            row.istat_code,
            row.name,
            row.cadastral_code,
            postcodes.get(row.istat_code, "24020"),
            districts[row.istat_code],
        )
        for row in sorted(found, key=lambda row: row.istat_code)
    }
    return World(start, places, hash_now(DEMO_PASSWORD))


def described() -> Iterator[tuple[PartyEntry, list[str], dict[str, list[str]]]]:
    """Give every organisation of the files with its kinds and the roles of its logins."""
    for party in parties().party:
        yield party, party.kinds, party.logins
    for company in parties().company:
        yield company, ["company"], COMPANY_LOGINS
    for provider in providers():
        yield provider, ["provider"], PROVIDER_LOGINS


@cache
def _places_of_parties() -> dict[str, int]:
    return {party.slug: number for number, (party, _kinds, _logins) in enumerate(described(), start=FIRST_NUMBER)}


def organisation_id(slug: str) -> UUID:
    """Return an organisation's id: its place among all keeps lists in order."""
    return make_id("organisation", slug, order=_places_of_parties()[slug])


async def load(session: AsyncSession, world: World) -> None:
    """Write every organisation with its logins, companies and providers with their accounts, and the alliance."""
    organisations: list[Row] = []
    bank_accounts: list[Row] = []
    users: list[Row] = []
    roles_given: list[Row] = []
    for number, (party, kinds, logins) in enumerate(described(), start=FIRST_NUMBER):
        world.organisations[party.slug] = organisation_id(party.slug)
        organisations.append(_organisation(world, party, kinds, number))
        bank_accounts.append(_bank_account(world, party, number))
        for name, roles in logins.items():
            email = f"{name}@{party.slug}.example"
            users.append(user_row(world, email, len(users)))
            roles_given += [
                {
                    "id": make_id("membership", email, role),
                    "user_id": world.users[email],
                    "role": role,
                    "scope_kind": "organisation",
                    "scope_id": world.organisations[party.slug],
                    # In force at once, however early the real day on which the demo is loaded.
                    "from_at": min(world.founded, clock.real()),
                    "granted_at": world.founded,
                }
                for role in roles
            ]
    await write(session, Organisation, organisations)
    await write(session, User, users)
    await write(session, RoleGrant, roles_given)
    await _load_bank_accounts(session, world, bank_accounts)
    await _load_accounts(session, world)
    await _load_alliance(session, world)


def user_row(world: World, email: str, order: int) -> Row:
    """Return a login and remember its id."""
    world.users[email] = make_id("user", email, order=order)
    return {"id": world.users[email], "email": email, "password_hash": world.password_hash, "created_at": world.founded}


def _organisation(world: World, party: PartyEntry, kinds: list[str], number: int) -> Row:
    place = world.places[party.istat]
    stem = f"0999{number:03d}016"
    return {
        "id": world.organisations[party.slug],
        "name": party.name,
        "kinds": kinds,
        "tax_code": stem + luhn.calc_check_digit(stem),
        "street": party.street,
        "street_number": party.number,
        "postcode": place.postcode,
        "town": place.name,
        "country": "IT",
        "metadata": {},
        "created_at": world.founded,
    }


def _bank_account(world: World, party: PartyEntry, number: int) -> Row:
    return {
        "id": make_id("bank_account", party.slug, order=number),
        "organisation_id": world.organisations[party.slug],
        "iban": str(
            IBAN.generate("IT", bank_code=UNKNOWN_BANK, branch_code=UNKNOWN_BRANCH, account_code=f"{number:012d}")
        ),
        "requested_at": world.founded,
        "effective_at": world.founded,
    }


async def _load_bank_accounts(session: AsyncSession, world: World, rows: list[Row]) -> None:
    """Let the operator's two people ask for and approve every account: in force from the start."""
    asked_by, approved_by = (world.users[f"{name}@beatrice.example"] for name in ("operator", "finance"))
    await write(session, BankAccount, [{**row, "requested_by": asked_by} for row in rows])
    approval = update(BankAccount).where(BankAccount.status == "pending")
    await session.execute(approval.values(status="approved", decided_by=approved_by, decided_at=world.founded))


async def _load_accounts(session: AsyncSession, world: World) -> None:
    accounts: list[Row] = [_account(world, kind, None) for kind in ACCOUNTS_OF_ONE]
    companies: list[Row] = []
    payees: list[Row] = []
    for company in parties().company:
        company_id = world.organisations[company.slug]
        account, returns = (_account(world, kind, company_id) for kind in ("company_account", "company_returns"))
        accounts += [account, returns]
        companies.append(
            {
                "organisation_id": company_id,
                "account_id": account["id"],
                "returns_account_id": returns["id"],
                "relatives_reading": company.reading,
            }
        )
    for number, provider in enumerate(providers(), start=101):
        provider_id = world.organisations[provider.slug]
        own = {name: _account(world, f"provider_{name}", provider_id) for name in PROVIDER_ACCOUNTS}
        accounts += own.values()
        payees.append(
            {
                "organisation_id": provider_id,
                "phone": f"+39 035 0000 {number}",
                "email": f"info@{provider.slug}.example",
                "description": provider.about,
                **{f"{name}_account_id": account["id"] for name, account in own.items()},
            }
        )
    await write(session, Account, accounts)
    await write(session, Company, companies)
    await write(session, Provider, payees)


def _account(world: World, kind: str, owner_id: UUID | None) -> Row:
    return {"id": make_id("account", kind, owner_id), "kind": kind, "owner_id": owner_id, "created_at": world.founded}


async def _load_alliance(session: AsyncSession, world: World) -> None:
    network_id, alliance_id = make_id("network"), make_id("alliance")
    solidarity = _account(world, "solidarity_fund", alliance_id)
    await write(session, Account, [solidarity])
    await write(session, Network, [{"id": network_id, "name": parties().network, "created_at": world.founded}])
    await write(
        session,
        Alliance,
        [
            {
                "id": alliance_id,
                "network_id": network_id,
                "name": parties().alliance,
                "lead_organisation_id": world.organisations["ambito-albino"],
                "solidarity_account_id": solidarity["id"],
                "created_at": world.founded,
            }
        ],
    )
    await write(
        session,
        AllianceMunicipality,
        [{"alliance_id": alliance_id, "istat_code": istat_code} for istat_code in world.places],
    )
    roles = {party.slug: party.alliance_role for party in parties().party if party.alliance_role is not None}
    roles |= {company.slug: "company" for company in parties().company}
    roles |= {provider.slug: "provider" for provider in providers()}
    await write(
        session,
        AllianceMembership,
        [
            {
                "id": make_id("alliance_membership", slug, order=order),
                "alliance_id": alliance_id,
                "organisation_id": world.organisations[slug],
                "role": role,
                "joined_on": world.founded.date(),
            }
            for order, (slug, role) in enumerate(roles.items())
        ],
    )
    await _accredit(session, world, alliance_id)


async def _accredit(session: AsyncSession, world: World, alliance_id: UUID) -> None:
    """Let the operator ask and the alliance's coordinator accredit every provider for all that it offers."""
    await write(
        session,
        Accreditation,
        [
            {
                "id": make_id("accreditation", provider.slug, order=order),
                "alliance_id": alliance_id,
                "provider_id": world.organisations[provider.slug],
                "valid_from": world.founded.date(),
                "requested_by": world.users["operator@beatrice.example"],
                "requested_at": world.founded,
            }
            for order, provider in enumerate(providers())
        ],
    )
    admission = (
        select(AllianceMembership.id)
        .where(
            AllianceMembership.alliance_id == alliance_id,
            AllianceMembership.organisation_id == Accreditation.provider_id,
            AllianceMembership.role == "provider",
        )
        .scalar_subquery()
    )
    approval = update(Accreditation).where(Accreditation.alliance_id == alliance_id)
    coordinator = world.users["coordinator@ambito-albino.example"]
    decided = {"status": "approved", "decided_by": coordinator, "decided_at": world.founded}
    await session.execute(approval.values(**decided, membership_id=admission))
