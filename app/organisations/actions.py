"""What operators do with organisations, and providers with their profile."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import Actor
from app.audit import actions as audit
from app.errors import NotFound, PreconditionFailed
from app.organisations import bank_accounts, queries
from app.organisations.models import Organisation, Provider
from app.organisations.schemas import OperatorCreate, OrganisationCreate, OrganisationUpdate, ProviderUpdate

NO_ADDRESS = {"street": None, "street_number": None, "postcode": None, "town": None, "country": "IT"}


async def update_organisation(
    session: AsyncSession, actor: Actor, organisation_id: UUID, version: int, data: OrganisationUpdate
) -> Organisation:
    """Change an organisation; an IBAN given here is a request, which another person approves."""
    old = await queries.organisation(session, organisation_id)
    if old.version != version:
        raise PreconditionFailed
    given = columns_of(data, data.model_fields_set)
    columns = {name: value for name, value in given.items() if value != getattr(old, name)}
    asks = "iban" in data.model_fields_set and await _asks_for_account(session, actor, organisation_id, data.iban)
    if not columns and not asks:
        return old
    changed = update(Organisation).where(Organisation.id == organisation_id, Organisation.version == version)
    returned = await session.scalars(changed.values(version=version + 1, **columns).returning(Organisation))
    new = returned.one_or_none()
    if new is None:
        raise PreconditionFailed
    await audit.record(session, actor, "organisation.update", "organisation", organisation_id)
    return new


async def _asks_for_account(session: AsyncSession, actor: Actor, organisation_id: UUID, iban: str) -> bool:
    """Ask for this account, unless it is in force or waits already; tell whether that is new."""
    standing = await queries.account_of(session, organisation_id)
    if iban == (standing.waiting or standing.iban):
        return False
    await bank_accounts.request_account(session, actor, organisation_id, iban)
    return True


def columns_of(
    data: OrganisationCreate | OperatorCreate | OrganisationUpdate, given: Collection[str]
) -> dict[str, object]:
    """Return the columns that these fields are, of those which both take."""
    plain = {"name": data.name, "external_id": data.external_id}
    columns: dict[str, object] = {name: value for name, value in plain.items() if name in given}
    if "metadata" in given:
        columns["metadata_"] = data.metadata
    if "address" in given:
        columns |= NO_ADDRESS if data.address is None else data.address.model_dump()
    return columns


async def update_profile(session: AsyncSession, provider_id: UUID, version: int, changes: ProviderUpdate) -> None:
    """Change how families reach a provider, if nobody changed it since `version`."""
    found = await queries.PROVIDER_VERSION.maybe(session, id=provider_id)
    if found is None:
        raise NotFound
    if found != version:
        raise PreconditionFailed
    given = {name: value for name, value in changes if name in changes.model_fields_set}
    own = update(Provider).where(Provider.organisation_id == provider_id)
    await session.execute(own.values(**given, version=Provider.version + 1))
