"""Database code: functions, triggers and views, applied from app/<module>/sql/ whenever a file has changed.

A file may be applied at any time, over any earlier state of itself (CREATE OR REPLACE). What a file no longer makes, a
numbered migration drops; one that drops what a file still makes (a view over a column, a function's signature) deletes
that file's row of `database_code`, so that it is applied again.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg

from app import clock

APP = Path(__file__).parent.parent / "app"
MODULES = (
    "http", "audit", "events", "mail", "ledger", "identity", "territory",
    "organisations", "networks", "beneficiaries", "employees", "payroll", "catalogue", "credit", "capacity", "fringe",
    "grants", "payables", "settlements", "bookings", "disputes", "claims", "sandbox", "installation",
)  # fmt: skip
"""Bottom-up: triggers and views may use what modules before their own make. Inside a module the files' names decide,
so what must stand before something else stands in the same file."""


class UnplacedModuleError(Exception):
    """A module has database code but no place in the order."""


@dataclass(frozen=True)
class CodeFile:
    path: str
    text: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def code_files() -> list[CodeFile]:
    """Read all files in the order in which they are applied; queries*.sql are the statements of Python code."""
    found = [path for path in APP.glob("*/sql/*.sql") if not path.name.startswith("queries")]
    if unplaced := {path.parent.parent.name for path in found} - set(MODULES):
        raise UnplacedModuleError(f"migrations/code.py has no place for the database code of {sorted(unplaced)}")
    found.sort(key=lambda path: (MODULES.index(path.parent.parent.name), path.name))
    return [CodeFile(f"app/{path.relative_to(APP).as_posix()}", path.read_text(encoding="utf-8")) for path in found]


def apply(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """Apply every file that is not stored as it is now, all or none, as the owner; tell how many."""
    files = code_files()
    with connection.transaction():
        connection.execute("SET LOCAL ROLE beatrice_owner")
        connection.execute("SET LOCAL lock_timeout = '500ms'")
        connection.execute("SET LOCAL search_path = public")
        stored = set(connection.execute("SELECT path, sha256 FROM database_code").fetchall())
        changed = [file for file in files if (file.path, file.sha256) not in stored]
        for file in changed:
            try:
                connection.execute(file.text)
            except psycopg.Error as error:
                error.add_note(f"in {file.path}")
                raise
            connection.execute(
                "INSERT INTO database_code (path, sha256, applied_at) VALUES (%s, %s, %s)"
                " ON CONFLICT (path) DO UPDATE SET (sha256, applied_at) = (excluded.sha256, excluded.applied_at)",
                (file.path, file.sha256, clock.real()),
            )
        connection.execute("DELETE FROM database_code WHERE path <> ALL (%s)", ([file.path for file in files],))
    return len(changed)
