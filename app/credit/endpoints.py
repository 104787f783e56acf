"""The person's routes of credit."""

from app import clock
from app.credit import funds, queries
from app.credit.schemas import SolidarityFundRead, WalletRead
from app.credit.wallet import read_wallet
from app.edge.at import At
from app.http.audiences import alliance_router, employee_router

employee = employee_router()
alliance = alliance_router()


@employee.read("/wallet", "person")
async def wallet_get(at: At) -> WalletRead:
    """Show the person's credit over all employments; each lot's parts add up to its amount."""
    return read_wallet(await queries.wallet(at.session, at.actor.user_id), clock.today())


@alliance.read("/solidarity_fund", "solidarity_fund:read")
async def solidarity_fund_get(at: At) -> SolidarityFundRead:
    """Show what expired into the alliance's fund, as one sum: by quarters, each counted once it is of enough people."""
    return SolidarityFundRead.model_validate(await funds.fund_of(at.session, at.tenant))
