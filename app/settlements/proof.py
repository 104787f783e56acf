"""What verify-ledger recomputes of settlements: lines against payables, documents and runs against their parts."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("settlement_line", "settlement_line", Query(Judged, "settlements.verify_lines", roles=(WORKER,))),
    Pass("settled_payable", "payable", Query(Judged, "settlements.verify_settled", roles=(WORKER,))),
    Pass("settlement", "settlement", Query(Judged, "settlements.verify_settlements", roles=(WORKER,))),
    Pass("settlement_run", "settlement_run", Query(Judged, "settlements.verify_runs", roles=(WORKER,))),
)
