"""What the operator sees of the ledger: sums by kind of account."""

from app.http.schemas import Out


class KindTotal(Out):
    kind: str
    debit_cents: int
    credit_cents: int


class TrialBalanceOut(Out):
    balanced: bool
    accounts: list[KindTotal]
