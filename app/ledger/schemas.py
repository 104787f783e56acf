"""What the operator sees of the ledger: sums by kind of account."""

from app.http.schemas import Out


class KindTotalRead(Out):
    kind: str
    debit_cents: int
    credit_cents: int


class TrialBalanceRead(Out):
    balanced: bool
    accounts: list[KindTotalRead]
