"""What verify-ledger recomputes of bookings: their states from their units, and that each unit is owed, once."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("booking", "care.booking", Query(Judged, "bookings.verify_bookings", roles=(WORKER,))),
    Pass("unit", "care.unit", Query(Judged, "bookings.verify_units", roles=(WORKER,))),
    Pass("owed_unit", "payable", Query(Judged, "bookings.verify_owed_units", roles=(WORKER,))),
)
