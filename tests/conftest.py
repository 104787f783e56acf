"""Databases for tests: one server and one migrated template per worker, clones where real commits are needed."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

# Cheap hashing and no caller limit: the suite logs in thousands of times from one address.
os.environ.setdefault("BEATRICE_PASSWORD_HASH_TIME_COST", "1")
os.environ.setdefault("BEATRICE_PASSWORD_HASH_MEMORY_KIB", "64")
os.environ.setdefault("BEATRICE_REQUESTS_PER_MINUTE", "10000000")

import httpx
import hypothesis
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy import NullPool, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from structlog.testing import capture_logs
from typer.testing import CliRunner, Result

import migrations
from app import cli, config
from app.db import APP_TIMEOUTS, WORKER_TIMEOUTS, Database, create_database, open_unit_of_work
from app.edge.refused import Sample
from app.main import create_app
from app.sandbox import embedded_postgres
from tests import territory
from tests.bookings.scene import Scene, make_scene
from tests.credit.stage import Stage, set_stage
from tests.grants.desk import Desk
from tests.settlements.books import Books, open_books
from tests.territory import Territory
from tests.world import Party, World, client_at

# The same cases in every run of the suite; the soak looks for new ones. Speed is the bench's business.
hypothesis.settings.register_profile("suite", derandomize="BEATRICE_SOAK" not in os.environ, deadline=None)
hypothesis.settings.load_profile("suite")

pytest_plugins = ["anyio"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


Beatrice = Callable[..., Result]
"""A command with its arguments and the environment it gets."""


@pytest.fixture
def beatrice(monkeypatch: pytest.MonkeyPatch) -> Iterator[Beatrice]:
    """Run a command in this process, with settings of its own."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def run(*arguments: str, **changes: str) -> Result:
        config.settings.cache_clear()
        monkeypatch.delenv("DATABASE_URL", raising=False)
        for name, value in changes.items():
            monkeypatch.setenv(name, value)
        return CliRunner().invoke(cli.cli, arguments)

    yield run
    monkeypatch.undo()
    config.settings.cache_clear()
    for number, handler in handlers.items():
        signal.signal(number, handler)


class Cluster:
    """A PostgreSQL server for tests: ours, or the one DATABASE_URL names."""

    def __init__(self, admin_url: str, login: str | None) -> None:
        self.admin_url = make_url(admin_url)
        self.login = login
        self.template = f"beatrice_test_{uuid4().hex[:12]}"
        self.made: list[str] = []

    def admin(self, database: str | None = None) -> psycopg.Connection[Any]:
        url = self.admin_url.set(drivername="postgresql", database=database or self.admin_url.database)
        return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)

    def owner_url(self, database: str) -> str:
        return self.admin_url.set(database=database).render_as_string(hide_password=False)

    def app_url(self, database: str, login: str | None = None) -> str:
        url = self.admin_url.set(database=database)
        return (url.set(username=login or self.login) if self.login else url).render_as_string(hide_password=False)

    def make_template(self) -> None:
        with self.admin() as connection:
            connection.execute(f'CREATE DATABASE "{self.template}"')
        migrations.upgrade(self.owner_url(self.template))
        self.made.append(self.template)

    def clone(self, template: str | None = None) -> str:
        name = f"{self.template}_{len(self.made)}"
        with self.admin() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template or self.template}" STRATEGY file_copy')
        self.made.append(name)
        return name

    def let_one_person_return(self, name: str) -> None:
        """Let a database post and grant what would identify: for tests of other things than that rule."""
        with self.admin(name) as owner:
            for term in ("least_people", "least_line_cents"):
                made = f"FUNCTION {term}(of_company uuid, on_day date) RETURNS bigint LANGUAGE sql STABLE"
                owner.execute(f"CREATE OR REPLACE {made} AS 'SELECT 1::bigint'")

    def drop(self, name: str) -> None:
        with self.admin() as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        if name in self.made:
            self.made.remove(name)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    given = os.environ.get("DATABASE_URL")
    with ExitStack() as stack:
        if given:
            made = Cluster(given.replace("postgresql://", "postgresql+psycopg://", 1), None)
        else:
            folder: Path = tmp_path_factory.mktemp("postgres")
            server = stack.enter_context(embedded_postgres.start(folder, durable=False))
            made = Cluster(server.url("postgres"), "beatrice_app")
        made.make_template()
        yield made
        for name in list(reversed(made.made)):
            made.drop(name)


@pytest.fixture(scope="session")
def shared_database_name(cluster: Cluster) -> str:
    """One clone per worker for tests that roll back."""
    return cluster.clone()


@asynccontextmanager
async def rolled_back(url: str) -> AsyncIterator[Database]:
    """Open the product's Database on one connection that is rolled back: commits are savepoints."""
    engine = create_async_engine(
        url, poolclass=NullPool, hide_parameters=True, connect_args={"options": f"{APP_TIMEOUTS} -c timezone=UTC"}
    )
    async with engine.connect() as connection:
        transaction = await connection.begin()
        yield Database(connection)
        await transaction.rollback()
    await engine.dispose()


@pytest.fixture
async def database(cluster: Cluster, shared_database_name: str) -> AsyncIterator[Database]:
    """The product's Database on a connection that is rolled back."""
    async with rolled_back(cluster.app_url(shared_database_name)) as made:
        yield made


@pytest.fixture
async def session(database: Database) -> AsyncIterator[AsyncSession]:
    """A session as the application's role, at the shared business time."""
    async with database.session() as opened:
        await open_unit_of_work(opened, "beatrice_app")
        yield opened
        await opened.rollback()


@pytest.fixture
async def owner_session(cluster: Cluster, shared_database_name: str) -> AsyncIterator[AsyncSession]:
    """A session as the tables' owner, who can switch guards off; rolled back."""
    async with rolled_back(cluster.owner_url(shared_database_name)) as made, made.session() as opened:
        await opened.execute(text("SET LOCAL ROLE beatrice_owner"))
        yield opened


@pytest.fixture
def fresh_database_name(cluster: Cluster) -> Iterator[str]:
    """A clone of its own for one test, where commits are real."""
    name = cluster.clone()
    yield name
    cluster.drop(name)


@pytest.fixture
async def fresh_database(cluster: Cluster, fresh_database_name: str) -> AsyncIterator[Database]:
    """The product's Database with its real pool on a clone of its own: for races, jobs and acceptance."""
    made = create_database(cluster.app_url(fresh_database_name))
    yield made
    await made.dispose()


@pytest.fixture
async def fresh_worker(cluster: Cluster, fresh_database_name: str) -> AsyncIterator[Database]:
    """The same clone as the worker sees it: for sweeps and jobs."""
    made = create_database(cluster.app_url(fresh_database_name, "beatrice_worker"), timeouts=WORKER_TIMEOUTS)
    yield made
    await made.dispose()


@pytest.fixture(scope="session")
def built_app() -> FastAPI:
    """The application, built once: its routes take half a second to unfold at the first request."""
    return create_app(create_database("postgresql+psycopg://127.0.0.1:1/none"))


@pytest.fixture
def app(built_app: FastAPI, database: Database) -> FastAPI:
    built_app.state.database = database
    built_app.state.refusals = Sample()
    return built_app


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP on the rolled-back database."""
    async with client_at(app) as made:
        yield made


@pytest.fixture
async def fresh_client(fresh_database: Database) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP on a database of its own."""
    async with client_at(create_app(fresh_database)) as made:
        yield made


@pytest.fixture
def world(database: Database) -> World:
    """Parties and people on the rolled-back database."""
    return World(database)


@pytest.fixture
def fresh_world(fresh_database: Database) -> World:
    """Parties and people on a database of its own."""
    return World(fresh_database)


@pytest.fixture
async def operator(world: World) -> Party:
    return await world.operator()


@pytest.fixture
async def company(world: World, operator: Party) -> Party:  # noqa: ARG001 - the ledger's shared accounts
    return await world.company("Orobia Stampi")


@pytest.fixture
async def stage(world: World) -> Stage:
    return await set_stage(world)


@pytest.fixture
async def fresh_stage(fresh_world: World) -> Stage:
    return await set_stage(fresh_world)


@pytest.fixture
def desk(client: httpx.AsyncClient, stage: Stage) -> Desk:
    return Desk(client, stage.company)


@pytest.fixture
async def books(world: World) -> Books:
    return await open_books(world)


@pytest.fixture
async def fresh_books(fresh_world: World) -> Books:
    return await open_books(fresh_world)


@pytest.fixture
async def scene(world: World, client: httpx.AsyncClient) -> Scene:
    return await make_scene(world, client)


@pytest.fixture
async def fresh_scene(fresh_world: World, fresh_client: httpx.AsyncClient) -> Scene:
    """The same on a database of its own."""
    return await make_scene(fresh_world, fresh_client)


@pytest.fixture
def december() -> Callable[[int], datetime]:
    """Nine o'clock (UTC) of a day in December 2026."""
    return lambda day: datetime(2026, 12, 1, 9, tzinfo=UTC) + timedelta(days=day - 1)


@pytest.fixture(scope="session")
def land(cluster: Cluster, built_app: FastAPI) -> Iterator[tuple[str, Territory]]:
    """Two neighbours with everything there is, on a database of their own (its name, who they are), made once."""
    name = cluster.clone()

    async def make() -> Territory:
        database = create_database(cluster.app_url(name))
        built_app.state.database = database
        async with client_at(built_app) as made:
            sides = await territory.build(World(database), made)
        await database.dispose()
        return sides

    with capture_logs():
        sides = asyncio.run(make())
    yield name, sides
    cluster.drop(name)


@pytest.fixture
def sides(land: tuple[str, Territory]) -> Territory:
    return land[1]


@pytest.fixture
async def land_client(
    land: tuple[str, Territory], cluster: Cluster, built_app: FastAPI
) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP among the two neighbours, rolled back."""
    async with rolled_back(cluster.app_url(land[0])) as database:
        built_app.state.database = database
        async with client_at(built_app) as made:
            with capture_logs():
                yield made
