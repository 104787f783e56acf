from tests.parties import company, operator

__all__ = ["company", "operator"]
