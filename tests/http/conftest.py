"""The kernel under a throwaway router, on one clone per worker where commits are real; its rows go after each test."""

from collections.abc import AsyncIterator, Iterator

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from app.db import create_database
from app.main import create_app
from tests.conftest import Cluster
from tests.http import probe


@pytest.fixture(scope="session")
def probe_database_name(cluster: Cluster) -> Iterator[str]:
    name = cluster.clone()
    with cluster.admin(name) as connection:
        connection.execute(probe.TABLE)
        connection.execute(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '50ms'")
    yield name
    cluster.drop(name)


@pytest.fixture(scope="session")
def probe_app() -> FastAPI:
    """One application for many scenes: unfolding its routes is dear."""
    app = create_app(create_database("postgresql+psycopg://127.0.0.1:1/none"))
    app.include_router(probe.router)
    return app


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Bugs on purpose are not printed: rendering their locals takes seconds."""
    with capture_logs():
        yield


@pytest.fixture
async def scene(cluster: Cluster, probe_database_name: str, probe_app: FastAPI) -> AsyncIterator[probe.Scene]:
    database = create_database(cluster.app_url(probe_database_name))
    async with probe.on(probe_app, database) as made:
        yield made
    await database.dispose()
    with cluster.admin(probe_database_name) as connection:
        connection.execute("DELETE FROM probe; DELETE FROM idempotency_key; DELETE FROM session_token")
        connection.execute("DELETE FROM user_account")


@pytest.fixture
async def anna(scene: probe.Scene) -> dict[str, str]:
    """A person's headers."""
    return (await scene.world.login("anna@example.test"))[1]
