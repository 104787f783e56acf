"""A small ledger on a connection of its own, rolled back at the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.ids import new_id

AT = "2026-11-23T08:00:00Z"
TABLES = ("account", "transfer", "hold", "hold_end")


class Book:
    """Plain SQL on the ledger as any role, the way an attacker with a connection would write it."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.ids: dict[str, UUID] = {}
        self.be("beatrice_app")

    def be(self, role: str) -> None:
        self.connection.execute(f"SET LOCAL ROLE {role}")

    def run(self, sql: str, **more: object) -> None:
        """Run a statement; `%(name)s` are this book's ids, `%(new)s` a new id, `%(at)s` an instant."""
        self.connection.execute(sql, {**self.ids, "at": AT, "new": new_id(), **more})

    def value(self, sql: str) -> Any:
        row = self.connection.execute(sql, self.ids).fetchone()
        assert row is not None
        return row[0]

    def insert(self, table: str, **columns: object) -> None:
        given = {"created_at": AT, **columns}
        values = ", ".join(f"%({column})s" for column in given)
        self.connection.execute(f"INSERT INTO ledger.{table} ({', '.join(given)}) VALUES ({values})", given)

    def account(self, name: str, kind: str) -> None:
        self.ids[name] = new_id()
        self.insert("account", id=self.ids[name], kind=kind, owner_id=new_id())

    def transfer(self, name: str, source: str, target: str, cents: int, **more: str) -> None:
        """Insert a transfer; `hold_id` or `reverses_id` name ids of this book."""
        self.ids.setdefault(name, new_id())
        named = {"id": name, "from_account_id": source, "to_account_id": target, **more}
        known = {column: self.ids[given] for column, given in named.items()}
        self.insert("transfer", amount_cents=cents, reason="test", event_at=AT, **known)

    def hold(self, name: str, account: str, payee: str, cents: int) -> None:
        self.ids[name] = new_id()
        ends = {"account_id": self.ids[account], "payee_account_id": self.ids[payee]}
        self.insert("hold", id=self.ids[name], amount_cents=cents, event_at=AT, **ends)

    def end(self, hold: str, kind: str = "released", cents: int = 0) -> None:
        self.insert("hold_end", hold_id=self.ids[hold], kind=kind, amount_cents=cents, event_at=AT)

    def balance(self, name: str) -> tuple[int, int]:
        sql = f"SELECT ARRAY[posted_cents, held_cents] FROM ledger.account WHERE id = %({name})s"
        posted, held = self.value(sql)
        return posted, held

    def everything(self) -> list[Any]:
        self.connection.execute("SAVEPOINT reading")
        self.connection.execute("RESET ROLE")
        rows = [self.connection.execute(f"SELECT * FROM ledger.{table} ORDER BY 1").fetchall() for table in TABLES]
        self.connection.execute("ROLLBACK TO reading")
        return rows

    @contextmanager
    def refused(self, guard: str) -> Iterator[None]:
        """Expect the block to fail by this constraint or SQLSTATE and to leave every row as it was."""
        before = self.everything()
        with pytest.raises(psycopg.Error) as caught, self.connection.transaction():
            yield
        assert (caught.value.diag.constraint_name or caught.value.sqlstate) == guard
        assert self.everything() == before


@pytest.fixture
def book(cluster: Any, shared_database_name: str) -> Iterator[Book]:
    """Clearing -> company 10,000 -> lot 1,000 (400 of it held for the provider) and lot2 500."""
    with cluster.admin(shared_database_name) as connection:
        connection.autocommit = False
        book = Book(connection)
        for name, kind in {
            "clearing": "bank_clearing_public",
            "company": "company_account",
            "lot": "lot",
            "lot2": "lot",
            "provider": "provider_earned",
            "provider2": "provider_earned",
        }.items():
            book.account(name, kind)
        book.transfer("top_up", "clearing", "company", 10_000)
        book.transfer("grant", "company", "lot", 1_000)
        book.transfer("grant2", "company", "lot2", 500)
        book.hold("held", "lot", "provider", 400)
        yield book
        connection.rollback()
