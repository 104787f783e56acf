"""The person's routes of credit."""

from uuid import UUID

from app import clock
from app.credit import queries
from app.credit.schemas import WalletEntryRead, WalletRead
from app.credit.wallet import read_wallet
from app.edge.at import At
from app.http.audiences import employee_router
from app.http.pagination import PagingDep
from app.http.schemas import Page

employee = employee_router()


@employee.read("/wallet", "person")
async def wallet_get(at: At) -> WalletRead:
    """Show the person's credit over all employments; each lot's parts add up to its amount."""
    return read_wallet(await queries.wallet(at.session, at.actor.user_id), clock.today())


@employee.list("/wallet/entries", "person")
async def wallet_entry_list(at: At, paging: PagingDep) -> Page[WalletEntryRead]:
    """List the movements on the person's lots, newest first."""
    after = None if paging.after is None else (UUID(paging.after[0]), UUID(paging.after[1]))
    rows = await queries.entries(at.session, at.actor.user_id, after, paging.fetch)
    return paging.page(rows, WalletEntryRead.model_validate, lambda row: [str(row.id), str(row.lot_id)])
