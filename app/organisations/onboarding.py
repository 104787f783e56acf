"""How an organisation joins: the party itself and what its kinds need, accounts included.

The first of all is the operator, whose command opens the accounts that exist once.
"""

from uuid import UUID

from sqlalchemy import any_, exists, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import SYSTEM, Actor
from app.audit import actions as audit
from app.errors import Invalid, StateConflict
from app.ledger import actions as ledger
from app.ledger.instructions import NewAccount
from app.organisations import bank_accounts, members
from app.organisations.actions import columns_of
from app.organisations.models import Company, Organisation, Provider
from app.organisations.schemas import OperatorCreate, OrganisationCreate

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


async def create_organisation(
    session: AsyncSession, actor: Actor, wanted: OrganisationCreate | OperatorCreate
) -> Organisation:
    """Create an organisation with all that its kinds need; phone and e-mail are a provider's public contact.

    A bank account given with it waits for another person's approval.
    """
    is_provider = "provider" in wanted.kinds
    for name in ("phone", "email"):
        if getattr(wanted, name) is not None and not is_provider:
            raise Invalid(f"/{name}", "providers_only", "the public contact belongs to the kind provider")
    organisation_id = ids.new_id()
    columns = columns_of(wanted, OrganisationCreate.model_fields.keys())
    new = insert(Organisation).values(
        id=organisation_id,
        kinds=list(wanted.kinds),
        tax_code=wanted.tax_code,
        created_at=clock.now(),
        created_by=actor.user_id if actor.kind == "user" else None,
        **columns,
    )
    created = (await session.scalars(new.returning(Organisation))).one()
    if "company" in wanted.kinds:
        await _add_company(session, organisation_id)
    if is_provider:
        await _add_provider(session, organisation_id, wanted.phone, wanted.email)
    if wanted.iban is not None:
        await bank_accounts.request_account(session, actor, organisation_id, wanted.iban)
    await audit.record(session, actor, "organisation.create", "organisation", organisation_id)
    return created


async def _add_company(session: AsyncSession, organisation_id: UUID) -> None:
    """Let an organisation give credit: its company row, the account of its money, the one of what comes back."""
    account_id, returns_id = ids.new_id(), ids.new_id()
    opened = [
        NewAccount(account_id, "company_account", organisation_id),
        NewAccount(returns_id, "company_returns", organisation_id),
    ]
    await ledger.open_accounts(session, opened)
    columns = {"account_id": account_id, "returns_account_id": returns_id}
    await session.execute(insert(Company).values(organisation_id=organisation_id, **columns))


async def _add_provider(session: AsyncSession, organisation_id: UUID, phone: str | None, email: str | None) -> None:
    """Let an organisation deliver care: its provider row and its four ledger accounts."""
    accounts = {kind: ids.new_id() for kind in ACCOUNT_KINDS}
    rows = [NewAccount(account_id, kind, organisation_id) for kind, account_id in accounts.items()]
    await ledger.open_accounts(session, rows)
    columns = {f"{kind.removeprefix('provider_')}_account_id": account_id for kind, account_id in accounts.items()}
    contact = {"phone": phone, "email": email}
    await session.execute(insert(Provider).values(organisation_id=organisation_id, **contact, **columns))


async def create_operator(session: AsyncSession, wanted: OperatorCreate, email: str) -> Organisation:
    """Create the operator with the ledger's accounts that exist once, and invite its first administrator.

    StateConflict where there is an operator already; two at the same time meet at the accounts' unique key.
    """
    if await session.scalar(select(exists().where(literal("operator") == any_(Organisation.kinds)))):
        raise StateConflict("operator_exists", "There is an operator already; its administrators invite the others.")
    await ledger.open_accounts(session, [NewAccount(ids.new_id(), kind, None) for kind in ACCOUNTS_OF_ONE])
    created = await create_organisation(session, SYSTEM, wanted)
    await members.invite_member(session, SYSTEM, created.id, email, OPERATOR_ROLES, bootstrap=True)
    return created
