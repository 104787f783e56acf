"""S: what PostgreSQL alone does when pgbench sends the statements of a booking, without an API.

The script is made from two traced bookings: what differs between them is a value of the person, the quote or a fresh
id, and comes from a table of prepared values; what is equal is given once. Nothing here knows a statement, so it cannot
drift from the product.
"""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app import ids
from app.db import APP_TIMEOUTS
from app.sandbox.embedded_postgres import find_binaries
from tests.bench.stage import DATABASE, Booker, Job, Stage
from tests.bench.trace import Statement, Traced

UUIDS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
COMMAND = re.compile(r"^\s+([0-9.]+)\s+\d+\s+(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Replayed:
    """One run of pgbench."""

    bookings: int
    per_second: float
    """Without the time of fetching the values, which the API does not need."""
    raw_per_second: float


class Replay:
    """A script for pgbench and the table that feeds it."""

    def __init__(self, stage: Stage, traces: Sequence[tuple[Job, Traced]]) -> None:
        self.stage = stage
        (self.job, trace), (other_job, other) = traces
        self.template = _values(trace)
        others = _values(other)
        self.varying = [name for name, value in self.template.items() if value is not None and value != others[name]]
        self.constants = {
            name: value for name, value in self.template.items() if value is not None and name not in self.varying
        }
        mine, theirs = (set(UUIDS.findall(" ".join(map(str, each.values())))) for each in (self.template, others))
        self.fresh = sorted(mine - theirs - set(_known(self.job)))
        self.script = self._script(trace)
        self.filled = 0
        assert other_job.booker != self.job.booker
        columns = ", ".join(f"{name} text NOT NULL" for name in self.varying)
        with stage.admin() as connection:
            connection.execute(f"CREATE UNLOGGED TABLE bench_work (n integer PRIMARY KEY, {columns})")
            connection.execute("GRANT SELECT ON bench_work TO beatrice_app")

    def fill(self, jobs: Sequence[Job]) -> range:
        """Prepare the values of bookings; return their numbers."""
        numbers = range(self.filled, self.filled + len(jobs))
        columns = ", ".join(["n", *self.varying])
        with (
            self.stage.admin() as connection,
            connection.cursor() as cursor,
            cursor.copy(f"COPY bench_work ({columns}) FROM STDIN") as copy,
        ):
            for number, row in zip(numbers, self._rows(jobs), strict=True):
                copy.write_row([number, *row])
        self.filled = numbers.stop
        return numbers

    def run(self, numbers: range, clients: int, threads: int) -> Replayed:
        """Let pgbench make these bookings; a failing statement or a missing booking is an error."""
        each = len(numbers) // clients
        settings = {"i": -1, "first": numbers.start, "each": each} | self.constants
        options = [option for name, value in settings.items() for option in ("-D", f"{name}={value}")]
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(self.script)
            script.flush()
            done = subprocess.run(
                [
                    *(str(find_binaries() / "pgbench"), "-n", "-r", "-M", "prepared", "-f", script.name, *options),
                    *("-c", str(clients), "-j", str(threads), "-t", str(each)),
                    *("-h", str(self.stage.server.socket_dir), "-p", "5432", "-U", "beatrice_app", DATABASE),
                ],
                env={"PGOPTIONS": f"{APP_TIMEOUTS} -c timezone=UTC", "LC_ALL": "C"},
                capture_output=True,
                text=True,
                check=False,
            )
        processed = f"number of transactions actually processed: {each * clients}/{each * clients}"
        if done.returncode or processed not in done.stdout:
            raise RuntimeError(f"pgbench failed: {done.stderr[-3000:]}{done.stdout[-1000:]}")
        raw = float(done.stdout.partition("tps = ")[2].split()[0])
        commands = [
            (float(took), text) for took, text in COMMAND.findall(done.stdout.partition("statement latencies")[2])
        ]
        begin = next(index for index, (_, text) in enumerate(commands) if text.startswith("BEGIN"))
        fetching, total = sum(took for took, _ in commands[:begin]), sum(took for took, _ in commands)
        return Replayed(each * clients, raw * total / (total - fetching), raw)

    def _script(self, trace: Traced) -> str:
        lines = [
            r"\set i :i + 1",
            r"\set n :first + :client_id * :each + :i",
            f"SELECT {', '.join(self.varying)} FROM bench_work WHERE n = :n \\gset",
            "BEGIN;",
            *(f"{_for_pgbench(index, statement, self.template)};" for index, statement in enumerate(trace.statements)),
            "COMMIT;",
        ]
        return "\n".join(lines) + "\n"

    def _rows(self, jobs: Sequence[Job]) -> Iterator[list[str]]:
        """Put the job's own values, and fresh ids, where the traced booking had its own."""
        own = _known(self.job)
        old = [*own, *self.fresh]
        pattern = re.compile("|".join(map(re.escape, old)))
        templates = [str(self.template[name]) for name in self.varying]
        pieces = [(pattern.split(text), pattern.findall(text)) for text in templates]
        for job in jobs:
            new = dict(zip(old, [*_known(job), *(str(ids.new_id()) for _ in self.fresh)], strict=True))
            yield [_joined(between, found, new.__getitem__) for between, found in pieces]


def _joined(between: list[str], found: list[str], new: Callable[[str], str]) -> str:
    parts = [between[0]]
    for old, text in zip(found, between[1:], strict=True):
        parts += (new(old), text)
    return "".join(parts)


def _known(job: Job) -> list[str]:
    booker: Booker = job.booker
    return [
        *map(str, (job.quote_id, booker.user_id, booker.lot_id, booker.slot_id)),
        job.key,
        booker.token_hash.hex(),
    ]


def _values(trace: Traced) -> dict[str, str | None]:
    return {
        _name(index, name): _text(value)
        for index, statement in enumerate(trace.statements)
        for name, value in statement.values.items()
    }


def _name(index: int, name: str) -> str:
    return f"s{index}_{name}"


def _text(value: object) -> str | None:
    """Write a value as PostgreSQL reads it."""
    match value:
        case None:
            text = None
        case str() | int() | UUID():
            text = str(value)
        case bytes() | bytearray() | memoryview():
            text = "\\x" + bytes(value).hex()
        case datetime() | date():
            text = value.isoformat()
        case list():
            text = "{" + ",".join(_text(each) or "NULL" for each in value) + "}"
        case _:
            raise TypeError(f"the bench cannot replay a {type(value).__name__}")
    return text


def _for_pgbench(index: int, statement: Statement, values: dict[str, str | None]) -> str:
    """Turn the driver's placeholders into pgbench's, with the type the driver declares; NULL cannot be a variable."""

    def variable(found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        name = _name(index, found[1])
        kind = f"::{statement.types[found[1]]}" if found[1] in statement.types else ""
        return f"NULL{kind}" if values[name] is None else f":{name}{kind}"

    return PLACEHOLDER.sub(variable, statement.sql)
