"""Background work: procrastinate runs immediate jobs; one tick a minute runs the sweeps.

Jobs are deferred on the caller's own connection, so that they commit or vanish with the change. Sweeps carry out what
deadlines (data) made due: idempotent, in order of due instant over all sweeps, each in its own transaction, booking
`event_at` = the due instant. No deadline depends on a sweep having run: commands compare it with business time.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from procrastinate import App, Blueprint, JobContext, PsycopgConnector, RetryStrategy
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import Database, raw_connection

log = structlog.get_logger()
blueprint = Blueprint()
WORKER_ROLE = "beatrice_worker"

Job = Callable[..., Awaitable[None]]
Due = Callable[[AsyncSession, datetime], Awaitable[datetime | None]]
Run = Callable[[AsyncSession, datetime], Awaitable[int]]


@dataclass(frozen=True)
class Sweep:
    """One kind of deadline: `due` tells the earliest instant that waits, `run` handles a batch up to an instant."""

    name: str
    due: Due
    run: Run


def job(name: str) -> Callable[[Job], Job]:
    """Register `async def run(session, **ids)`; it runs in its own transaction as the worker, retried with back-off."""

    def register(function: Job) -> Job:
        async def run(context: JobContext, **arguments: Any) -> None:  # noqa: ANN401 - job arguments are JSON
            database: Database = context.additional_context["database"]
            async with database.begin(WORKER_ROLE) as session:
                await function(session, **arguments)

        blueprint.task(
            name=name, pass_context=True, retry=RetryStrategy(max_attempts=8, exponential_wait=4), queue="default"
        )(run)
        return function

    return register


async def defer(session: AsyncSession, name: str, **arguments: str) -> None:
    """Queue a job in the caller's transaction; arguments are ids as text, never data."""
    await defer_many(session, name, [arguments])


async def defer_many(session: AsyncSession, name: str, batch: Sequence[dict[str, str]]) -> None:
    if batch:
        task = blueprint.tasks[name]
        raw = await raw_connection(session)
        await task.configure(connection=raw).batch_defer_async(*batch)


def worker_app(conninfo: str, options: str = "") -> App:
    """Return the procrastinate app of one database."""
    app = App(connector=PsycopgConnector(conninfo=conninfo, kwargs={"options": options} if options else {}))
    app.add_tasks_from(blueprint, namespace="")
    return app


async def run_sweeps(database: Database, sweeps: Sequence[Sweep]) -> dict[str, int]:
    """Run everything due at the present business time, oldest first; return how much each sweep handled."""
    ran: dict[str, int] = {}
    stuck: set[str] = set()
    while True:
        async with database.begin(WORKER_ROLE) as session:
            now = clock.now()
            waiting = sorted(
                (instant, index)
                for index, sweep in enumerate(sweeps)
                if sweep.name not in stuck and (instant := await sweep.due(session, now)) is not None
            )
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


