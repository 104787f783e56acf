"""Measure the figures of the speed of bookings and print them; the exit code is 0 whenever they were measured."""

import asyncio
import io
import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from rich.console import Console
from rich.table import Table

from app import jobs as app_jobs
from app import logs
from app.db import WORKER_TIMEOUTS, create_database
from app.ledger.verify import verify
from tests.bench.pages import GOAL as PAGE_GOAL
from tests.bench.pages import Page, measure_pages
from tests.bench.planning import LOTS, UNITS, WORLDS, measure_planning
from tests.bench.replay import Replay
from tests.bench.stage import DATABASE, PRICE_CENTS, Api, Job, Stage, fill, on, running_api, running_server
from tests.bench.trace import Traced, book, traced

CLIENTS = 8
EMPLOYEES = 300
WARM_UP = 12
"""Bookings before the traced one: psycopg prepares a statement the fifth time it sees it."""
CALIBRATION = (480, 1600)
PACKAGES = ("fastapi", "pydantic", "sqlalchemy", "psycopg", "uvicorn", "uvloop")
USABLE = (0.85, 1.15)
out = Console(highlight=False, width=None if os.isatty(1) else 120)


@dataclass(frozen=True)
class Cell:
    """What was measured in one turn."""

    per_second: float
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    api_cpu_ms: float = 0.0
    load_cpu_ms: float = 0.0
    raw_per_second: float = 0.0


@dataclass(frozen=True)
class Leg:
    """API, S, S, API, ... with one setting of the server."""

    name: str
    api: list[Cell]
    pgbench: list[Cell]

    def ratios(self) -> list[float]:
        """Return API over S of neighbours, in the order measured."""
        return [mine.per_second / theirs.per_second for mine, theirs in zip(self.api, self.pgbench, strict=True)]

    def controls(self) -> list[float]:
        """Return the ratios of neighbours that measured the same (API, API and S, S)."""
        same = [(self.pgbench[at], self.pgbench[at + 1]) for at in range(0, len(self.pgbench) - 1, 2)]
        same += [(self.api[at], self.api[at + 1]) for at in range(1, len(self.api) - 1, 2)]
        return [second.per_second / first.per_second for first, second in same]


class Bench:
    """The stage, and what was booked on it."""

    def __init__(self, stage: Stage, api: Api, replay: Replay) -> None:
        self.stage, self.api, self.replay = stage, api, replay
        self.booked = 0

    def measure_api(self, jobs: Sequence[Job]) -> Cell:
        cpu = self.api.cpu_seconds()
        seen = self.api.book(jobs, CLIENTS)
        self.booked += len(jobs)
        used = 1000 * (self.api.cpu_seconds() - cpu) / len(jobs)
        return Cell(
            len(jobs) / seen["seconds"], seen["p50_ms"], seen["p99_ms"], used, 1000 * seen["cpu_seconds"] / len(jobs)
        )

    def measure_pgbench(self, numbers: range) -> Cell:
        done = self.replay.run(numbers, CLIENTS, min(2, os.cpu_count() or 1))
        self.booked += done.bookings
        return Cell(done.per_second, raw_per_second=done.raw_per_second)

    def leg(self, name: str, turns: int, seconds: float) -> Leg:
        """Measure in turns (API, S, S, API, API, S, ...) of about these seconds each."""
        api_count, pgbench_count = CALIBRATION
        api = self.measure_api(self.stage.jobs(api_count))
        pgbench = self.measure_pgbench(self.replay.fill(self.stage.jobs(pgbench_count)))
        api_count, pgbench_count = _size(api, seconds), _size(pgbench, seconds)
        leg = Leg(name, [], [])
        api_jobs = [self.stage.jobs(api_count) for _ in range(turns)]
        numbers = [self.replay.fill(self.stage.jobs(pgbench_count)) for _ in range(turns)]
        self.stage.tidy()
        for turn in range(turns):

            def mine(turn: int = turn) -> None:
                leg.api.append(self.measure_api(api_jobs[turn]))

            def theirs(turn: int = turn) -> None:
                leg.pgbench.append(self.measure_pgbench(numbers[turn]))

            order: tuple[Callable[[], None], ...] = (mine, theirs) if turn % 2 == 0 else (theirs, mine)
            for measure in order:
                measure()
        return leg


def _size(cell: Cell, seconds: float) -> int:
    return max(CLIENTS, int((cell.raw_per_second or cell.per_second) * seconds) // CLIENTS * CLIENTS)


async def trace(stage: Stage) -> list[tuple[Job, Traced]]:
    """Warm the connection and watch two bookings of different people."""
    jobs = stage.jobs(WARM_UP + 2)
    for job in jobs[:WARM_UP]:
        await book(stage, job)
    return [(job, await traced(stage, job)) for job in jobs[WARM_UP:]]


async def check(stage: Stage, booked: int) -> list[tuple[str, bool]]:
    """Check that what was measured was done, and that everything adds up."""
    worker = create_database(stage.server.url(DATABASE, "beatrice_worker"), pool_size=1, timeouts=WORKER_TIMEOUTS)
    async with worker.begin(app_jobs.WORKER_ROLE) as session:
        report = await verify(session)
    await worker.dispose()
    with stage.admin() as connection:
        bookings, units, taken, held, events, keys = _one(
            connection,
            "SELECT (SELECT count(*) FROM care.booking WHERE status = 'confirmed'), (SELECT count(*) FROM care.unit),"
            " (SELECT sum(taken) FROM slot), (SELECT sum(held_cents) FROM ledger.account WHERE kind = 'lot'),"
            " (SELECT count(*) FROM event WHERE object_kind = 'booking'), (SELECT count(*) FROM idempotency_key)",
        )
    return [
        (f"verify: every account adds up ({sum(report.checked.values())} rows)", report.ok),
        (f"bookings made = bookings stored ({booked})", booked == bookings == events == keys),
        (f"seats taken = units ({units})", taken == units == bookings),
        (f"credit held = price of all units ({held} cents)", held == units * PRICE_CENTS),
    ]


def _one(connection: psycopg.Connection[Any], sql: LiteralString) -> tuple[int, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None
    return tuple(int(each) for each in row)


def machine(stage: Stage) -> Table:
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    packages = ", ".join(
        f"{name} {version(name)}" for name in ("fastapi", "sqlalchemy", "psycopg", "uvicorn", "uvloop")
    )
    durable = ", ".join(f"{name} {stage.setting(name)}" for name in ("fsync", "full_page_writes", "wal_sync_method"))
    table = Table(show_header=False, box=None)
    cores, load = os.cpu_count() or 1, os.getloadavg()[0]
    busy = " (other work runs here: it takes more from the API, which is one process, than from pgbench)"
    table.add_row("machine", f"{cores} cores, {model}, load {load:.1f}{busy if load > 1 + cores / 2 else ''}")
    table.add_row("disk", f"fdatasync of 8 KB takes {fdatasync_ms(stage.server.data_dir.parent):.2f} ms (median)")
    table.add_row("versions", f"Python {platform.python_version()}, PostgreSQL {stage.server.version}, {packages}")
    table.add_row("server", f"embedded, own cluster, {durable}")
    return table


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def fdatasync_ms(folder: Path) -> float:
    file = os.open(folder / "sync", os.O_RDWR | os.O_CREAT)
    took = []
    for _ in range(50):
        os.write(file, bytes(8192))
        began = time.perf_counter()
        os.fdatasync(file)
        took.append(1000 * (time.perf_counter() - began))
    os.close(file)
    return statistics.median(took)


def turns_of(leg: Leg) -> Table:
    table = Table(title=f"{leg.name}: {CLIENTS} clients, bookings/s turn by turn")
    for column in ("turn", "API", "p50 ms", "p99 ms", "API cpu ms", "load cpu ms", "S", "S with fetch", "API / S"):
        table.add_column(column, justify="right")
    for turn, (mine, theirs, ratio) in enumerate(zip(leg.api, leg.pgbench, leg.ratios(), strict=True), 1):
        table.add_row(
            str(turn),
            f"{mine.per_second:.0f}",
            f"{mine.p50_ms:.1f}",
            f"{mine.p99_ms:.1f}",
            f"{mine.api_cpu_ms:.2f}",
            f"{mine.load_cpu_ms:.2f}",
            f"{theirs.per_second:.0f}",
            f"{theirs.raw_per_second:.0f}",
            f"{ratio:.3f}",
        )
    return table


def figures(legs: Sequence[Leg], seen: Traced) -> Table:
    table = Table(title="Figures")
    for column in ("#", "figure", "median", "worst", "good", "goal", "verdict"):
        table.add_column(column, justify="left" if column in {"figure", "verdict"} else "right")
    for leg in legs:
        ratios = leg.ratios()
        median = statistics.median(ratios)
        verdict = _verdict(good=median >= 0.30, goal=median >= 0.50)
        label = f"API bookings/s over S, {leg.name}"
        table.add_row("1", label, f"{median:.3f}", f"{min(ratios):.3f}", "0.30", "0.50", verdict)
    for number, label, count, good, goal in (
        ("2", "client round trips per booking", seen.round_trips, 5, 3),
        ("3", "SQL statements per booking", seen.sent, 5, 4),
    ):
        verdict = _verdict(good=count <= good, goal=count <= goal)
        table.add_row(number, label, str(count), "exact", str(good), str(goal), verdict)
    return table


def pages_of(pages: Sequence[Page]) -> Table:
    table = Table(title="Figure 14: a page over the API calls that it shows, p50 in ms, in turn (goal 1.5)")
    for column in (
        "page",
        "page ms",
        "its call ms",
        "calls",
        "all calls ms",
        "page / its call",
        "page / all",
        "verdict",
    ):
        table.add_column(column, justify="left" if column in {"page", "verdict"} else "right")
    for page in pages:
        verdict = "goal" if page.over_all <= PAGE_GOAL else "not reached"
        table.add_row(
            page.name,
            f"{page.page_ms:.1f}",
            f"{page.call_ms[0]:.1f}",
            str(len(page.call_ms)),
            f"{sum(page.call_ms):.1f}",
            f"{page.over_own:.2f}",
            f"{page.over_all:.2f}",
            verdict,
        )
    return table


def _verdict(*, good: bool, goal: bool) -> str:
    return "goal" if goal else "good" if good else "not reached"


def controls_of(legs: Sequence[Leg]) -> Table:
    table = Table(title="A/A control: the same measured twice in a row")
    for column in ("leg", "median", "least", "most", f"usable within {USABLE[0]}-{USABLE[1]}"):
        table.add_column(column)
    for leg in legs:
        controls = leg.controls()
        median = statistics.median(controls)
        usable = "usable" if USABLE[0] <= median <= USABLE[1] else "NOT usable: measure again on a calmer machine"
        table.add_row(leg.name, f"{median:.3f}", f"{min(controls):.3f}", f"{max(controls):.3f}", usable)
    return table


def main() -> None:
    began = time.monotonic()
    logs.configure(io.StringIO())
    with running_server() as server, asyncio.Runner() as runner:
        stage = on(server)
        out.print(f"Making {EMPLOYEES} employees with credit and a quote each ...", style="dim")
        runner.run(fill(stage, EMPLOYEES))
        traces = runner.run(trace(stage))
        seen = traces[-1][1]
        replay = Replay(stage, traces)
        runner.run(stage.database.dispose())
        out.print(machine(stage))
        with running_api(server) as api:
            bench = Bench(stage, api, replay)
            out.print("Measuring, durable commits ...", style="dim")
            legs = [bench.leg("synchronous_commit on", 8, 4.0)]
            stage.set("synchronous_commit", "off")
            out.print("Measuring, commits that do not wait for the disk ...", style="dim")
            legs.append(bench.leg("synchronous_commit off", 4, 3.0))
        out.print("Measuring pages in the demo world ...", style="dim")
        pages = runner.run(measure_pages(server))
        planned = measure_planning()
        checks = runner.run(check(stage, bench.booked + len(traces) + WARM_UP))
        for leg in legs:
            out.print(turns_of(leg))
        out.print(controls_of(legs))
        out.print(figures(legs, seen))
        out.print(pages_of(pages))
        out.print(
            f"A plan of {UNITS} units over {LOTS} lots takes {planned.median_ms:.1f} ms (median of {WORLDS} worlds; the"
            f" worst {planned.worst_ms:.1f} ms)."
        )
        out.print(
            "S: pgbench -M prepared sends the statements of a traced booking (BEGIN, "
            f"{len(seen.statements)} statements, COMMIT), each with its own quote. API cpu: of the server process, load"
            " cpu: of the client process, both per booking. Statements: executed on the client's demand, BEGIN and"
            " COMMIT included, those inside database functions not."
        )
        for text, holds in checks:
            out.print(f"{'holds' if holds else 'DOES NOT HOLD'}: {text}")
        out.print(f"Took {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f} at the end.")


if __name__ == "__main__":
    main()
