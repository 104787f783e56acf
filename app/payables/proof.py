"""What verify-ledger recomputes of payables."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("payable", "payable", Query(Judged, "payables.verify_payables", roles=(WORKER,))),
    Pass("owed_transfer", "ledger.transfer", Query(Judged, "payables.verify_transfers", roles=(WORKER,))),
)
