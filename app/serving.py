"""The processes that last: the API's server and the worker, until a signal ends them."""

import asyncio
import errno
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import structlog
import uvicorn
from procrastinate import App
from sqlalchemy.engine import make_url

from app import api, jobs
from app.config import settings
from app.db import APP_TIMEOUTS, WORKER_TIMEOUTS, Database, create_database
from app.http.bounded import BoundedProtocol
from app.main import create_app

log = structlog.get_logger()
KEEP_ALIVE_SECONDS = 20
GRACE_SECONDS = 20
MOST_CONNECTIONS = 1_000
RESTART_SECONDS = 1.0
STALLED_SECONDS = 10.0
PULSE_SECONDS = 1.0


class Refused(Exception):
    """The command cannot go on; the text says why and what to do."""


@dataclass(frozen=True)
class Addresses:
    """Who logs in where: the API, the worker, the owner of the tables."""

    app: str
    worker: str
    migration: str


def conninfo(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


@asynccontextmanager
async def open_database(url: str, timeouts: str, pool_size: int = 2) -> AsyncIterator[Database]:
    database = create_database(url, pool_size=pool_size, timeouts=timeouts)
    try:
        yield database
    finally:
        await database.dispose()


class _Server(uvicorn.Server):
    """uvicorn without its own signal handling, telling when it listens."""

    ready: Callable[[], None] = staticmethod(lambda: None)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.ready()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """Bind first of all: a taken port is said at once."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=MOST_CONNECTIONS)
    except OSError as error:
        reason = "the port is in use" if error.errno == errno.EADDRINUSE else error.strerror
        raise Refused(f"Cannot listen on {host}:{port} ({reason}): choose another, such as PORT=8001.") from None


async def serve_until_stopped(
    addresses: Addresses, listening: socket.socket, *, work: bool, ready: Callable[[], None]
) -> None:
    """Serve until a signal comes; then answer what is open, end the running jobs, go."""
    database = create_database(addresses.app, pool_size=settings().pool_size, timeouts=APP_TIMEOUTS)
    server = _Server(
        uvicorn.Config(
            create_app(database),
            log_config=None,
            access_log=False,
            server_header=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
            limit_concurrency=MOST_CONNECTIONS,
            http=BoundedProtocol,
        )
    )
    server.ready = ready
    stop = _stop_on_signals()
    working = asyncio.create_task(_work(addresses.worker, stop)) if work else None
    serving = asyncio.create_task(server.serve([listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    await serving
    stop.set()
    await stopping
    if working is not None:
        await working


async def work_until_stopped(addresses: Addresses) -> None:
    stop = _stop_on_signals()
    log.info("worker_started")
    await _work(addresses.worker, stop)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _cancel(task: asyncio.Task[object]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _work(url: str, stop: asyncio.Event) -> None:
    """Work until told to stop; where the database goes away, begin again when it is back."""
    async with (
        open_database(url, WORKER_TIMEOUTS, pool_size=4) as database,
        open_database(url, WORKER_TIMEOUTS, pool_size=6) as of_lanes,
    ):
        while not stop.is_set():
            try:
                await _work_once(url, database, of_lanes, stop)
            except Exception as error:
                log.warning("worker_interrupted", exc_info=error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), RESTART_SECONDS)


async def _work_once(url: str, database: Database, of_lanes: Database, stop: asyncio.Event) -> None:
    options = f"{WORKER_TIMEOUTS} -c role={jobs.WORKER_ROLE}"
    app, lanes = (jobs.worker_app(conninfo(url), options) for _ in range(2))
    lanes.periodic_registry.periodic_tasks.clear()
    context: dict[str, object] = {"database": database, "sweeps": api.SWEEPS, "passes": api.PASSES}
    # Nothing is cancelled while the pools open: psycopg's pool loses a cancellation that comes then.
    async with app.open_async(), lanes.open_async():
        running = [
            _worker(app, context, queues=[jobs.DEFAULT], concurrency=2),
            # Whoever calls strangers waits for them: a lane of its own, where nothing else has to wait.
            *(
                _worker(lanes, {"database": of_lanes}, queues=[lane], concurrency=most)
                for lane, fetchers in api.LANES.items()
                for most in fetchers
            ),
        ]
        aside = [
            asyncio.create_task(jobs.rescue_stalled(app, STALLED_SECONDS)),
            asyncio.create_task(jobs.pulse(database, api.SWEEPS, PULSE_SECONDS)),
            asyncio.create_task(stop.wait()),
        ]
        try:
            done, _ = await asyncio.wait([*running, *aside], return_when=asyncio.FIRST_COMPLETED)
            await asyncio.gather(*(_cancel(task) for task in running))
            for task in done:
                task.result()
        finally:
            for task in aside:
                await _cancel(task)


def _worker(app: App, context: dict[str, object], *, queues: list[str], concurrency: int) -> asyncio.Task[None]:
    work = app.run_worker_async(
        queues=queues,
        concurrency=concurrency,
        install_signal_handlers=False,
        shutdown_graceful_timeout=GRACE_SECONDS,
        update_heartbeat_interval=STALLED_SECONDS / 4,
        stalled_worker_timeout=STALLED_SECONDS,
        delete_jobs="never" if queues == [jobs.DEFAULT] else "always",
        additional_context=context,
    )
    return asyncio.create_task(work)
