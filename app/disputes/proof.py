"""What verify-ledger recomputes of disputes: that units got back what was decided."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (Pass("dispute", "care.dispute", Query(Judged, "disputes.verify_disputes", roles=(WORKER,))),)
