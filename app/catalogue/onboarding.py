"""How an organisation joins: the party itself and, where it delivers care, its provider row and ledger accounts."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.actor import Actor
from app.catalogue.schemas import OrganisationNew
from app.errors import Invalid
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.organisations import actions as organisations

INSERT_PROVIDER = text("""
    INSERT INTO provider (organisation_id, phone, email, earned_account_id, payable_account_id, in_transit_account_id,
        recoverable_account_id)
    VALUES (:id, :phone, :email, :provider_earned, :provider_payable, :provider_in_transit, :provider_recoverable)
""")
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
