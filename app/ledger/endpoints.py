"""Routes of the ledger: the operator reads its sums."""

from app.http.access import access
from app.http.audiences import operator_router
from app.http.session import SessionDep
from app.ledger import queries
from app.ledger.schemas import TrialBalanceOut

operator = operator_router()


@operator.get("/ledger/trial_balance", response_model=TrialBalanceOut)
@access("trial_balance:read")
async def trial_balance_read(session: SessionDep) -> TrialBalanceOut:
    """Sum the ledger by kind of account."""
    return TrialBalanceOut.model_validate(await queries.trial_balance(session))
