"""What verify-ledger recomputes of lots: what the wallet shows, found out anew from the transfers."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (Pass("lot", "lot", Query(Judged, "credit.verify_lots", roles=(WORKER,))),)
