"""How an organisation joins: the party itself and, where it delivers care, its provider row and ledger accounts.

The first of all is the operator, whose command opens the accounts that exist once.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.actor import SYSTEM, Actor
from app.catalogue.schemas import OrganisationNew
from app.errors import Invalid, StateConflict
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.organisations import actions as organisations

INSERT_PROVIDER = text("""
    INSERT INTO provider (organisation_id, phone, email, earned_account_id, payable_account_id, in_transit_account_id,
        recoverable_account_id)
    VALUES (:id, :phone, :email, :provider_earned, :provider_payable, :provider_in_transit, :provider_recoverable)
""")
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


async def onboard(session: AsyncSession, actor: Actor, wanted: OrganisationNew) -> Any:  # noqa: ANN401 - a row
    """Create an organisation with all that its kinds need; phone and e-mail are a provider's public contact."""
    is_provider = "provider" in wanted.kinds
    for name in ("phone", "email"):
        if getattr(wanted, name) is not None and not is_provider:
            raise Invalid(f"/{name}", "providers_only", "the public contact belongs to the kind provider")
    created = await organisations.create_organisation(session, actor, wanted)
    if is_provider:
        await add_provider(session, created.id, wanted.phone, wanted.email)
    return created


async def add_provider(session: AsyncSession, organisation_id: UUID, phone: str | None, email: str | None) -> None:
    """Let an organisation deliver care: its provider row and its four ledger accounts."""
    accounts = {kind: ids.new_id() for kind in ACCOUNT_KINDS}
    rows = [NewAccount(account_id, kind, organisation_id) for kind, account_id in accounts.items()]
    await ledger.open_accounts(session, rows)
    await session.execute(INSERT_PROVIDER, {"id": organisation_id, "phone": phone, "email": email, **accounts})


async def create_operator(session: AsyncSession, wanted: OrganisationNew, email: str) -> Any:  # noqa: ANN401 - a row
    """Create the operator with the ledger's accounts that exist once, and invite its first administrator.

    StateConflict where there is an operator already; two at the same time meet at the accounts' unique key.
    """
    found = await session.execute(text("SELECT EXISTS (SELECT FROM organisation WHERE 'operator' = ANY (kinds))"))
    if found.scalar_one():
        raise StateConflict("operator_exists", "There is an operator already; its administrators invite the others.")
    await ledger.open_accounts(session, [NewAccount(ids.new_id(), kind, None) for kind in ACCOUNTS_OF_ONE])
    created = await organisations.create_organisation(session, SYSTEM, wanted)
    await organisations.invite_member(session, SYSTEM, created.id, email, OPERATOR_ROLES, bootstrap=True)
    return created
