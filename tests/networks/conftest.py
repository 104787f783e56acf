from tests.ledger.conftest import owner_session
from tests.parties import company, operator

__all__ = ["company", "operator", "owner_session"]
