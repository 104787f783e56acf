<<<<<<< HEAD
"""What verify-ledger recomputes of what came back to companies: that it waits, or was posted, once and of many."""
=======
"""What verify-ledger recomputes of lots: what the wallet shows, found out anew from the transfers."""
>>>>>>> main

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

<<<<<<< HEAD
PASSES = (
    Pass("company_return", "company_return", Query(Judged, "credit.verify_returns", roles=(WORKER,))),
    Pass("returns_account", "company", Query(Judged, "credit.verify_returns_accounts", roles=(WORKER,))),
)
=======
PASSES = (Pass("lot", "lot", Query(Judged, "credit.verify_lots", roles=(WORKER,))),)
>>>>>>> main
