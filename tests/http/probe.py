"""A throwaway table and router on the product's kernel: what no product route does on purpose."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import httpx
from fastapi import Depends, FastAPI, Query, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.db import Database
from app.edge.at import At
from app.errors import AppError, Invalid, PreconditionFailed
from app.http import audiences
from app.http.pagination import Paging, ordered
from app.http.schemas import In, Name, Out, Page
from app.listing import Found, page_in
from tests.world import World, client_at

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

    world: World
    client: httpx.AsyncClient
    calls: int = 0
    meetings: int = 0
    started: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)

    async def names(self) -> list[str]:
        return [row[0] for row in await self.world.execute("SELECT name FROM probe ORDER BY name")]

    async def keys(self) -> list[str]:
        return [row[0] for row in await self.world.execute("SELECT key FROM idempotency_key ORDER BY key")]

    async def post(self, headers: dict[str, str], key: str | None = None, **body: Any) -> httpx.Response:
        extra = {} if key is None else {"Idempotency-Key": key}
        return await self.client.post("/v1/me/probes", json=body, headers=headers | extra)


async def _made(request: Request, at: At, body: ProbeIn) -> ProbeOut:
    """Write a probe, then do what it asks for."""
    scene: Scene = request.app.state.scene
    scene.calls += 1
    probe_id = ids.new_id()
    values = {"id": probe_id, "name": body.name}
    await at.session.execute(text("INSERT INTO probe (id, name) VALUES (:id, :name)"), values)
    await _misbehave(scene, body, at.session)
    return ProbeOut(id=ids.encode("net", probe_id), name=body.name, version=1)


Made = Annotated[ProbeOut, Depends(_made)]
router = audiences.employee_router()


@router.command("/probes", "person", status=201, errors=[ProbeTaken, ProbeRefused])
async def probe_create(made: Made) -> ProbeOut:
    return made


@router.command("/secrets", "person", status=201, stores_answer=False)
async def probe_secret(made: Made) -> ProbeOut:
    return made


@router.command("/free_probes", "person", keyed=False, status=201, errors=[ProbeTaken])
async def probe_create_free(made: Made) -> ProbeOut:
    return made


@router.list("/probes", "person")
async def probe_list(
    at: At, paging: ByName, prefix: str = "", tag: Annotated[list[str] | None, Query()] = None
) -> Page[ProbeOut]:
    del tag
    listed = text("SELECT id, name, version FROM probe WHERE name LIKE :like")
    rows = (await at.session.execute(listed, {"like": prefix + "%"})).all()
    return paging.page(page_in(rows, paging.window, {"name": lambda row: [row.name]}), _out)


@router.list("/other_probes", "person")
async def probe_list_elsewhere(paging: ByName) -> Page[ProbeOut]:
    return paging.page(Found([]), _out)


@router.change("/probes/{name}", "person")
async def probe_update(at: At, name: str, body: ProbeIn) -> ProbeOut:
    renamed = (
        "UPDATE probe SET name = :new, version = version + 1 WHERE name = :name AND version = :version RETURNING *"
    )
    values = {"new": body.name, "name": name, "version": at.expected_version}
    row = (await at.session.execute(text(renamed), values)).one_or_none()
    if row is None:
        raise PreconditionFailed
    return at.tagged(row.version, _out(row))


def _out(row: Any) -> ProbeOut:
    return ProbeOut(id=ids.encode("net", row.id), name=row.name, version=row.version)


async def _misbehave(scene: Scene, body: ProbeIn, session: AsyncSession) -> None:
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


async def _lock_crosswise(scene: Scene, session: AsyncSession) -> None:
    """Take two rows in opposite orders, meeting in the middle on the first try."""
    scene.meetings += 1
    turn = scene.meetings
    lock = text("SELECT 1 FROM probe WHERE name = :name FOR NO KEY UPDATE")
    for name in ("left", "right") if turn % 2 else ("right", "left"):
        await session.execute(lock, {"name": name})
        if turn == 2:
            scene.release.set()
        await scene.release.wait()


@asynccontextmanager
async def on(app: FastAPI, database: Database) -> AsyncIterator[Scene]:
    """Let an application that has the router work on a database."""
    async with client_at(app) as client:
        app.state.database, app.state.scene = database, Scene(World(database), client)
        yield app.state.scene
