"""How an organisation joins: the party itself and, where it delivers care, its provider row and ledger accounts.

The first of all is the operator, whose command opens the accounts that exist once.
"""

from uuid import UUID

from sqlalchemy import any_, exists, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.actor import SYSTEM, Actor
from app.catalogue.models import Provider
from app.catalogue.schemas import OrganisationNew
from app.errors import Invalid, StateConflict
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.organisations import actions as organisations
from app.organisations.models import Organisation

ACCOUNTS_OF_ONE = (
    "bank_clearing_company",
    "bank_clearing_public",
    "platform_fees",
    "vat_payable",
    "claims_payable",
    "suspense",
)
OPERATOR_ROLES = ("admin", "operator")
ACCOUNT_KINDS = ("provider_earned", "provider_payable", "provider_in_transit", "provider_recoverable")


async def onboard(session: AsyncSession, actor: Actor, wanted: OrganisationNew) -> Organisation:
    """Create an organisation with all that its kinds need; phone and e-mail are a provider's public contact."""
    is_provider = "provider" in wanted.kinds
    for name in ("phone", "email"):
        if getattr(wanted, name) is not None and not is_provider:
            raise Invalid(f"/{name}", "providers_only", "the public contact belongs to the kind provider")
    created: Organisation = await organisations.create_organisation(session, actor, wanted)
    if is_provider:
        await add_provider(session, created.id, wanted.phone, wanted.email)
    return created


async def add_provider(session: AsyncSession, organisation_id: UUID, phone: str | None, email: str | None) -> None:
    """Let an organisation deliver care: its provider row and its four ledger accounts."""
    accounts = {kind: ids.new_id() for kind in ACCOUNT_KINDS}
    rows = [NewAccount(account_id, kind, organisation_id) for kind, account_id in accounts.items()]
    await ledger.open_accounts(session, rows)
    columns = {f"{kind.removeprefix('provider_')}_account_id": account_id for kind, account_id in accounts.items()}
    contact = {"phone": phone, "email": email}
    await session.execute(insert(Provider).values(organisation_id=organisation_id, **contact, **columns))


async def create_operator(session: AsyncSession, wanted: OrganisationNew, email: str) -> Organisation:
    """Create the operator with the ledger's accounts that exist once, and invite its first administrator.

    StateConflict where there is an operator already; two at the same time meet at the accounts' unique key.
    """
    if await session.scalar(select(exists().where(literal("operator") == any_(Organisation.kinds)))):
        raise StateConflict("operator_exists", "There is an operator already; its administrators invite the others.")
    await ledger.open_accounts(session, [NewAccount(ids.new_id(), kind, None) for kind in ACCOUNTS_OF_ONE])
    created: Organisation = await organisations.create_organisation(session, SYSTEM, wanted)
    await organisations.invite_member(session, SYSTEM, created.id, email, OPERATOR_ROLES, bootstrap=True)
    return created
