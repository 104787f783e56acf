"""Retries, overload and a database that goes away."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

from app import main, sealing
from app.db import Database, create_database
from app.main import create_app
from tests.conftest import Cluster
from tests.http import probe
from tests.http.probe import Scene
from tests.world import problem

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


@pytest.mark.parametrize("path", ["probes", "free_probes"])
@pytest.mark.parametrize(
    ("state", "status", "code", "calls"),
    [("23514", 409, "conflict", 1), ("XX001", 500, "internal_error", 1), ("40001", 503, "busy", 3)],
)
async def test_a_commit_refused_by_a_deferred_trigger_leaves_nothing(
    scene: Scene, anna: Headers, path: str, state: str, status: int, code: str, calls: int
) -> None:
    headers = anna | ({"Idempotency-Key": "k1"} if path == "probes" else {})
    answer = await scene.client.post(f"/v1/me/{path}", json={"name": f"at commit {state}"}, headers=headers)
    assert (answer.status_code, problem(answer)["code"], scene.calls) == (status, code, calls)
    assert (await scene.names(), await scene.keys()) == ([], [])


async def test_a_real_deadlock_heals(scene: Scene, anna: Headers) -> None:
    for name in ("left", "right"):
        await scene.post(anna, name, name=name)
    answers = await asyncio.gather(*(scene.post(anna, name, name=name, refuse="deadlock") for name in ("a", "b")))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert scene.calls == 5  # two set-up calls, two first tries, one victim's second try
    assert await scene.names() == ["a", "b", "left", "right"]


async def test_an_exhausted_pool_is_busy(
    scene: Scene, anna: Headers, cluster: Cluster, probe_database_name: str, probe_app: FastAPI
) -> None:
    small = Database(
        create_async_engine(cluster.app_url(probe_database_name), pool_size=1, max_overflow=0, pool_timeout=0.2)
    )
    async with probe.on(probe_app, small) as narrow:
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


# The answer is stored and committed in one round trip: what happens while it waits there


@dataclass
class Rival:
    """Somebody who stored the answer of k0 under k1 and has not committed; behind it waits a request under k1."""

    connection: psycopg.Connection[Any]
    stored: bytes
    request: asyncio.Task[httpx.Response]


@pytest.fixture
async def rival(scene: Scene, anna: Headers, cluster: Cluster, probe_database_name: str) -> AsyncIterator[Rival]:
    stored = await scene.post(anna, "k0", name="one")
    await scene.world.execute("UPDATE probe SET name = 'zero'")
    with cluster.admin(probe_database_name) as connection:
        connection.execute("BEGIN")
        kept = connection.execute("SELECT principal_id, fingerprint, sealed_answer FROM idempotency_key").fetchall()
        ((principal, print_, sealed),) = kept
        plain = sealing.decrypt("idempotency", sealed, sealing.context_of(principal, print_, "k0"))
        # Raw: stored and not committed, which no request stops at.
        connection.execute(
            "INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)"
            " SELECT principal_id, 'k1', fingerprint, %s, created_at FROM idempotency_key",
            [sealing.encrypt("idempotency", plain, sealing.context_of(principal, print_, "k1"))],
        )
        request = asyncio.create_task(scene.post(anna, "k1", name="one"))
        while not await scene.world.scalar(
            "SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY (pg_blocking_pids(pid))",
            pid=connection.info.backend_pid,
        ):
            pass
        yield Rival(connection, stored.content, request)


async def test_an_answer_waits_for_a_rival_that_goes(scene: Scene, rival: Rival) -> None:
    rival.connection.execute("ROLLBACK")
    assert (await rival.request).status_code == 201
    assert (await scene.names(), await scene.keys(), scene.calls) == (["one", "zero"], ["k0", "k1"], 2)


async def test_a_rival_that_stays_is_replayed_and_nothing_else_kept(scene: Scene, rival: Rival) -> None:
    rival.connection.execute("COMMIT")
    answer = await rival.request
    assert (answer.status_code, answer.content) == (201, rival.stored)
    assert answer.headers["idempotent-replayed"] == "true"
    assert (await scene.names(), await scene.keys(), scene.calls) == (["zero"], ["k0", "k1"], 2)


async def test_a_connection_cut_before_the_commit_is_busy_and_keeps_nothing(
    scene: Scene, anna: Headers, rival: Rival
) -> None:
    rival.connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))"
    )
    answer = await rival.request
    rival.connection.execute("ROLLBACK")
    assert (answer.status_code, problem(answer)["code"]) == (503, "busy")
    assert (await scene.names(), await scene.keys()) == (["zero"], ["k0"])
    assert (await scene.post(anna, "k1", name="one")).status_code == 201


async def test_a_request_cancelled_before_the_commit_keeps_nothing_and_leaves_its_connection_usable(
    scene: Scene, anna: Headers, rival: Rival
) -> None:
    rival.request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await rival.request
    rival.connection.execute("ROLLBACK")
    assert (await scene.names(), await scene.keys()) == (["zero"], ["k0"])
    answers = await asyncio.gather(*(scene.post(anna, f"k{number}", name=f"{number}") for number in range(1, 11)))
    assert {answer.status_code for answer in answers} == {201}


async def test_readyz_tells_that_the_database_is_gone(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "ASK_EVERY", 0.0)
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
