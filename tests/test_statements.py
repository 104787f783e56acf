"""Every named statement on the migrated database: its columns, types and privileges under each role that runs it."""

import importlib
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg
import pytest
from psycopg.pq import ExecStatus
from sqlalchemy import text
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

import app
from app.db import APP_FOLDER, Query, holds_dataclasses, statements_of
from tests.conftest import Cluster

DOLLARS = PGDialect_psycopg(paramstyle="numeric_dollar")
TYPES: dict[object, set[str]] = {
    UUID: {"uuid"},
    str: {"text", "varchar"},
    int: {"int2", "int4", "int8"},
    bool: {"bool"},
    bytes: {"bytea"},
    float: {"float8"},
    datetime: {"timestamptz"},
    date: {"date"},
    timedelta: {"interval"},
    dict: {"jsonb"},
    type(None): set(),
}

for _module in pkgutil.walk_packages(app.__path__, "app."):
    importlib.import_module(_module.name)


@pytest.fixture(scope="module")
def migrated(cluster: Cluster) -> Iterator[psycopg.Connection[Any]]:
    with cluster.admin(cluster.template) as connection:
        connection.prepare_threshold = None  # so that forgetting all statements forgets none of the driver's own
        connection.execute("SET plan_cache_mode = force_generic_plan")
        yield connection


def fits(hint: object, stored: str) -> bool:
    """Whether a field of this type takes what psycopg makes of a column of this type."""
    if holds_dataclasses(hint):
        return stored == "jsonb"
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return fits(str, stored)
    if origin is list:
        return (stored.startswith("_") and fits(parts[0], stored[1:])) or stored == "jsonb"
    if origin is not None and type(None) in parts:
        return any(fits(part, stored) for part in parts if part is not type(None))
    return stored in TYPES[origin or hint]


@pytest.mark.parametrize("query", Query.every, ids=lambda query: query.name)
def test_a_statement_fits_its_row_under_every_role(query: Query[Any], migrated: psycopg.Connection[Any]) -> None:
    compiled = text(query.text).compile(dialect=DOLLARS)
    assert set(compiled.params) == query.parameters
    for role in query.roles:
        with acting_as(role, migrated):
            prepared = migrated.pgconn.prepare(b"statement", str(compiled).replace("%%", "%").encode())
            assert prepared.status == ExecStatus.COMMAND_OK, f"{role}: {prepared.error_message.decode()}"
            described = migrated.pgconn.describe_prepared(b"statement")
            found = {
                (described.fname(column) or b"").decode(): type_name(migrated, described.ftype(column))
                for column in range(described.nfields)
            }
            if query.row is not type(None):
                wanted = get_type_hints(query.row) if is_dataclass(query.row) else dict.fromkeys(found, query.row)
                assert found.keys() == wanted.keys()
                assert {name: stored for name, stored in found.items() if not fits(wanted[name], stored)} == {}
            nulls = f"({', '.join(['NULL'] * described.nparams)})" if described.nparams else ""
            migrated.execute(f"EXPLAIN EXECUTE statement {nulls}".encode())  # asks for the privileges, runs nothing


@contextmanager
def acting_as(role: str, connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Leave neither role nor statement behind, also where one does not fit: the next one is not to blame."""
    connection.execute(f"SET ROLE {role}".encode())
    try:
        yield
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DEALLOCATE ALL")


def type_name(connection: psycopg.Connection[Any], oid: int) -> str:
    known = connection.adapters.types.get(oid)
    if known is None:
        return str(connection.execute("SELECT typname FROM pg_type WHERE oid = %s", [oid]).fetchall()[0][0])
    return f"_{known.name}" if oid == known.array_oid else known.name


def test_every_named_statement_is_used_once() -> None:
    named = {
        f"{folder.parent.name}.{name}"
        for folder in APP_FOLDER.glob("*/sql")
        for name in statements_of(folder.parent.name)
    }
    used = [query.name for query in Query.every if query.text == own(query)] + list(
        {query.name for query in Query.every if query.text != own(query)}
    )
    assert sorted(used) == sorted(named)


def own(query: Query[Any]) -> str:
    """The block itself; a list's pages are made of it."""
    module, _, block = query.name.partition(".")
    return statements_of(module)[block]
