"""Moving business time, and running on demand what time would have run."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app import clock, jobs
from app.db import WORKER_TIMEOUTS, Database, create_database
from app.errors import Busy, Invalid
from app.ledger import verify
from app.sandbox import queries
from app.sandbox.errors import ClockBackwards

LAST_YEAR = 2100
DRAIN_SECONDS = 60.0
POLL_SECONDS = 0.05
PERIODIC = ["tick", "jobs.forget", "ledger.verify", "bookings.forget"]


async def move_clock(session: AsyncSession, to: datetime | None, advance_seconds: int | None) -> datetime:
    """Move business time to an instant or by seconds, never back; return the new time.

    Two at once wait for each other: two advances add up.
    """
    offset = await queries.LOCK_OFFSET.one(session)
    real = clock.real()
    before = real + offset
    after = to if to is not None else before + timedelta(seconds=advance_seconds or 0)
    if after < before:
        raise ClockBackwards(now=clock.rfc3339(before))
    if after.year > LAST_YEAR:
        pointer = "/now" if to is not None else "/advance_seconds"
        raise Invalid(pointer, "clock_out_of_range", f"business time ends with the year {LAST_YEAR}")
    await queries.SET_OFFSET.run(session, offset=after - real)
    clock.set_offset(after - real)
    return after


async def run_jobs(
    url: URL, sweeps: Sequence[jobs.Sweep], passes: Sequence[verify.Pass] = verify.PASSES
) -> dict[str, int]:
    """Run all sweeps until nothing is due, then every job that may run now; return what was done, by name.

    Works beside a running worker: its sweeping is waited for, and so are the jobs it took.
    """
    worker_url = as_worker(url)
    database = create_database(worker_url.render_as_string(hide_password=False), pool_size=4, timeouts=WORKER_TIMEOUTS)
    try:
        async with database.begin(jobs.WORKER_ROLE) as session:
            waiting = await queries.OPEN_JOB_IDS.all(session)
            last = await queries.LAST_JOB_ID.one(session)
        async with jobs.sweeping(database, wait=True), jobs.sweeping(database, wait=True, lock=jobs.PULSE):
            ran = await jobs.run_sweeps(database, sweeps)
        try:
            await _drain(database, worker_url, sweeps, passes)
        except TimeoutError:
            raise Busy from None
        async with database.begin(jobs.WORKER_ROLE) as session:
            for ended in await queries.ENDED_JOBS.all(session, job_ids=waiting, after=last, periodic=PERIODIC):
                ran[ended.name] = ran.get(ended.name, 0) + ended.count
    finally:
        await database.dispose()
    return dict(sorted(ran.items()))


def as_worker(url: URL) -> URL:
    """Return the worker's login on our own server (a socket, no passwords); elsewhere the login stays."""
    on_socket = str(url.query.get("host", "")).startswith("/")
    return url.set(username=jobs.WORKER_ROLE) if on_socket and url.username == "beatrice_app" else url


async def _drain(database: Database, url: URL, sweeps: Sequence[jobs.Sweep], passes: Sequence[verify.Pass]) -> None:
    """Work until no job runs or may run now, also none that another worker took; Busy if that takes a minute."""
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    app = jobs.worker_app(conninfo, f"{WORKER_TIMEOUTS} -c role={jobs.WORKER_ROLE}")
    app.periodic_registry.periodic_tasks.clear()
    async with asyncio.timeout(DRAIN_SECONDS), app.open_async():
        while True:
            await app.run_worker_async(
                wait=False,
                concurrency=2,
                listen_notify=False,
                install_signal_handlers=False,
                additional_context={"database": database, "sweeps": sweeps, "passes": passes},
            )
            async with database.begin(jobs.WORKER_ROLE) as session:
                if not await queries.OPEN_JOB_IDS.all(session):
                    return
            await asyncio.sleep(POLL_SECONDS)


def database_url(database: Database) -> URL:
    """Return the address of the database behind an engine or a connection."""
    engine = database.bind if isinstance(database.bind, AsyncEngine) else database.bind.engine
    return engine.url
