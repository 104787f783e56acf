from tests.ledger.conftest import owner_session

__all__ = ["owner_session"]
