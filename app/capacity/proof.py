"""Count the seats again: what the one writer promises, found out anew from the takings."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (Pass("slot", "slot", Query(Judged, "capacity.verify_slots", roles=(WORKER,))),)
