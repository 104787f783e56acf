"""What operators do with organisations, and providers with their profile."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.actor import Actor
from app.audit import actions as audit
from app.errors import NotFound, PreconditionFailed, StateConflict
from app.organisations import queries
from app.organisations.models import Organisation, Provider
from app.organisations.schemas import OrganisationCreate, OrganisationUpdate, ProviderUpdate

NO_ADDRESS = {"street": None, "street_number": None, "postcode": None, "town": None, "country": "IT"}


async def update_organisation(
    session: AsyncSession, actor: Actor, organisation_id: UUID, version: int, data: OrganisationUpdate
) -> Organisation:
    """Change an organisation; where money goes is set once here, because a change needs a second person."""
    old = await queries.organisation(session, organisation_id)
    if old.version != version:
        raise PreconditionFailed
    given = columns_of(data, data.model_fields_set)
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


def columns_of(data: OrganisationCreate | OrganisationUpdate, given: Collection[str]) -> dict[str, object]:
    """Return the columns that these fields are, of those which both take."""
    plain = {"name": data.name, "iban": data.iban, "external_id": data.external_id}
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
