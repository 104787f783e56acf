"""What the operator sees of the ledger: sums by kind of account."""

from app.http.schemas import Out


class KindTotalRead(Out):
    kind: str
    """The kind of account."""
    debit_cents: int
    """The sum of all debits, in cents."""
    credit_cents: int
    """The sum of all credits, in cents."""


class TrialBalanceRead(Out):
    balanced: bool
    """Whether debits equal credits."""
    accounts: list[KindTotalRead]
    """The sums by kind of account."""
