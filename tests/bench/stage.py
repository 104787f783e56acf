"""The stage of a measurement: a private durable server, a world of employees with credit, the API as a process."""

import hashlib
import itertools
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import psycopg
from fastapi import FastAPI
from sqlalchemy.engine import make_url

import migrations
from app import ids
from app.db import Database, create_database
from app.main import create_app
from app.sandbox import embedded_postgres
from tests.world import World

DATABASE = "bench"
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
PRICE_CENTS = 22_50
LOT_CENTS = 50_000_00
CAPACITY = 100_000
START_SECONDS = 60


@dataclass(frozen=True)
class Booker:
    """An employee with a funded lot, a slot to go to and one quote of the API, of which copies are booked."""

    user_id: UUID
    authorization: str
    lot_id: UUID
    slot_id: UUID
    quote_id: UUID

    @property
    def token_hash(self) -> bytes:
        return hashlib.sha256(self.authorization.removeprefix("Bearer ").encode()).digest()


@dataclass(frozen=True)
class Job:
    """One booking to be made."""

    booker: Booker
    quote_id: UUID
    key: str


@dataclass
class Stage:
    """A running server with its world."""

    server: embedded_postgres.Server
    database: Database
    app: FastAPI
    bookers: list[Booker] = field(default_factory=list)

    def admin(self) -> psycopg.Connection[Any]:
        url = make_url(self.server.url(DATABASE)).set(drivername="postgresql")
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def setting(self, name: str) -> str:
        with self.admin() as connection:
            row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
        assert row is not None
        return str(row[0])

    def set(self, name: str, value: str) -> None:
        """Change a setting for every session, open ones too."""
        with self.admin() as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = {value}")
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.2)

    def tidy(self) -> None:
        with self.admin() as connection:
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")

    def jobs(self, count: int) -> list[Job]:
        """Copy quotes in the database: as many bookings as a round wants, spread over all employees."""
        made = [
            Job(booker, quote_id, f"bench-{quote_id}")
            for booker, quote_id in zip(
                itertools.islice(_shuffled(self.bookers), count), (ids.new_id() for _ in range(count)), strict=True
            )
        ]
        with self.admin() as connection:
            connection.execute(
                "INSERT INTO care.quote SELECT copied.* FROM unnest(%s::uuid[], %s::uuid[]) AS given (id, source)"
                " JOIN care.quote q ON q.id = given.source"
                " CROSS JOIN LATERAL jsonb_populate_record(q, jsonb_build_object('id', given.id)) AS copied",
                [[job.quote_id for job in made], [job.booker.quote_id for job in made]],
            )
        return made


def _shuffled(bookers: Sequence[Booker]) -> Iterator[Booker]:
    order = random.Random(1)  # noqa: S311 - spread, not secrecy
    while True:
        yield from order.sample(bookers, len(bookers))


@contextmanager
def running_server() -> Iterator[embedded_postgres.Server]:
    """Start PostgreSQL with durable settings in a folder that is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="beatrice-bench-"))
    folder.chmod(0o755)  # the unprivileged account of a root-started server passes through it
    try:
        with embedded_postgres.start(folder / "data") as server:
            make_database(server, DATABASE)
            yield server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def make_database(server: embedded_postgres.Server, name: str) -> None:
    url = make_url(server.url("postgres")).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    migrations.upgrade(server.url(name))


def on(server: embedded_postgres.Server) -> Stage:
    """Give the product on the server, in this process, on one connection (so that it can be traced)."""
    database = create_database(server.url(DATABASE, "beatrice_app"), pool_size=1)
    return Stage(server, database, create_app(database))


async def fill(stage: Stage, employees: int) -> None:
    """Write the world, and let the API quote once for each employee."""
    stage.set("synchronous_commit", "off")
    world = World(stage.database)
    await world.operator()
    await world.set_now(NOW)
    company, provider = await world.company(), await world.provider()
    offering_id = await world.offering(
        provider,
        category="training",
        mode="session",
        unit="session",
        price_cents=PRICE_CENTS,
        confirmation="instant",
        service_area=(),
    )
    async with client_of(stage) as client:
        for number in range(employees):
            person = await world.employee(company)
            lot_id = await world.lot(company, person, LOT_CENTS, date(2026, 12, 31))
            starts_at = NOW + timedelta(days=3, minutes=number)
            slot_id = await world.slot(provider, offering_id, starts_at, capacity=CAPACITY)
            answer = await client.post(
                "/v1/me/quotes",
                json={
                    "offering_id": ids.encode("off", offering_id),
                    "beneficiary_id": ids.encode("ben", person.beneficiary_id),
                    "slot_ids": [ids.encode("slt", slot_id)],
                },
                headers=person.headers,
            )
            quote = answer.json()
            assert (answer.status_code, quote["credit_cents"]) == (201, PRICE_CENTS), answer.text
            quote_id = ids.decode("qte", quote["id"])
            stage.bookers.append(Booker(person.user_id, person.headers["Authorization"], lot_id, slot_id, quote_id))
    stage.set("synchronous_commit", "on")


def client_of(stage: Stage) -> httpx.AsyncClient:
    """Give a client of the product in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=stage.app), base_url="http://beatrice.test")


@dataclass(frozen=True)
class Api:
    """`beatrice serve` on a port of the loopback."""

    process: subprocess.Popen[bytes]
    port: int

    def cpu_seconds(self) -> float:
        """Return the processor time it has used (0 where there is no /proc)."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def book(self, jobs: Sequence[Job], clients: int) -> dict[str, Any]:
        """Let the load process make these bookings; return what it saw."""
        order = {
            "port": self.port,
            "clients": clients,
            "requests": [[job.booker.authorization, job.key, ids.encode("qte", job.quote_id)] for job in jobs],
        }
        command = [sys.executable, "-m", "tests.bench.client"]
        done = subprocess.run(command, input=json.dumps(order).encode(), capture_output=True, check=True)
        seen: dict[str, Any] = json.loads(done.stdout)
        assert seen["statuses"] == {"201": len(jobs)}, seen["statuses"]
        return seen


@contextmanager
def running_api(server: embedded_postgres.Server, database: str = DATABASE) -> Iterator[Api]:
    """Start `beatrice serve`, one process, as in production but without the caller limit; its log goes nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": server.url(database, "beatrice_app"),
        "BEATRICE_MODE": "sandbox",
        "BEATRICE_REQUESTS_PER_MINUTE": "10000000",
        "PORT": str(port),
    }
    command = [sys.executable, "-c", "from app.cli import main; main()", "serve"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        _wait_until_ready(process, port)
        yield Api(process, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the API ended"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                if answer.status == httpx.codes.OK:
                    return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("the API did not start")
