"""Every guard of the ledger attacked in SQL, by the roles that have a connection and by the owner."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint

from app.ids import new_id
from app.ledger import models
from tests.conftest import Cluster

DENIED = "42501"
INSERT_TRANSFER = (
    "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at) "
)
EVERY_TABLE = ("account", "transfer", "hold", "hold_end", "verification")

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
def book(cluster: Cluster, shared_database_name: str) -> Iterator[Book]:
    """Clearing -> company 10,000 -> lot 1,000 (400 of it held for the provider) and lot2 500."""
    with cluster.admin(shared_database_name) as connection:
        connection.autocommit = False
        # How money moves is tried here, on every pair of accounts; where it may go, in test_routes.
        connection.execute("ALTER TABLE ledger.transfer DISABLE TRIGGER transfer_27_routes")
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


def test_the_book_starts_as_described(book: Book) -> None:
    assert book.balance("clearing") == (0, 0)
    assert book.balance("company") == (8_500, 0)
    assert book.balance("lot") == (1_000, 400)
    assert book.balance("lot2") == (500, 0)
    assert book.balance("provider") == (0, 0)


@pytest.mark.parametrize("role", ["beatrice_app", "beatrice_worker", "beatrice_hr"])
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger.account SET posted_cents = posted_cents + 1",
        "UPDATE ledger.account SET held_cents = 0",
        "UPDATE ledger.account SET kind = 'suspense'",
        "INSERT INTO ledger.account (id, kind, created_at, posted_cents) VALUES (%(new)s, 'lot', %(at)s, 100)",
        "INSERT INTO ledger.account SELECT FROM ledger.account ON CONFLICT (id) DO UPDATE SET posted_cents = 100",
        "SELECT FROM ledger.account FOR UPDATE",
        *(f"UPDATE ledger.{table} SET event_at = event_at" for table in ("transfer", "hold", "hold_end")),
        "UPDATE ledger.verification SET ok = true",
        *(f"DELETE FROM ledger.{table}" for table in EVERY_TABLE),
        *(f"TRUNCATE ledger.{table} CASCADE" for table in EVERY_TABLE),
        *(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER" for table in EVERY_TABLE),
        "DROP TRIGGER transfer_30_apply ON ledger.transfer",
        "ALTER TABLE ledger.account DROP CONSTRAINT account_no_overdraft",
        "SET session_replication_role = replica",
        "CREATE TABLE ledger.account2 (id uuid)",
        "SELECT ledger.apply_transfers()",
        "SELECT ledger.refuse()",
    ],
)
def test_clients_may_only_add_rows(book: Book, role: str, sql: str) -> None:
    book.be(role)
    with book.refused(DENIED):
        book.run(sql)


@pytest.mark.parametrize("table", EVERY_TABLE)
@pytest.mark.parametrize("sql", ["DELETE FROM ledger.{}", "TRUNCATE ledger.{} CASCADE", "UPDATE ledger.{} SET {} = {}"])
def test_the_owner_cannot_change_rows_either(book: Book, table: str, sql: str) -> None:
    book.be("beatrice_owner")
    column = {"account": "posted_cents", "verification": "ok"}.get(table, "event_at")
    with book.refused(f"{table}_append_only"):
        book.run(sql.format(table, column, column))


def test_the_owner_cannot_open_an_account_with_money_on_it(book: Book) -> None:
    book.be("beatrice_owner")
    sql = "INSERT INTO ledger.account (id, kind, created_at, {}) VALUES (%(new)s, 'lot', %(at)s, 100)"
    with book.refused("account_append_only"):
        book.run(sql.format("posted_cents"))
    with book.refused("account_append_only"):
        book.run(sql.format("held_cents"))


def test_the_owner_cannot_change_a_row_by_upsert_or_merge(book: Book) -> None:
    book.be("beatrice_owner")
    with book.refused("hold_append_only"):
        book.run(
            "INSERT INTO ledger.hold SELECT * FROM ledger.hold WHERE id = %(held)s"
            " ON CONFLICT (id) DO UPDATE SET amount_cents = 1"
        )
    with book.refused("account_append_only"):
        book.run(
            "MERGE INTO ledger.account a USING (SELECT %(lot)s::uuid AS id) s ON s.id = a.id"
            " WHEN MATCHED THEN UPDATE SET held_cents = 0"
        )


def test_one_account_per_kind_and_owner(book: Book) -> None:
    sql = "INSERT INTO ledger.account (id, kind, owner_id, created_at) VALUES (%(new)s, '{}', {}, %(at)s)"
    book.run(sql.format("suspense", "NULL"), new="00000000-0000-7000-8000-000000000001")
    with book.refused("account_kind_owner_id_key"):
        book.run(sql.format("suspense", "NULL"))
    with book.refused("account_kind_owner_id_key"):
        book.run(sql.format("lot", "(SELECT owner_id FROM ledger.account WHERE id = %(lot)s)"))
    with book.refused("account_kind"):
        book.run(sql.format("wallet", "NULL"))


@pytest.mark.parametrize("cents", [0, -1, -(2**63), 1_000_000_000_001, 2**63 - 1])
def test_an_amount_is_positive_and_bounded(book: Book, cents: int) -> None:
    with book.refused("transfer_amount"):
        book.transfer("t", "clearing", "company", cents)
    with book.refused("hold_amount"):
        book.hold("h", "company", "provider", cents)


def test_an_amount_beyond_bigint_is_no_number(book: Book) -> None:
    with book.refused("22003"):
        book.transfer("t", "clearing", "company", 2**63)


def test_money_goes_from_one_account_to_another(book: Book) -> None:
    with book.refused("transfer_two_accounts"):
        book.transfer("t", "company", "company", 1)
    with book.refused("hold_two_accounts"):
        book.hold("h", "lot", "lot", 1)
    book.ids["nobody"] = book.ids["held"]
    with book.refused("transfer_to_account_id_fkey"):
        book.transfer("t", "company", "nobody", 1)
    with book.refused("transfer_from_account_id_fkey"):
        book.transfer("t", "nobody", "company", 1)
    with book.refused("hold_payee_account_id_fkey"):
        book.hold("h", "lot", "nobody", 1)


@pytest.mark.parametrize("reason", ["", "ab", "Top_up", "top up", "_top", "top_", "9lives", "x" * 61, "top_up\n"])
def test_a_reason_is_a_snake_case_word(book: Book, reason: str) -> None:
    with book.refused("transfer_reason"):
        book.run(
            INSERT_TRANSFER + "VALUES (%(new)s, %(clearing)s, %(company)s, 1, %(reason)s, %(at)s, %(at)s)",
            reason=reason,
        )


def test_nothing_is_overdrawn_by_one_cent(book: Book) -> None:
    with book.refused("account_no_overdraft"):
        book.transfer("t", "company", "lot", 8_501)
    book.transfer("t", "company", "lot", 8_500)
    assert book.balance("company") == (0, 0)
    assert book.balance("lot") == (9_500, 400)


def test_held_money_can_be_neither_moved_nor_held_again(book: Book) -> None:
    with book.refused("account_no_overdraft"):
        book.transfer("t", "lot", "company", 601)
    with book.refused("account_no_overdraft"):
        book.hold("h", "lot", "provider2", 601)
    book.hold("h", "lot", "provider2", 600)
    assert book.balance("lot") == (1_000, 1_000)
    with book.refused("account_no_overdraft"):
        book.transfer("t", "lot", "company", 1)


def test_one_statement_cannot_overdraw_on_the_way(book: Book) -> None:
    """Rows of a statement count together, whatever their order."""
    row = "(gen_random_uuid(), %({})s, %({})s, {}, 'test', %(at)s, %(at)s)"
    insert = INSERT_TRANSFER + "VALUES "
    with book.refused("account_no_overdraft"):
        book.run(insert + ", ".join([row.format("lot2", "lot", 300), row.format("lot2", "company", 201)]))
    book.run(insert + ", ".join([row.format("lot2", "lot", 700), row.format("company", "lot2", 200)]))
    assert (book.balance("lot2"), book.balance("lot"), book.balance("company")) == ((0, 0), (1_700, 400), (8_300, 0))


def test_an_open_account_cannot_be_held(book: Book) -> None:
    with book.refused("hold_payer_guarded"):
        book.hold("h", "provider", "company", 1)


def test_a_capture_pays_at_most_the_hold_to_its_payee(book: Book) -> None:
    with book.refused("transfer_captures_hold"):
        book.transfer("t", "lot", "provider", 401, hold_id="held")
    with book.refused("transfer_captures_hold"):
        book.transfer("t", "lot", "provider2", 400, hold_id="held")
    with book.refused("transfer_captures_hold"):
        book.transfer("t", "lot2", "provider", 400, hold_id="held")
    with book.refused("transfer_hold_id_fkey"):
        book.transfer("t", "lot", "provider", 400, hold_id="lot")
    book.transfer("t", "lot", "provider", 150, hold_id="held")
    assert book.balance("lot") == (850, 0)
    assert book.value("SELECT ARRAY[kind, amount_cents::text] FROM ledger.hold_end WHERE hold_id = %(held)s") == [
        "captured",
        "150",
    ]


def test_a_hold_is_captured_once(book: Book) -> None:
    book.transfer("t", "lot", "provider", 150, hold_id="held")
    with book.refused("transfer_hold_id_key"):
        book.transfer("t2", "lot", "provider", 150, hold_id="held")
    for kind in ("released", "expired"):
        with book.refused("hold_end_pkey"):
            book.end("held", kind)


@pytest.mark.parametrize("kind", ["released", "expired"])
def test_a_freed_hold_is_over(book: Book, kind: str) -> None:
    book.end("held", kind)
    assert book.balance("lot") == (1_000, 0)
    with book.refused("hold_end_pkey"):
        book.transfer("t", "lot", "provider", 400, hold_id="held")
    for again in ("released", "expired"):
        with book.refused("hold_end_pkey"):
            book.end("held", again)


def test_the_end_of_a_hold_cannot_be_forged(book: Book) -> None:
    with book.refused("hold_end_captured_by_transfer"):
        book.end("held", "captured", 400)
    with book.refused("hold_end_amount"):
        book.end("held", "captured", 0)
    with book.refused("hold_end_amount"):
        book.end("held", "released", 1)
    with book.refused("hold_end_kind"):
        book.end("held", "lost")
    with book.refused("hold_end_hold_id_fkey"):
        book.end("lot")
    with book.refused("hold_end_pkey"):
        book.run(
            "WITH paid AS (INSERT INTO ledger.transfer"
            " (id, from_account_id, to_account_id, amount_cents, reason, hold_id, event_at, created_at)"
            " VALUES (%(new)s, %(lot)s, %(provider)s, 400, 'test', %(held)s, %(at)s, %(at)s))"
            " INSERT INTO ledger.hold_end VALUES (%(held)s, 'captured', 400, %(at)s, %(at)s)"
        )


def test_a_reversal_goes_back_once_for_at_most_the_amount(book: Book) -> None:
    with book.refused("transfer_reverses_original"):
        book.transfer("r", "lot2", "company", 501, reverses_id="grant2")
    with book.refused("transfer_reverses_original"):
        book.transfer("r", "lot", "company", 500, reverses_id="grant2")
    with book.refused("transfer_reverses_original"):
        book.transfer("r", "lot2", "clearing", 500, reverses_id="grant2")
    with book.refused("transfer_reverses_original"):
        book.transfer("r", "company", "lot2", 500, reverses_id="grant2")
    with book.refused("transfer_reverses_id_fkey"):
        book.transfer("r", "lot2", "company", 500, reverses_id="lot")
    with book.refused("transfer_reverses_original"):
        book.transfer("self", "lot2", "company", 500, reverses_id="self")
    with book.refused("transfer_capture_or_reversal"):
        book.transfer("r", "lot", "provider", 400, reverses_id="grant", hold_id="held")
    book.transfer("r", "lot2", "company", 300, reverses_id="grant2")
    assert (book.balance("lot2"), book.balance("company")) == ((200, 0), (8_800, 0))
    with book.refused("transfer_reverses_id_key"):
        book.transfer("r2", "lot2", "company", 200, reverses_id="grant2")


def test_a_reversal_cannot_take_what_is_spent_or_held(book: Book) -> None:
    with book.refused("account_no_overdraft"):
        book.transfer("r", "lot", "company", 601, reverses_id="grant")
    book.transfer("r", "lot", "company", 600, reverses_id="grant")
    assert book.balance("lot") == (400, 400)


def test_hr_reads_nothing_that_tells_of_use(book: Book) -> None:
    book.be("beatrice_hr")
    for relation in (*EVERY_TABLE, "entry"):
        with book.refused(DENIED):
            book.run(f"SELECT FROM ledger.{relation}")
    with book.refused(DENIED):
        book.run("SELECT ledger.lock_accounts(ARRAY[%(lot)s]::uuid[])")
    with book.refused(DENIED):
        book.run("INSERT INTO ledger.account (id, kind, created_at) VALUES (%(new)s, 'lot', %(at)s) RETURNING id")


def test_hr_cannot_probe_a_lot_by_moving_its_money(book: Book) -> None:
    """One cent and far too much are refused alike, so the refusal says nothing about what is left."""
    book.be("beatrice_hr")
    for cents in (1, 600, 601, 1_000_000):
        with book.refused(DENIED):
            book.transfer("t", "lot", "company", cents)
        with book.refused(DENIED):
            book.transfer("t", "lot", "lot2", cents)
    for source, target in [("clearing", "company"), ("company", "provider"), ("company", "clearing")]:
        with book.refused(DENIED):
            book.transfer("t", source, target, 1)
    with book.refused(DENIED):
        book.hold("h", "company", "provider", 1)
    with book.refused(DENIED):
        book.end("held")
    with book.refused(DENIED):
        book.transfer("t", "lot", "provider", 400, hold_id="held")
    with book.refused(DENIED):
        book.transfer("t", "lot", "company", 1, reverses_id="grant")
    with book.refused(DENIED):
        book.account("fund", "project_fund")


def test_hr_grants_within_its_company_account(book: Book) -> None:
    company_id = book.value("SELECT owner_id FROM ledger.account WHERE id = %(company)s")
    book.be("beatrice_hr")
    book.account("lot3", "lot")
    with book.refused("account_no_overdraft"):
        book.transfer("t", "company", "lot3", 8_501)
    book.transfer("t", "company", "lot3", 8_000)
    assert book.value(f"SELECT posted_cents FROM ledger.company_balance('{company_id}', true)") == 500
    other = book.ids["lot3"]
    assert book.value(f"SELECT count(*) FROM ledger.company_balance('{other}', false)") == 0
    book.be("beatrice_app")
    assert book.balance("lot3") == (8_000, 0)


def test_worker_may_do_what_the_app_may(book: Book) -> None:
    book.be("beatrice_worker")
    book.transfer("t", "lot", "provider", 400, hold_id="held")
    book.hold("h", "lot", "provider", 600)
    book.end("h", "expired")
    book.transfer("r", "provider", "lot", 400, reverses_id="t")
    assert book.balance("lot") == (1_000, 0)


def test_entries_are_two_per_transfer(book: Book) -> None:
    sql = "SELECT array_agg(amount_cents ORDER BY amount_cents) FROM ledger.entry WHERE transfer_id = %(grant)s"
    assert book.value(sql) == [-1_000, 1_000]
    assert book.value("SELECT sum(amount_cents)::int FROM ledger.entry WHERE account_id = %(company)s") == 8_500


def test_locking_returns_what_is_on_guarded_accounts(book: Book) -> None:
    sql = (
        "SELECT array_agg(ARRAY[posted_cents, held_cents] ORDER BY posted_cents)"
        " FROM ledger.lock_accounts(ARRAY[%(lot)s, %(provider)s, %(company)s]::uuid[])"
    )
    assert book.value(sql) == [[1_000, 400], [8_500, 0]]


def test_the_balances_columns_are_bounded_even_without_triggers(book: Book) -> None:
    book.be("beatrice_owner")
    book.run("ALTER TABLE ledger.account DISABLE TRIGGER USER")
    with book.refused("account_held_not_negative"):
        book.run("UPDATE ledger.account SET held_cents = -1 WHERE id = %(lot2)s")
    with book.refused("account_open_keeps_no_balance"):
        book.run("UPDATE ledger.account SET posted_cents = 1 WHERE id = %(provider)s")
    with book.refused("account_open_keeps_no_balance"):
        book.run("UPDATE ledger.account SET held_cents = 1, posted_cents = 1 WHERE id = %(provider)s")
    with book.refused("account_no_overdraft"):
        book.run("UPDATE ledger.account SET posted_cents = 399 WHERE id = %(lot)s")


MODELS = (models.Account, models.Transfer, models.Hold, models.HoldEnd, models.Verification)


@pytest.mark.parametrize("table", [model.__table__ for model in MODELS], ids=EVERY_TABLE)
def test_the_models_name_what_the_database_has(book: Book, table: Table) -> None:
    book.be("beatrice_owner")
    oid = f"'{table.fullname}'::regclass"
    found = book.value(
        f"SELECT array_agg(conname::text) FROM pg_constraint WHERE conrelid = {oid} AND contype IN ('c', 'f', 'p', 'u')"
    )
    assert set(found) == {str(constraint.name) for constraint in table.constraints}
    found = book.value(f"SELECT array_agg(indexrelid::regclass::text) FROM pg_index WHERE indrelid = {oid}")
    unique = {item.name for item in table.constraints if isinstance(item, PrimaryKeyConstraint | UniqueConstraint)}
    assert {name.removeprefix("ledger.") for name in found} == {index.name for index in table.indexes} | unique
    found = book.value(
        "SELECT jsonb_object_agg(attname, attnotnull) FROM pg_attribute"
        f" WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped"
    )
    assert found == {column.name: not column.nullable for column in table.columns}
