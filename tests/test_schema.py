"""The migrated database: as docs/schema.sql says, equal to the models, house rules, and who may touch what."""

import ast
import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import CheckConstraint, NullPool, create_engine, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint

from app.db import Model
from migrations import schema_dump, tables
from tests.conftest import Cluster

ROOT = Path(__file__).parent.parent
OURS = "n.nspname IN ('public', 'ledger', 'care') AND c.relname NOT LIKE 'procrastinate%'"
NOT_IN_MODELS = {
    "clock_offset": "one row, read by SQL only",
    "installation": "one row, read by SQL only",
    "alembic_version": "Alembic's own",
    "database_code": "migrations/code.py's own",
}
NUMBERS_THAT_ARE_NO_MONEY = {("municipality", "latitude"), ("municipality", "longitude")}


@pytest.fixture(scope="module")
def catalogue(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    tables.load_models()
    with cluster.admin(cluster.template) as connection:
        yield connection


@pytest.fixture(scope="module")
def owner_url(cluster: Cluster) -> str:
    return cluster.owner_url(cluster.template)


def rows(connection: psycopg.Connection[Any], sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql.encode()).fetchall()


def test_the_database_is_what_the_docs_say(catalogue: psycopg.Connection[Any]) -> None:
    written, found = schema_dump.FILE.read_text().splitlines(), schema_dump.dump(catalogue).splitlines()
    difference = list(difflib.unified_diff(written, found, "docs/schema.sql", "migrated", lineterm="", n=0))
    assert difference == [], "\n".join(["run `make schema`, then look at what changed:", *difference[:40]])


# Models and migrations


def _include(_object: object, name: str | None, kind: str, reflected: bool, _to: object) -> bool:  # noqa: FBT001
    return not (kind == "table" and reflected and ((name or "").startswith("procrastinate_") or name in NOT_IN_MODELS))


def test_models_equal_the_migrated_database(catalogue: psycopg.Connection[Any], owner_url: str) -> None:
    """Alembic compares tables, columns, types, keys and plain indexes; the tests below see what it does not."""
    del catalogue
    engine = create_engine(owner_url, poolclass=NullPool)
    with engine.connect() as connection:
        connection.execute(text("SET search_path = public"))
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_object": _include, "compare_type": True}
        )
        difference = compare_metadata(context, Model.metadata)
    assert difference == []


def _declared(kind: type[Any]) -> set[tuple[str, str]]:
    return {
        (table.fullname, str(constraint.name))
        for table in Model.metadata.tables.values()
        for constraint in table.constraints
        if isinstance(constraint, kind)
    }


def _stored(connection: psycopg.Connection[Any], kind: str) -> set[tuple[str, str]]:
    found = rows(
        connection,
        "SELECT CASE WHEN n.nspname = 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END, k.conname"
        " FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE k.contype = '{kind}' AND {OURS}",
    )
    return {(table, name) for table, name in found if table not in NOT_IN_MODELS}


def test_checks_are_the_same_by_name(catalogue: psycopg.Connection[Any]) -> None:
    assert _declared(CheckConstraint) == _stored(catalogue, "c")


def test_exclusions_are_the_same_by_name(catalogue: psycopg.Connection[Any]) -> None:
    assert _declared(ExcludeConstraint) == _stored(catalogue, "x")


# Columns


def columns(connection: psycopg.Connection[Any]) -> list[tuple[str, str, str, str | None]]:
    return [  # type: ignore[misc]
        tuple(row)
        for row in rows(
            connection,
            "SELECT c.relname, a.attname, format_type(a.atttypid, NULL), pg_get_expr(d.adbin, d.adrelid)"
            " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'v', 'm', 'p')"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum"
            f" WHERE a.attnum > 0 AND NOT a.attisdropped AND {OURS}",
        )
    ]


def test_money_is_whole_cents_in_bigint(catalogue: psycopg.Connection[Any]) -> None:
    found = columns(catalogue)
    assert len([row for row in found if row[1].endswith("_cents")]) > 30
    assert [row[:3] for row in found if row[1].endswith("_cents") and row[2] not in {"bigint", "bigint[]"}] == []
    inexact = {"numeric", "real", "double precision", "money"}
    assert {row[:2] for row in found if row[2].removesuffix("[]") in inexact} <= NUMBERS_THAT_ARE_NO_MONEY


def test_every_instant_has_a_time_zone_and_no_column_asks_the_clock(catalogue: psycopg.Connection[Any]) -> None:
    found = columns(catalogue)
    instants = [row for row in found if "timestamp" in row[2] or row[2].startswith("time")]
    assert len(instants) > 30
    assert [row[:3] for row in instants if row[2].removesuffix("[]") != "timestamp with time zone"] == []
    assert [row[:2] for row in found if row[1].endswith("_at") and "timestamp with time zone" not in row[2]] == []
    assert [
        row[:2] for row in found if row[3] and re.search(r"now\(|CURRENT_|clock_timestamp", row[3], re.IGNORECASE)
    ] == []


def test_no_database_enums(catalogue: psycopg.Connection[Any]) -> None:
    found = rows(
        catalogue,
        "SELECT t.typname FROM pg_type t WHERE t.typtype = 'e' AND t.typname NOT LIKE 'procrastinate%'",
    )
    assert found == []


def test_every_foreign_key_has_an_index_that_begins_with_it(catalogue: psycopg.Connection[Any]) -> None:
    """A partial index that only leaves out NULL serves as well, and one in which a part of the key is unique."""
    missing = rows(
        catalogue,
        "SELECT c.relname, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE k.contype = 'f' AND {OURS} AND NOT EXISTS ("
        "   SELECT 1 FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid"
        "   AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) ~ '^\\(\\w+ IS NOT NULL\\)$')"
        "   AND (SELECT array_agg(x ORDER BY x) FROM unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) x)"
        "     = (SELECT array_agg(x ORDER BY x) FROM unnest(k.conkey) x)"
        "   OR i.indrelid = k.conrelid AND i.indisunique AND i.indpred IS NULL AND i.indkey::int2[] <@ k.conkey)"
        " ORDER BY 1, 2",
    )
    assert missing == []


# Roles


def test_definer_functions_have_a_fixed_path_and_are_for_named_roles_only(catalogue: psycopg.Connection[Any]) -> None:
    found = rows(
        catalogue,
        "SELECT n.nspname || '.' || p.proname, p.proconfig, has_function_privilege('public', p.oid, 'EXECUTE'),"
        " pg_get_userbyid(p.proowner) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef"
        " ORDER BY 1",
    )
    assert len(found) >= 10
    assert [
        name for name, settings, _, _ in found if not any(s.startswith("search_path=") for s in settings or ())
    ] == []
    assert [
        name for name, settings, _, _ in found if not any(s.endswith("pg_temp") for s in settings or ())
    ] == []  # otherwise a temporary table could stand before ours
    assert [name for name, _, public, _ in found if public] == []
    assert {owner for _, _, _, owner in found} == {"beatrice_owner"}


def test_functions_that_write_are_not_for_everyone(catalogue: psycopg.Connection[Any]) -> None:
    found = rows(
        catalogue,
        "SELECT n.nspname, p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
        " WHERE n.nspname IN ('ledger', 'care') AND p.prorettype <> 'trigger'::regtype"
        " AND has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY 1, 2",
    )
    assert found == []


def test_hr_cannot_enter_care_nor_read_movements(catalogue: psycopg.Connection[Any]) -> None:
    assert rows(catalogue, "SELECT has_schema_privilege('beatrice_hr', 'care', 'USAGE')") == [(False,)]
    readable = rows(
        catalogue,
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname IN ('ledger', 'care') AND c.relkind IN ('r', 'v', 'm', 'p')"
        " AND (has_table_privilege('beatrice_hr', c.oid, 'SELECT')"
        "   OR has_any_column_privilege('beatrice_hr', c.oid, 'SELECT')) ORDER BY 1",
    )
    assert {name for (name,) in readable} & {"ledger.transfer", "ledger.hold"} == set()
    assert [name for (name,) in readable if name.startswith("care.")] == []
    writable = rows(
        catalogue,
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = 'care' AND c.relkind IN ('r', 'p')"
        " AND has_any_column_privilege('beatrice_hr', c.oid, 'INSERT, UPDATE')",
    )
    assert writable == []


def test_hr_is_member_of_nothing(catalogue: psycopg.Connection[Any]) -> None:
    found = rows(
        catalogue,
        "SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid"
        " JOIN pg_roles r ON r.oid = m.member WHERE r.rolname IN ('beatrice_hr', 'beatrice_worker')",
    )
    assert [name for (name,) in found if name == "beatrice_app"] == []
    assert rows(catalogue, "SELECT pg_has_role('beatrice_hr', 'beatrice_app', 'MEMBER')") == [(False,)]


def test_only_the_owner_owns(catalogue: psycopg.Connection[Any]) -> None:
    owned = rows(
        catalogue,
        "SELECT c.relname FROM pg_class c WHERE pg_get_userbyid(c.relowner) IN"
        " ('beatrice_app', 'beatrice_hr', 'beatrice_worker')"
        " UNION ALL SELECT p.proname FROM pg_proc p WHERE pg_get_userbyid(p.proowner) IN"
        " ('beatrice_app', 'beatrice_hr', 'beatrice_worker')"
        " UNION ALL SELECT n.nspname FROM pg_namespace n WHERE pg_get_userbyid(n.nspowner) IN"
        " ('beatrice_app', 'beatrice_hr', 'beatrice_worker')",
    )
    assert owned == []
    powers = rows(
        catalogue,
        "SELECT rolname FROM pg_roles"
        " WHERE rolname IN ('beatrice_owner', 'beatrice_app', 'beatrice_hr', 'beatrice_worker')"
        " AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR rolreplication)",
    )
    assert powers == []


def test_nobody_but_the_owner_may_make_things(catalogue: psycopg.Connection[Any]) -> None:
    for schema in ("public", "ledger", "care"):
        for role in ("beatrice_app", "beatrice_hr", "beatrice_worker"):
            found = rows(catalogue, f"SELECT has_schema_privilege('{role}', '{schema}', 'CREATE')")
            assert (schema, role, found) == (schema, role, [(False,)])


def test_ledger_rows_are_nobodys_to_change(catalogue: psycopg.Connection[Any]) -> None:
    changeable = rows(
        catalogue,
        "SELECT r.rolname, c.relname, p.power FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " CROSS JOIN (VALUES ('beatrice_app'), ('beatrice_hr'), ('beatrice_worker')) r (rolname)"
        " CROSS JOIN (VALUES ('UPDATE'), ('DELETE'), ('TRUNCATE')) p (power)"
        " WHERE n.nspname = 'ledger' AND c.relname = 'transfer' AND has_table_privilege(r.rolname, c.oid, p.power)",
    )
    assert changeable == []


# Time


ASKS_THE_CLOCK = re.compile(r"\bnow\(\)|\bCURRENT_(TIMESTAMP|DATE|TIME)\b|\b(clock|statement|transaction)_timestamp\(")


def sql_texts(source: Path) -> Iterator[tuple[int, str]]:
    """Yield every line of an SQL file but comments, and every string of a Python file but docstrings."""
    if source.suffix == ".sql":
        for number, line in enumerate(source.read_text().splitlines(), 1):
            yield number, line.partition("--")[0]
        return
    tree = ast.parse(source.read_text())
    documentation = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.lineno, node.value


def test_no_sql_of_ours_asks_the_database_for_the_time() -> None:
    sources = [
        path for top in ("app", "migrations") for path in ROOT.glob(f"{top}/**/*") if path.suffix in {".py", ".sql"}
    ]
    assert len([path for path in sources if path.suffix == ".sql"]) > 40
    assert len(sources) > 150
    asking = [
        f"{source.relative_to(ROOT)}:{line}"
        for source in sources
        for line, literal in sql_texts(source)
        if ASKS_THE_CLOCK.search(literal)
        and "procrastinate_" not in literal  # its queue has its own time
        and "pg_backend_pid()::text || ' ' || extract(epoch FROM transaction_timestamp())"
        not in literal  # which, not when
    ]
    assert asking == []
