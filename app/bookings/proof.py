"""What verify-ledger recomputes of units: that each is owed what it says, once."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("unit", "care.unit", Query(Judged, "bookings.verify_units", roles=(WORKER,))),
    Pass("owed_unit", "payable", Query(Judged, "bookings.verify_owed_units", roles=(WORKER,))),
)
