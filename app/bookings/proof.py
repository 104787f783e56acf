"""What verify-ledger recomputes of bookings: their states from their units, that each unit is owed, once.

And what it counts under the limit of fringe benefits.
"""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("booking", "care.booking", Query(Judged, "bookings.verify_bookings", roles=(WORKER,))),
    Pass("unit", "care.unit", Query(Judged, "bookings.verify_units", roles=(WORKER,))),
    Pass("fringe_leg", "care.leg", Query(Judged, "bookings.verify_fringe_legs", roles=(WORKER,))),
    Pass("owed_unit", "payable", Query(Judged, "bookings.verify_owed_units", roles=(WORKER,))),
)
