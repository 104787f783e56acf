"""Routes of the ledger: the operator reads its sums."""

from app.edge.at import At
from app.http.audiences import operator_router
from app.ledger import queries
from app.ledger.schemas import TrialBalanceRead

operator = operator_router()


@operator.read("/ledger/trial_balance", "trial_balance:read")
async def trial_balance_get(at: At) -> TrialBalanceRead:
    """Sum the ledger by kind of account."""
    return TrialBalanceRead.model_validate(await queries.trial_balance(at.session))
