"""What verify-ledger recomputes of claims: what each holds, paid or freed, and what is claimed of documents."""

from app.db import WORKER, Query
from app.ledger.verify import Judged, Pass

PASSES = (
    Pass("claim", "care.claim", Query(Judged, "claims.verify_claims", roles=(WORKER,))),
    Pass("claim_document", "care.claim_document", Query(Judged, "claims.verify_documents", roles=(WORKER,))),
)
