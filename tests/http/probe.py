"""A throwaway table and router on the product's kernel: what no product route does on purpose."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, Depends, FastAPI, Query
from sqlalchemy import text

from app import ids
from app.db import Database
from app.edge.at import At, Place
from app.errors import AppError, Invalid, PreconditionFailed
from app.http import audiences
from app.http.pagination import Paging, ordered
from app.http.schemas import In, Name, Out, Page
from app.listing import Found, page_in
from app.main import create_app
from tests.conftest import Cluster
from tests.world import World

ByName = Annotated[Paging, Depends(ordered("name", "-name"))]
TABLE = """
CREATE TABLE probe (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT probe_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
);
CREATE FUNCTION refuse_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'x' USING ERRCODE = substr(NEW.name, 11); END $$;
CREATE CONSTRAINT TRIGGER probe_refused_at_commit AFTER INSERT ON probe DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name LIKE 'at commit %') EXECUTE FUNCTION refuse_at_commit();
GRANT ALL ON probe TO beatrice_app;
GRANT SELECT, INSERT ON probe TO beatrice_hr;
"""


class ProbeTaken(AppError, status=409, code="probe_taken", constraints=("probe_name_key",)):
    """Test only: another probe has this name."""


class ProbeRefused(AppError, status=409, code="probe_refused"):
    """Test only: refused by a rule."""


class ProbeIn(In):
    name: Name
    refuse: str | None = None


class ProbeOut(Out):
    id: str
    name: str
    version: int


@dataclass
class Scene:
    """The app with the probe router, a client, and switches for what its endpoints do."""

    database: Database
    world: World
    client: httpx.AsyncClient
    app: FastAPI
    calls: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    meeting: list[asyncio.Event] = field(default_factory=list)

    async def names(self) -> list[str]:
        return [row[0] for row in await self.world.execute("SELECT name FROM probe ORDER BY name")]

    async def keys(self) -> list[str]:
        return [row[0] for row in await self.world.execute("SELECT key FROM idempotency_key ORDER BY key")]

    async def post(self, headers: dict[str, str], key: str | None = None, **body: Any) -> httpx.Response:
        extra = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post("/v1/me/probes", json=body, headers=headers | extra)


def router(stage: "Stage") -> APIRouter:
    made = audiences.employee_router()

    @made.command("/probes", "person", status=201, errors=[ProbeTaken, ProbeRefused])
    async def probe_create(at: At, body: ProbeIn) -> ProbeOut:
        return await _create(stage.scene, body, at)

    @made.command("/secrets", "person", status=201, stores_answer=False)
    async def probe_secret(at: At, body: ProbeIn) -> ProbeOut:
        return await _create(stage.scene, body, at)

    @made.command("/free_probes", "person", keyed=False, status=201, errors=[ProbeTaken])
    async def probe_create_free(at: At, body: ProbeIn) -> ProbeOut:
        return await _create(stage.scene, body, at)

    @made.list("/probes", "person")
    async def probe_list(
        at: At,
        paging: ByName,
        prefix: str = "",
        tag: Annotated[list[str] | None, Query()] = None,
    ) -> Page[ProbeOut]:
        del tag
        rows = await at.session.execute(
            text("SELECT id, name, version FROM probe WHERE name LIKE :like"), {"like": prefix + "%"}
        )
        return paging.page(page_in(rows.all(), paging.window, {"name": lambda row: [row.name]}), _out)

    @made.list("/other_probes", "person")
    async def probe_list_elsewhere(paging: ByName) -> Page[ProbeOut]:
        return paging.page(Found([]), _out)

    @made.change("/probes/{name}", "person")
    async def probe_update(at: At, name: str, body: ProbeIn) -> ProbeOut:
        row = (
            await at.session.execute(
                text(
                    "UPDATE probe SET name = :new, version = version + 1 WHERE name = :name AND version = :version"
                    " RETURNING *"
                ),
                {"new": body.name, "name": name, "version": at.expected_version},
            )
        ).one_or_none()
        if row is None:
            raise PreconditionFailed
        return at.tagged(row.version, _out(row))

    return made


async def _create(scene: Scene | None, body: ProbeIn, at: Place) -> ProbeOut:
    assert scene is not None
    assert at.actor.id is not None
    scene.calls += 1
    probe_id = ids.new_id()
    values = {"id": probe_id, "name": body.name}
    await at.session.execute(text("INSERT INTO probe (id, name) VALUES (:id, :name)"), values)
    await _misbehave(scene, body, at.session)
    return ProbeOut(id=ids.encode("net", probe_id), name=body.name, version=1)


async def _misbehave(scene: Scene, body: ProbeIn, session: Any) -> None:
    match body.refuse:
        case "rule":
            raise ProbeRefused(limit_cents=7)
        case "invalid":
            raise Invalid("/name", "odd", "is odd")
        case "wait":
            scene.started.set()
            await scene.release.wait()
        case "bug":
            raise RuntimeError("a canary that must not get out")
        case "deadlock":
            await _lock_crosswise(scene, session)
        case str(code) if code.startswith("sqlstate:"):
            state, _, times = code.removeprefix("sqlstate:").partition("*")
            if scene.calls <= int(times):
                await session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"))


async def _lock_crosswise(scene: Scene, session: Any) -> None:
    """Take two rows in opposite orders, meeting in the middle on the first try."""
    turn = len(scene.meeting)
    order = ("left", "right") if turn % 2 == 0 else ("right", "left")
    lock = text("SELECT 1 FROM probe WHERE name = :name FOR NO KEY UPDATE")
    await session.execute(lock, {"name": order[0]})
    if turn < 2:
        scene.meeting.append(asyncio.Event())
        if turn == 1:
            scene.release.set()
        await scene.release.wait()
    await session.execute(lock, {"name": order[1]})


def _out(row: Any) -> ProbeOut:
    return ProbeOut(id=ids.encode("net", row.id), name=row.name, version=row.version)


def prepare(cluster: Cluster, name: str) -> None:
    with cluster.admin(name) as connection:
        connection.execute(TABLE)
        connection.execute(f"ALTER DATABASE \"{name}\" SET deadlock_timeout = '50ms'")


@dataclass
class Stage:
    """One application for many scenes: unfolding its routes is dear."""

    app: FastAPI
    scene: Scene | None = None

    def set(self, database: Database, world: World) -> Scene:
        self.app.state.database = database
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url="http://beatrice.test")
        self.scene = Scene(database, world, client, self.app)
        return self.scene


def make_stage(database: Database) -> Stage:
    stage = Stage(create_app(database))
    stage.app.include_router(router(stage))
    return stage


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return a problem's members without the request's own id."""
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    return body


def principal_lock(principal: UUID, key: str) -> str:
    return f"hashtextextended('{principal} {key}', 0)"
