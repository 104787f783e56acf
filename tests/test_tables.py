"""Tables are imports too: a table has an owner, only its module writes it, and nobody reads a table of a line above."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from app.db import APP_FOLDER, Model, Query
from migrations.tables import MODULES, load_models

ROOT = Path(__file__).parent.parent

WRITES = re.compile(r"\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(?:ONLY\s+)?([a-z_.]+)", re.IGNORECASE)
READS = re.compile(r"\b(?:FROM|JOIN)\s+(?:ONLY\s+)?([a-z_.]+)", re.IGNORECASE)
WRITING = {"insert", "update", "delete"}
DEMO = "the demo's second person approves at once, in one statement, what a set-based load has asked for"
REACH = "which scopes a role reaches is asked of parties and alliances inside the first statement of a request"
WORDS = "a password is not made of the names of its person, her employers and the place: read when one is set"
EXCEPTIONS: dict[str, str] = {
    "sandbox writes accreditation": DEMO,
    "sandbox writes bank_account": DEMO,
    "sandbox writes fee_rule": DEMO,
    "bookings writes payable": "the flag of a disputed unit blocks what is owed for it in the same statement",
    "settlements writes payable": "a run marks what it settles in the statement that writes the lines",
    "credit writes ledger.hold": "credit is placed in one statement: the hottest of the product",
    "employees writes invitation": "an employment's invitation ends with its address, in HR's own statement",
    "organisations reads alliance_membership": "which parties share an alliance; alliances stand above parties",
    "identity reads alliance_municipality": WORDS,
    "identity reads employee": WORDS,
    "identity reads municipality": WORDS,
    "identity reads alliance": REACH,
    "identity reads alliance_membership": REACH,
    "identity reads organisation": REACH,
    "identity writes idempotency_key": "the nightly sweep of what is old",
}
"""`module writes|reads table`: why."""


def owners() -> dict[str, str]:
    """Return the module of each table."""
    load_models()
    return {
        mapper.local_table.fullname: mapper.class_.__module__.split(".")[1]  # type: ignore[attr-defined]
        for mapper in Model.registry.mappers
    }


def floors() -> dict[str, int]:
    """Return how high each package stands; packages on one line are equal."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    lines = list(reversed(contract["layers"]))
    return {name.strip(): floor for floor, line in enumerate(lines) for name in line.split("|")}


def sql_of(module: str) -> Iterator[str]:
    """Give the module's named statements and its database code, comments left out."""
    for file in sorted((APP_FOLDER / module / "sql").glob("*.sql")):
        yield re.sub(r"--[^\n]*", "", file.read_text())


def written_models(module: str) -> Iterator[str]:
    """Give the tables of other modules' models that Python code inserts into, updates or deletes from."""
    for source in sorted((APP_FOLDER / module).rglob("*.py")):
        tree = ast.parse(source.read_text())
        imported = {
            name.asname or name.name: (node.module, name.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and re.fullmatch(r"app\.\w+(\.\w+)?\.?\w*models", node.module or "")
            for name in node.names
        }
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in WRITING
                and node.args
                and isinstance(node.args[0], ast.Name)
                and node.args[0].id in imported
            ):
                folder, name = imported[node.args[0].id]
                yield getattr(importlib.import_module(str(folder)), name).__table__.fullname


def test_every_statement_is_found() -> None:
    assert len(Query.every) > 100
    assert len(owners()) > 45
    assert set(owners().values()) == {name.split(".")[1] for name in MODULES}


def test_only_the_owner_writes_and_nobody_reads_upward() -> None:
    owner, floor = owners(), floors()
    found = set()
    for module in {path.parent.name for path in APP_FOLDER.glob("*/__init__.py")}:
        written = {table for text in sql_of(module) for table in WRITES.findall(text)} | set(written_models(module))
        read = {table for text in sql_of(module) for table in READS.findall(text)}
        found |= {f"{module} writes {table}" for table in written if owner.get(table, module) != module}
        found |= {f"{module} reads {table}" for table in read if floor[owner.get(table, module)] > floor[module]}
    assert found == set(EXCEPTIONS)
