"""What verify-ledger recomputes of fringe benefits."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (Pass("fringe_year", "fringe_year", Query(Judged, "fringe.verify_years", roles=(WORKER,))),)
