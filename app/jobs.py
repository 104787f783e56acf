"""Background work: procrastinate runs immediate jobs; one tick a minute runs the sweeps.

Jobs are deferred on the caller's own connection, so that they commit or vanish with the change. Sweeps carry out what
deadlines (data) made due: idempotent, in order of due instant over all sweeps, each in its own transaction, booking
`event_at` = the due instant. No deadline depends on a sweep having run: commands compare it with business time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import dataclass
from datetime import datetime

import structlog
from procrastinate import App, Blueprint, JobContext, PsycopgConnector, RetryStrategy
from procrastinate.jobs import Job as QueuedJob
from procrastinate.types import JSONValue
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Database, raw_connection
from app.logs import places

log = structlog.get_logger()
blueprint = Blueprint()
# Never opened: it only writes jobs on the connections of those who cause them.
_deferring = App(connector=PsycopgConnector())
WORKER_ROLE = "beatrice_worker"
SWEEPING = func.hashtext("beatrice sweeps")
PULSE = func.hashtext("beatrice pulse")
DEFAULT = "default"
KEEP_FINISHED_HOURS = 7 * 24

Job = Callable[..., Awaitable[None]]
Outside = Callable[[Database, str], Awaitable[None]]
Due = Callable[[AsyncSession, datetime], Awaitable[datetime | None]]
Run = Callable[[AsyncSession, datetime], Awaitable[int]]


@dataclass(frozen=True)
class Sweep:
    """One kind of deadline: `due` tells the earliest instant that waits, `run` handles a batch up to an instant.

    What is `prompt` does not wait for the minute's tick: somebody outside waits for it.
    """

    name: str
    due: Due
    run: Run
    prompt: bool = False


@dataclass(frozen=True)
class Errand:
    """A job about one thing outside, by its id, in a lane: of one thing there is one that waits and one that runs."""

    subject: str
    lane: str


def job(name: str) -> Callable[[Job], Job]:
    """Register `async def run(session, **ids)`; it runs in its own transaction as the worker, retried with back-off."""

    def register(function: Job) -> Job:
        async def run(context: JobContext, /, **arguments: str) -> None:
            database: Database = context.additional_context["database"]
            try:
                async with database.begin(WORKER_ROLE) as session:
                    await function(session, **arguments)
            except Exception as error:
                place = places(error.__traceback__)
                log.warning(
                    "job_failed", task=name, job_id=context.job.id, error_class=type(error).__name__, error_at=place
                )
                raise

        blueprint.task(
            name=name, pass_context=True, retry=RetryStrategy(max_attempts=8, exponential_wait=4), queue=DEFAULT
        )(run)
        return function

    return register


def errand(name: str) -> Callable[[Outside], Outside]:
    """Register `async def run(database, subject)`, which may call the network: it opens its own short transactions.

    It is not retried: a sweep finds what is left to do.
    """

    def register(function: Outside) -> Outside:
        async def run(context: JobContext, /, subject: str) -> None:
            try:
                await function(context.additional_context["database"], subject)
            except Exception as error:
                place = places(error.__traceback__)
                log.warning(
                    "job_failed", task=name, job_id=context.job.id, error_class=type(error).__name__, error_at=place
                )
                raise

        blueprint.task(name=name, pass_context=True)(run)
        return function

    return register


async def defer(session: AsyncSession, name: str, **arguments: str) -> None:
    """Queue a job in the caller's transaction; arguments are ids as text, never data."""
    await defer_many(session, name, [arguments])


async def defer_many(session: AsyncSession, name: str, batch: Sequence[dict[str, str]]) -> None:
    if batch:
        queue = blueprint.tasks[name].queue
        raw = await raw_connection(session)
        await _deferring.configure_task(name, queue=queue, connection=raw).batch_defer_async(
            *(dict[str, JSONValue](arguments) for arguments in batch)
        )


async def send_on(session: AsyncSession, name: str, errands: Sequence[Errand]) -> None:
    """Queue errands in the caller's transaction; none of these may wait already."""
    if errands:
        raw = await raw_connection(session)
        queued = [
            QueuedJob(
                id=None, queue=each.lane, lock=f"{name} {each.subject}", queueing_lock=f"{name} {each.subject}",
                task_name=name, task_kwargs={"subject": each.subject},
            )
            for each in errands
        ]  # fmt: skip
        await _deferring.job_manager.batch_defer_jobs_async(queued, connection=raw)


def worker_app(conninfo: str, options: str = "") -> App:
    """Return the procrastinate app of one database; several may live side by side, each with its own tasks."""
    app = App(connector=PsycopgConnector(conninfo=conninfo, kwargs={"options": options} if options else {}))
    own = Blueprint()
    own.tasks = {name: copy(task) for name, task in blueprint.tasks.items()}
    for periodic in blueprint.periodic_registry.periodic_tasks.values():
        own.periodic_registry.register_task(
            task=own.tasks[periodic.task.name],
            cron=periodic.cron,
            periodic_id=periodic.periodic_id,
            configure_kwargs=copy(periodic.configure_kwargs),
        )
    app.add_tasks_from(own, namespace="")
    return app


@blueprint.periodic(cron="* * * * *")
@blueprint.task(name="tick", queue="default", queueing_lock="tick", pass_context=True)
async def tick(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Run what is due, unless somebody is at it."""
    database: Database = context.additional_context["database"]
    async with sweeping(database, wait=False) as alone:
        if alone:
            await run_sweeps(database, [sweep for sweep in context.additional_context["sweeps"] if not sweep.prompt])


@blueprint.periodic(cron="30 2 * * *")
@blueprint.task(name="jobs.forget", queue="default", queueing_lock="jobs.forget", pass_context=True)
async def forget(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate's signature
    """Delete jobs that ended long ago."""
    await context.app.job_manager.delete_old_jobs(KEEP_FINISHED_HOURS, include_failed=True, include_aborted=True)


@asynccontextmanager
async def sweeping(database: Database, *, wait: bool, lock: ColumnElement[int] = SWEEPING) -> AsyncIterator[bool]:
    """Keep other sweepers out; without `wait` tell whether nobody else sweeps."""
    async with database.session() as session:
        await session.connection(execution_options={"isolation_level": "AUTOCOMMIT"})
        if wait:
            usual = await session.scalar(select(func.current_setting("lock_timeout")))
            await session.execute(select(func.set_config("lock_timeout", "0", False)))
            await session.execute(select(func.pg_advisory_lock(lock)))
        elif not await session.scalar(select(func.pg_try_advisory_lock(lock))):
            yield False
            return
        try:
            yield True
        finally:
            await session.execute(select(func.pg_advisory_unlock(lock)))
            if wait:
                await session.execute(select(func.set_config("lock_timeout", usual, False)))


async def run_sweeps(database: Database, sweeps: Sequence[Sweep]) -> dict[str, int]:
    """Run everything due at the present business time, oldest first; return how much each sweep handled."""
    ran: dict[str, int] = {}
    stuck: set[str] = set()
    while True:
        async with database.begin(WORKER_ROLE) as session:
            now = clock.now()
            waiting = []
            for index, sweep in enumerate(sweeps):
                if sweep.name not in stuck and (instant := await sweep.due(session, now)) is not None:
                    waiting.append((instant, index))
        waiting.sort()
        if not waiting:
            return ran
        sweep = sweeps[waiting[0][1]]
        horizon = waiting[1][0] if len(waiting) > 1 else now
        async with database.begin(WORKER_ROLE) as session:
            handled = await sweep.run(session, max(horizon, waiting[0][0]))
        ran[sweep.name] = ran.get(sweep.name, 0) + handled
        if handled == 0:
            stuck.add(sweep.name)
            log.warning("sweep_without_progress", sweep=sweep.name)


async def pulse(database: Database, sweeps: Sequence[Sweep], seconds: float) -> None:
    """Run what is prompt, over and over; of several workers one at a time."""
    prompt = [sweep for sweep in sweeps if sweep.prompt]
    while True:
        async with sweeping(database, wait=False, lock=PULSE) as alone:
            if alone:
                await run_sweeps(database, prompt)
        await asyncio.sleep(seconds)


async def rescue_stalled(app: App, seconds: float) -> None:
    """Give jobs of workers that died back to the queue; for ever, as often as a worker shows that it lives."""
    while True:
        for job_ in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=seconds):
            await app.job_manager.retry_job(job_)
        await asyncio.sleep(seconds / 2)
