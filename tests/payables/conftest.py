from tests.settlements.conftest import books, fresh_books

__all__ = ["books", "fresh_books"]
