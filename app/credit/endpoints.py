"""The person's routes of credit."""

from uuid import UUID

from app import clock
from app.credit import queries
from app.credit.schemas import WalletEntryRead, WalletRead
from app.credit.wallet import read_wallet
from app.http.access import access
from app.http.audiences import employee_router
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep

employee = employee_router()


@employee.get("/wallet", response_model=WalletRead)
@access("person")
async def wallet_get(session: SessionDep, actor: ActorDep) -> WalletRead:
    """Show the person's credit over all employments; each lot's parts add up to its amount."""
    return read_wallet(await queries.wallet(session, actor.user_id), clock.today())


@employee.get("/wallet/entries", response_model=Page[WalletEntryRead])
@access("person", errors=[BadCursor])
async def wallet_entry_list(session: SessionDep, actor: ActorDep, paging: PagingDep) -> Page[WalletEntryRead]:
    """List the movements on the person's lots, newest first."""
    after = None if paging.after is None else (UUID(paging.after[0]), UUID(paging.after[1]))
    rows = await queries.entries(session, actor.user_id, after, paging.fetch)
    return paging.page(rows, WalletEntryRead.model_validate, lambda row: [str(row.id), str(row.lot_id)])
