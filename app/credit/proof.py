"""What verify-ledger recomputes: what the wallet shows of lots, and what came back to companies."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("lot", "lot", Query(Judged, "credit.verify_lots", roles=(WORKER,))),
    Pass("company_return", "company_return", Query(Judged, "credit.verify_returns", roles=(WORKER,))),
    Pass("returns_account", "company", Query(Judged, "credit.verify_returns_accounts", roles=(WORKER,))),
)
