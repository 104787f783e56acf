"""A throwaway table and router on the product's kernel: what no product route does on purpose."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import UUID

import httpx
from fastapi import APIRouter, FastAPI, Query
from sqlalchemy import text
from starlette.responses import Response

from app import ids
from app.actor import Actor
from app.db import Database
from app.errors import AppError, Invalid
from app.http import audiences, etag
from app.http.access import access
from app.http.etag import ExpectedVersion
from app.http.pagination import PagingDep
from app.http.schemas import In, Name, Out, Page
from app.http.session import ActorDep, SessionDep
from app.main import create_app
from tests.conftest import Cluster
from tests.world import World

TABLE = """
CREATE TABLE probe (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT probe_name_key UNIQUE (name) DEFERRABLE INITIALLY DEFERRED
);
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

    @made.post("/probes", status_code=201, response_model=ProbeOut)
    @access("person", idempotent=True, errors=[ProbeTaken, ProbeRefused])
    async def probe_create(body: ProbeIn, session: SessionDep, actor: ActorDep) -> ProbeOut:
        return await _create(stage.scene, body, session, actor)

    @made.post("/secrets", status_code=201, response_model=ProbeOut)
    @access("person", idempotent=True, stores_answer=False)
    async def probe_secret(body: ProbeIn, session: SessionDep, actor: ActorDep) -> ProbeOut:
        return await _create(stage.scene, body, session, actor)

    @made.post("/free_probes", status_code=201, response_model=ProbeOut)
    @access("person", errors=[ProbeTaken])
    async def probe_create_free(body: ProbeIn, session: SessionDep, actor: ActorDep) -> ProbeOut:
        return await _create(stage.scene, body, session, actor)

    @made.get("/probes", response_model=Page[ProbeOut])
    @access("person")
    async def probe_list(
        session: SessionDep,
        page: PagingDep,
        prefix: str = "",
        tag: Annotated[list[str] | None, Query()] = None,
    ) -> Page[ProbeOut]:
        del tag
        after = page.after[0] if page.after else ""
        rows = await session.execute(
            text("SELECT id, name, version FROM probe WHERE name > :after AND name LIKE :like ORDER BY name LIMIT :n"),
            {"after": after, "like": prefix + "%", "n": page.fetch},
        )
        return page.page(rows.all(), _out, lambda row: [row.name])

    @made.get("/other_probes", response_model=Page[ProbeOut])
    @access("person")
    async def probe_list_elsewhere(page: PagingDep) -> Page[ProbeOut]:
        return page.page([], _out, lambda row: [row.name])

    @made.patch("/probes/{name}", response_model=ProbeOut)
    @access("person")
    async def probe_update(
        name: str, version: ExpectedVersion, body: ProbeIn, session: SessionDep, response: Response
    ) -> ProbeOut:
        row = (
            await session.execute(
                text(
                    "UPDATE probe SET name = :new, version = version + 1 WHERE name = :name AND version = :version"
                    " RETURNING *"
                ),
                {"new": body.name, "name": name, "version": version},
            )
        ).one_or_none()
        if row is None:
            raise etag.PreconditionFailed
        etag.set_etag(response, row.version)
        return _out(row)

    return made


async def _create(scene: Scene | None, body: ProbeIn, session: Any, actor: Actor) -> ProbeOut:
    assert scene is not None
    assert actor.id is not None
    scene.calls += 1
    probe_id = ids.new_id()
    await session.execute(text("INSERT INTO probe (id, name) VALUES (:id, :name)"), {"id": probe_id, "name": body.name})
    await _misbehave(scene, body, session)
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
