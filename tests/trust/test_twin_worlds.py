"""Two worlds that differ only in the use of care give their employer the same bytes, whatever it tries."""

import os
import random

import httpx
import pytest
from fastapi import FastAPI

from app.db import WORKER_TIMEOUTS, create_database
from tests.conftest import Cluster
from tests.trust import twins
from tests.trust.twins import Twin
from tests.world import World

PAIRS = int(os.environ.get("BEATRICE_TWIN_PAIRS", "20"))


async def lived(cluster: Cluster, app: FastAPI, seed: int, use: int) -> Twin:
    """Play one twin in a database of its own."""
    name = cluster.clone()
    database = create_database(cluster.app_url(name))
    worker = create_database(cluster.app_url(name, "beatrice_worker"), timeouts=WORKER_TIMEOUTS)
    try:
        app.state.database = database
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as client:
            twin = Twin(World(database), client, worker, random.Random(use))  # noqa: S311 - a game
            await twins.play(twin, seed)
            return twin
    finally:
        await database.dispose()
        await worker.dispose()
        cluster.drop(name)


@pytest.mark.parametrize("seed", range(PAIRS))
async def test_twins_look_alike_to_their_employer(cluster: Cluster, built_app: FastAPI, seed: int) -> None:
    one, other = [await lived(cluster, built_app, seed, use) for use in (2 * seed + 1, 2 * seed + 2)]
    assert one.used_cents != other.used_cents
    assert len(twins.PROBES) >= 10
    assert len(one.notes) > 200
    for mine, theirs in zip(twins.without_returns(one.notes), twins.without_returns(other.notes), strict=True):
        assert mine == theirs
