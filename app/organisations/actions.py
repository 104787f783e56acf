"""What operators, coordinators and administrators do with organisations, alliances and members."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.db import rows
from app.edge.permissions import REGISTRAR, permissions_of
from app.errors import Forbidden, Invalid, NotFound, PreconditionFailed, StateConflict
from app.identity import invitations
from app.identity.roles import ADMIN, roles_of_kinds
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.organisations import queries
from app.organisations.errors import LastAdministrator
from app.organisations.schemas import Address, AllianceCreate, OrganisationCreate, OrganisationUpdate

INSERT_ORGANISATION = text("""
    INSERT INTO organisation (id, name, kinds, tax_code, iban, street, street_number, postcode, town, country,
        external_id, metadata, created_at)
    VALUES (:id, :name, :kinds, :tax_code, :iban, :street, :street_number, :postcode, :town, :country, :external_id,
        CAST(:metadata AS jsonb), :created_at)
""")
UPDATE_ORGANISATION = text("""
    UPDATE organisation SET version = version + 1, name = :name, iban = :iban, street = :street,
        street_number = :street_number, postcode = :postcode, town = :town, country = :country,
        external_id = :external_id, metadata = CAST(:metadata AS jsonb)
    WHERE id = :id
""")
ADDRESS = ("street", "street_number", "postcode", "town")


async def create_organisation(session: AsyncSession, actor: Actor, data: OrganisationCreate) -> Any:  # noqa: ANN401
    """Add a legal party and, for a company, its account; a provider's part is the catalogue's. Returns the row."""
    organisation_id = ids.new_id()
    await session.execute(
        INSERT_ORGANISATION,
        {
            "id": organisation_id,
            "name": data.name,
            "kinds": list(data.kinds),
            "tax_code": data.tax_code,
            "iban": data.iban,
            **_address(data.address),
            "external_id": data.external_id,
            "metadata": json.dumps(data.metadata),
            "created_at": clock.now(),
        },
    )
    if "company" in data.kinds:
        account_id = ids.new_id()
        await ledger.open_accounts(session, [NewAccount(account_id, "company_account", organisation_id)])
        await session.execute(
            text("INSERT INTO company (organisation_id, account_id) VALUES (:id, :account_id)"),
            {"id": organisation_id, "account_id": account_id},
        )
    await audit.record(session, actor, "organisation.create", "organisation", organisation_id)
    return await queries.organisation(session, organisation_id)


async def update_organisation(
    session: AsyncSession, actor: Actor, organisation_id: UUID, version: int, data: OrganisationUpdate
) -> Any:  # noqa: ANN401 - a row
    """Change an organisation; where money goes is set once here, because a change needs a second person."""
    row = await queries.organisation(session, organisation_id, lock=True)
    if row.version != version:
        raise PreconditionFailed
    given = data.model_fields_set
    old = {name: getattr(row, name) for name in ("name", "iban", *ADDRESS, "country", "external_id", "metadata")}
    values = old | {name: getattr(data, name) for name in given - {"address"}}
    if "address" in given:
        values |= _address(data.address)
    if old["iban"] is not None and values["iban"] != old["iban"]:
        raise StateConflict("iban_set", "An IBAN in use is changed by two persons, not here.")
    if values == old:
        return row
    values["metadata"] = json.dumps(values["metadata"])
    await session.execute(UPDATE_ORGANISATION, {"id": organisation_id, **values})
    await audit.record(session, actor, "organisation.update", "organisation", organisation_id)
    return await queries.organisation(session, organisation_id)


def _address(address: Address | None) -> dict[str, Any]:
    if address is None:
        return {**dict.fromkeys(ADDRESS), "country": "IT"}
    return {name: getattr(address, name) for name in (*ADDRESS, "country")}


async def create_network(session: AsyncSession, actor: Actor, name: str) -> Any:  # noqa: ANN401 - a row
    network_id = ids.new_id()
    found = await rows(
        session,
        "INSERT INTO network (id, name, created_at) VALUES (:id, :name, :at) RETURNING id, name, created_at",
        id=network_id, name=name, at=clock.now(),
    )  # fmt: skip
    await audit.record(session, actor, "network.create", "network", network_id)
    return found[0]


async def create_alliance(session: AsyncSession, actor: Actor, data: AllianceCreate) -> Any:  # noqa: ANN401 - a row
    """Add an alliance with its territory, its solidarity fund and its lead's membership."""
    problems = await _missing(session, data)
    if problems:
        raise Invalid(*problems[0], *problems[1:50])
    alliance_id, account_id, now = ids.new_id(), ids.new_id(), clock.now()
    await ledger.open_accounts(session, [NewAccount(account_id, "solidarity_fund", alliance_id)])
    await session.execute(
        text(
            "INSERT INTO alliance (id, network_id, name, lead_organisation_id, solidarity_account_id, created_at)"
            " VALUES (:id, :network_id, :name, :lead_id, :account_id, :at)"
        ),
        {
            "id": alliance_id, "network_id": data.network_id, "name": data.name,
            "lead_id": data.lead_organisation_id, "account_id": account_id, "at": now,
        },
    )  # fmt: skip
    await session.execute(
        text(
            "INSERT INTO alliance_municipality (alliance_id, istat_code)"
            " SELECT :id, code FROM unnest(CAST(:codes AS text[])) AS code"
        ),
        {"id": alliance_id, "codes": data.municipalities},
    )
    await _join(session, alliance_id, data.lead_organisation_id, "lead")
    await audit.record(session, actor, "alliance.create", "alliance", alliance_id)
    return await queries.alliance(session, alliance_id)


async def _missing(session: AsyncSession, data: AllianceCreate) -> list[tuple[str, str, str]]:
    found = await rows(
        session,
        "SELECT EXISTS (SELECT 1 FROM network WHERE id = :network_id),"
        " EXISTS (SELECT 1 FROM organisation WHERE id = :lead_id)",
        network_id=data.network_id, lead_id=data.lead_organisation_id,
    )  # fmt: skip
    problems = [
        (pointer, "unknown", "there is no such thing")
        for pointer, exists in zip(("/network_id", "/lead_organisation_id"), found[0], strict=True)
        if not exists
    ]
    unknown = await queries.unknown_municipalities(session, data.municipalities)
    return problems + [
        (f"/municipalities/{index}", "unknown_municipality", "there is no municipality with this code")
        for index, code in enumerate(data.municipalities)
        if code in unknown
    ]


async def add_alliance_membership(
    session: AsyncSession, actor: Actor, alliance_id: UUID, organisation_id: UUID, role: str
) -> Any:  # noqa: ANN401 - a row
    """Admit an organisation; companies and providers must be of that kind."""
    try:
        organisation = await queries.organisation(session, organisation_id)
    except NotFound:
        raise Invalid("/organisation_id", "unknown", "there is no such organisation") from None
    if role in {"company", "provider"} and role not in organisation.kinds:
        raise Invalid("/role", "kind", "the organisation is not of this kind")
    membership_id = await _join(session, alliance_id, organisation_id, role)
    await audit.record(session, actor, "alliance_membership.create", "alliance_membership", membership_id)
    return await queries.alliance_membership(session, alliance_id, membership_id)


async def _join(session: AsyncSession, alliance_id: UUID, organisation_id: UUID, role: str) -> UUID:
    membership_id = ids.new_id()
    await session.execute(
        text(
            "INSERT INTO alliance_membership (id, alliance_id, organisation_id, role, joined_on)"
            " VALUES (:id, :alliance_id, :organisation_id, :role, :on)"
        ),
        {
            "id": membership_id, "alliance_id": alliance_id, "organisation_id": organisation_id, "role": role,
            "on": clock.today(),
        },
    )  # fmt: skip
    return membership_id


async def end_alliance_membership(session: AsyncSession, actor: Actor, alliance_id: UUID, membership_id: UUID) -> Any:  # noqa: ANN401 - a row
    """End a membership; `ended_on` is the first day without it, at the earliest the day after joining."""
    row = await queries.alliance_membership(session, alliance_id, membership_id, lock=True)
    if row.ended_on is not None:
        raise StateConflict("ended")
    if row.role == "lead":
        raise StateConflict("lead", "The lead organisation stays as long as the alliance.")
    await session.execute(
        text("UPDATE alliance_membership SET ended_on = :on WHERE id = :id"),
        {"on": max(clock.today(), row.joined_on + timedelta(days=1)), "id": membership_id},
    )
    await audit.record(session, actor, "alliance_membership.end", "alliance_membership", membership_id)
    return await queries.alliance_membership(session, alliance_id, membership_id)


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


async def _may_bring_in(session: AsyncSession, organisation: Any, email: str) -> None:  # noqa: ANN401 - a row
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


async def end_member(session: AsyncSession, actor: Actor, organisation_id: UUID, membership_id: UUID) -> Any:  # noqa: ANN401
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
    await session.execute(
        text("UPDATE membership SET ended_at = :at WHERE id = :id"), {"at": clock.real(), "id": membership_id}
    )
    await audit.record(session, actor, "member.end", "membership", membership_id)
    return row
