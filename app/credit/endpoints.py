"""The person's routes of credit."""

from app import clock
from app.credit import queries
from app.credit.schemas import WalletRead
from app.credit.wallet import read_wallet
from app.edge.at import At
from app.http.audiences import employee_router

employee = employee_router()


@employee.read("/wallet", "person")
async def wallet_get(at: At) -> WalletRead:
    """Show the person's credit over all employments; each lot's parts add up to its amount."""
    return read_wallet(await queries.wallet(at.session, at.actor.user_id), clock.today())
