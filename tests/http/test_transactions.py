"""Retries, overload and a database that goes away."""

import asyncio

import httpx
import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import Database, create_database
from app.main import create_app
from tests.conftest import Cluster
from tests.http import probe
from tests.http.probe import Scene, problem
from tests.world import World

Headers = dict[str, str]


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_serialization_failures_and_deadlocks_are_tried_again(scene: Scene, anna: Headers, state: str) -> None:
    answer = await scene.post(anna, "k1", name="one", refuse=f"sqlstate:{state}*2")
    assert (answer.status_code, scene.calls) == (201, 3)
    assert (await scene.names(), await scene.keys()) == (["one"], ["k1"])


async def test_three_failures_are_busy_and_leave_nothing(scene: Scene, anna: Headers) -> None:
    answer = await scene.post(anna, "k1", name="one", refuse="sqlstate:40001*9")
    assert (answer.status_code, problem(answer)["code"], scene.calls) == (503, "busy", 3)
    assert int(answer.headers["retry-after"]) in {1, 2, 3}
    assert (await scene.names(), await scene.keys()) == ([], [])


async def test_other_refusals_are_not_tried_again(scene: Scene, anna: Headers) -> None:
    answer = await scene.post(anna, "k1", name="one", refuse="sqlstate:57014*9")
    assert (answer.status_code, problem(answer)["code"], scene.calls) == (503, "busy", 1)
    assert (await scene.names(), await scene.keys()) == ([], [])


@pytest.mark.parametrize(
    ("state", "status", "code"),
    [("23503", 404, "not_found"), ("23514", 409, "conflict"), ("22003", 422, "invalid"), ("57014", 503, "busy"),
     ("XX001", 500, "internal_error"), ("42501", 500, "internal_error")],
)  # fmt: skip
async def test_database_refusals_become_problems(
    scene: Scene, anna: Headers, state: str, status: int, code: str
) -> None:
    answer = await scene.client.post(
        "/v1/me/free_probes", json={"name": "one", "refuse": f"sqlstate:{state}*9"}, headers=anna
    )
    assert (answer.status_code, problem(answer)["code"]) == (status, code)
    assert await scene.names() == []


async def test_a_real_deadlock_heals(scene: Scene, anna: Headers) -> None:
    for name in ("left", "right"):
        await scene.post(anna, name, name=name)
    answers = await asyncio.gather(*(scene.post(anna, name, name=name, refuse="deadlock") for name in ("a", "b")))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert scene.calls == 5  # two set-up calls, two first tries, one victim's second try
    assert await scene.names() == ["a", "b", "left", "right"]


async def test_an_exhausted_pool_is_busy(
    scene: Scene, anna: Headers, cluster: Cluster, probe_database_name: str
) -> None:
    small = Database(
        create_async_engine(cluster.app_url(probe_database_name), pool_size=1, max_overflow=0, pool_timeout=0.2)
    )
    narrow = probe.make_stage(small).set(small, World(small))
    async with narrow.client:
        first = asyncio.create_task(narrow.post(anna, "k1", name="one", refuse="wait"))
        await narrow.started.wait()
        answer = await narrow.post(anna, "k2", name="two")
        narrow.release.set()
        assert (await first).status_code == 201
    await small.dispose()
    assert (answer.status_code, problem(answer)["code"]) == (503, "busy")
    assert "retry-after" in answer.headers
    assert await scene.names() == ["one"]


async def test_cut_connections_are_busy_once_and_then_heal(
    scene: Scene, anna: Headers, cluster: Cluster, probe_database_name: str
) -> None:
    assert (await scene.post(anna, "k1", name="one")).status_code == 201
    with cluster.admin() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (probe_database_name,)
        )
    cut = await scene.post(anna, "k2", name="two")
    assert (cut.status_code, problem(cut)["code"]) == (503, "busy")
    assert (await scene.post(anna, "k2", name="two")).status_code == 201
    assert await scene.names() == ["one", "two"]


async def test_readyz_tells_that_the_database_is_gone(cluster: Cluster) -> None:
    name = cluster.clone()
    database = create_database(cluster.app_url(name))
    transport = httpx.ASGITransport(app=create_app(database), raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as client:
        assert (await client.get("/readyz")).status_code == 200
        cluster.drop(name)
        for _ in range(2):
            answer = await client.get("/readyz")
            assert (answer.status_code, problem(answer)["code"]) == (503, "busy")
        assert (await client.get("/livez")).status_code == 200
        listed = await client.get("/v1/categories")
        assert (listed.status_code, problem(listed)["code"]) == (503, "busy")
    await database.dispose()
