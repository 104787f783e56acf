"""The resulting database as readable text, the same on every PostgreSQL: `make schema` keeps it in docs/schema.sql.

A table stands together with its constraints, indexes, triggers and grants, so that a review sees in one place what a
change does to it. What extensions and procrastinate bring is left out.
"""

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import LiteralString

import psycopg

import migrations
from app.sandbox import embedded_postgres

FILE = Path(__file__).parent.parent / "docs" / "schema.sql"
HEAD = """-- The database as the migrations and app/*/sql/ make it: tables, views, functions, and who may do what.
-- Written by `make schema`, for reading only; tests/test_schema.py compares it with the migrated database.
"""

# Every query answers (the object's full name, one line or definition about it), in order.
TABLES: LiteralString = """
SELECT oid::regclass, coalesce(' WITH (' || array_to_string(reloptions, ', ') || ')', '')
FROM pg_class WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'ledger'::regnamespace,
    'care'::regnamespace) AND relname <> 'alembic_version' AND relname NOT LIKE 'procrastinate%'
ORDER BY oid::regclass::text COLLATE "C"
"""
COLUMNS: LiteralString = """
SELECT attrelid::regclass, attname || ' ' || format_type(atttypid, atttypmod)
    || CASE WHEN attcollation <> typcollation THEN ' COLLATE ' || attcollation::regcollation ELSE '' END
    || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
    || CASE WHEN attidentity <> '' THEN ' GENERATED ' || CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END
        || ' AS IDENTITY' ELSE '' END
    || CASE WHEN adbin IS NULL THEN '' WHEN attgenerated = '' THEN ' DEFAULT ' || pg_get_expr(adbin, adrelid, true)
        ELSE ' GENERATED ALWAYS AS (' || pg_get_expr(adbin, adrelid, true) || ') STORED' END
FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attnum > 0 AND NOT attisdropped ORDER BY attrelid, attnum
"""
# From version 18 on, NOT NULL has a row of its own, of type n.
CONSTRAINTS: LiteralString = """
SELECT conrelid::regclass, 'CONSTRAINT ' || conname || ' ' || pg_get_constraintdef(oid, true)
FROM pg_constraint WHERE conrelid <> 0 AND contype IN ('p', 'u', 'x', 'f', 'c')
ORDER BY conrelid, position(contype::text IN 'puxfc'), conname COLLATE "C"
"""
INDEXES: LiteralString = """
SELECT indrelid::regclass, pg_get_indexdef(indexrelid, 0, true) || ';'
FROM pg_index WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
ORDER BY indrelid, indexrelid::regclass::text COLLATE "C"
"""
TRIGGERS: LiteralString = """
SELECT tgrelid::regclass, pg_get_triggerdef(oid, true) || ';'
FROM pg_trigger WHERE NOT tgisinternal ORDER BY tgrelid, tgname COLLATE "C"
"""
VIEWS: LiteralString = """
SELECT oid::regclass, format(E'CREATE VIEW %s%s AS\\n%s', oid::regclass,
    ' WITH (' || array_to_string(reloptions, ', ') || ')', pg_get_viewdef(oid, true))
FROM pg_class WHERE relkind = 'v' AND relnamespace IN ('public'::regnamespace, 'ledger'::regnamespace,
    'care'::regnamespace) ORDER BY oid::regclass::text COLLATE "C"
"""
FUNCTIONS: LiteralString = """
SELECT 'FUNCTION ' || oid::regprocedure, rtrim(pg_get_functiondef(oid), E'\\n') || ';'
FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'ledger'::regnamespace, 'care'::regnamespace)
    AND proname NOT LIKE 'procrastinate%' AND NOT EXISTS (
        SELECT FROM pg_depend WHERE objid = pg_proc.oid AND classid = 'pg_proc'::regclass AND deptype = 'e')
ORDER BY oid::regprocedure::text COLLATE "C"
"""
# Roles that may do the same share a line; the owner may do everything.
GRANTS: LiteralString = """
WITH object AS (
    SELECT 'SCHEMA ' || nspname AS name, NULL::text AS columns, 0 AS place, nspacl AS acl FROM pg_namespace
    UNION ALL SELECT oid::regclass::text, NULL, 0, relacl FROM pg_class
    UNION ALL SELECT attrelid::regclass::text, attname, attnum, attacl FROM pg_attribute
    UNION ALL SELECT 'FUNCTION ' || oid::regprocedure, NULL, 0, coalesce(proacl, acldefault('f', proowner)) FROM pg_proc
), given AS (
    SELECT name, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(grantee)::text END AS role, privilege_type
        || coalesce(' (' || string_agg(columns, ', ' ORDER BY place) || ')', '') AS privilege
    FROM object CROSS JOIN aclexplode(acl) GROUP BY name, grantee, privilege_type, place = 0
), allowed AS (
    SELECT name, role, string_agg(privilege, ', ' ORDER BY privilege COLLATE "C") AS privileges FROM given
    WHERE role IN ('PUBLIC', 'beatrice_app', 'beatrice_hr', 'beatrice_worker') GROUP BY name, role
)
SELECT name, format('GRANT %s ON %s TO %s;', privileges, name, string_agg(role, ', ' ORDER BY role COLLATE "C"))
FROM allowed GROUP BY name, privileges ORDER BY name, privileges COLLATE "C"
"""


def dump(connection: psycopg.Connection[tuple[str, str]]) -> str:
    """Describe the database of this connection."""
    with connection.transaction():
        connection.execute("SET LOCAL search_path = ''")
        columns, constraints, indexes, triggers, grants = (
            _by_name(connection, query) for query in (COLUMNS, CONSTRAINTS, INDEXES, TRIGGERS, GRANTS)
        )
        blocks = [HEAD, *(line for schema in ("care", "ledger", "public") for line in grants[f"SCHEMA {schema}"])]
        for name, options in connection.execute(TABLES).fetchall():
            inside = ",\n".join(f"    {line}" for line in columns[name] + constraints[name])
            blocks += ["", f"CREATE TABLE {name} (\n{inside}\n){options};"]
            blocks += indexes[name] + triggers[name] + grants[name]
        for query in (VIEWS, FUNCTIONS):
            for name, definition in connection.execute(query).fetchall():
                blocks += ["", definition, *grants[name]]
    return "\n".join(blocks) + "\n"


def _by_name(connection: psycopg.Connection[tuple[str, str]], query: LiteralString) -> defaultdict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, line in connection.execute(query).fetchall():
        found[name].append(line)
    return found


def write() -> None:
    """Migrate a database made for this alone, and write down what it looks like."""
    with (
        tempfile.TemporaryDirectory() as folder,
        embedded_postgres.start(Path(folder) / "postgres", durable=False) as server,
    ):
        url = server.url("postgres")
        migrations.upgrade(url)
        with psycopg.connect(migrations.plain(url)) as connection:
            FILE.write_text(dump(connection), encoding="utf-8")


if __name__ == "__main__":
    write()
