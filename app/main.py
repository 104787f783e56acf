"""The application: routers, problem handlers, middleware, probes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app import api
from app.banking import payment_days
from app.config import settings
from app.db import Database
from app.edge.refused import Sample
from app.errors import AppError, Busy
from app.http import audiences, docs, error_pages, examples, inputs, merge_patch, openapi, paths, problems
from app.http.location import readable
from app.http.middleware import Edge
from app.http.route import BeatriceRoute
from app.http.schemas import FieldError, Problem, Status
from app.portal import boundaries, static
from app.portal.render import handle, respond
from app.portal.wire import Browser
from app.sandbox import demo_examples

ASK_EVERY = 1.0
"""Seconds."""
VERSION = "1.0.0"
"""Of the contract: `/v1` changes only by addition, which raises the number in the middle."""
SUMMARY = "Territorial welfare: company credit, local care, booking and settlement."
STATUS_OK = {"type": "about:blank", "title": "OK", "status": 200, "detail": "The service answers."}
STATUS_ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {
        "description": described,
        "content": {problems.MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    for status, described, schema in (
        (200, "The service answers.", "Status"), (429, "`rate_limited`: too many requests.", "Problem"),
        (503, "`busy`: the database cannot be reached.", "Problem"),
    )
}  # fmt: skip


def create_app(database: Database) -> FastAPI:
    """Build the API on a database; the caller owns the database's life."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = FastAPI(
        title="Beatrice",
        version=VERSION,
        summary=SUMMARY,
        description=docs.introduction(sandbox=settings().sandbox),
        servers=[_server()],
        contact={"name": "Whoever runs this installation", "url": settings().public_url},
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers=_handlers(),
        separate_input_output_schemas=False,
    )
    app.state.database = database
    payment_days.load_calendars()
    boundaries.in_force()
    app.state.sweeps = api.SWEEPS
    app.state.passes = api.PASSES
    app.state.refusals = Sample()
    of_sandbox = api.SANDBOX_ROUTERS + api.SANDBOX_PAGES if settings().sandbox else ()
    for router in api.ROUTERS + api.PAGES + of_sandbox:
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    paths.keep_apart(_json_routes(app))
    app.state.readable = readable({route.path for route in _json_routes(app) if route.methods == {"GET"}})
    if settings().shows_docs:
        docs.mount(app)
    error_pages.mount(app)
    _probes(app)
    if settings().shows_metrics:
        _metrics(app)
    app.mount("/static", static.files(), name="static")
    app.openapi = _openapi(app)  # type: ignore[method-assign]
    app.add_middleware(
        Edge,
        sandbox=settings().sandbox,
        requests_per_minute=settings().requests_per_minute,
        origins=settings().cors_origins,
        public=[route.path_regex for route in _json_routes(app) if route.access.fresh_seconds is not None]
        + [re.compile(r"^(/openapi\.json|/v1/status)$")],
        respond=respond,
    )
    app.add_middleware(Browser)
    return app


def _server() -> dict[str, object]:
    """Say where this is; catalogues of public APIs forgive a sandbox that it speaks http."""
    here: dict[str, object] = {"url": settings().public_url, "description": "This installation"}
    return here | ({"x-sandbox": True} if settings().sandbox else {})


def _json_routes(app: FastAPI) -> list[BeatriceRoute]:
    return [route for route in app.router.routes if isinstance(route, BeatriceRoute)]


def _handlers() -> dict[int | type[Exception], Callable[[Request, Exception], Coroutine[None, None, Response]]]:
    kinds = (AppError, RequestValidationError, HTTPException, DBAPIError, SQLAlchemyError)
    return dict.fromkeys(kinds, handle)


class Readiness:
    """Whether the database answers, asked at most once a second: a probe has no limit and must cost nothing."""

    def __init__(self) -> None:
        self._asking = asyncio.Lock()
        self._answer = False
        self._asked = -ASK_EVERY

    async def now(self, database: Database) -> bool:
        async with self._asking:
            if time.monotonic() - self._asked >= ASK_EVERY:
                self._answer = await self._ask(database)
                self._asked = time.monotonic()
            return self._answer

    async def _ask(self, database: Database) -> bool:
        try:
            async with database.begin():
                return True
        except (SQLAlchemyError, OSError):
            return False


def _probes(app: FastAPI) -> None:
    async def livez(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    ready = Readiness()

    async def readyz(request: Request) -> Response:
        if not await ready.now(request.app.state.database):
            return problems.response(Busy(), problems.request_id_of(request), problems.language_of(request))
        return JSONResponse({"status": "ok"})

    async def status_get(request: Request) -> Response:
        """Whether the service answers and reaches its database, as catalogues of public APIs ask."""
        if not await ready.now(request.app.state.database):
            return problems.response(Busy(), problems.request_id_of(request), problems.language_of(request))
        return JSONResponse(STATUS_OK, media_type=problems.MEDIA_TYPE)

    for path, operation_id in (("/v1/status", "status_get"), ("/status", "status_find")):
        app.add_api_route(
            path, status_get, tags=["Public"], operation_id=operation_id, responses=STATUS_ANSWERS,
            summary="Tell whether the service answers", response_class=Response,
        )  # fmt: skip
    app.add_route("/livez", livez, include_in_schema=False)
    app.add_route("/readyz", readyz, include_in_schema=False)


def _metrics(app: FastAPI) -> None:
    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.add_route("/metrics", metrics, include_in_schema=False)


def _openapi(app: FastAPI) -> Callable[[], examples.Document]:
    def build() -> examples.Document:
        if app.openapi_schema is None:
            schema = get_openapi(
                title=app.title,
                version=app.version,
                summary=app.summary,
                description=app.description,
                routes=app.router.routes,
                tags=[tag for tag in audiences.TAGS if settings().sandbox or tag["name"] != "Sandbox"],
                servers=app.servers,
                contact=app.contact,
                license_info=app.license_info,
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            components.update(inputs.components(app.router.routes))
            for model in (Problem, FieldError, Status):
                components[model.__name__] = model.model_json_schema(
                    ref_template="#/components/schemas/{model}", mode="serialization"
                )
                components[model.__name__].pop("$defs", None)
            components.pop("HTTPValidationError", None)
            components.pop("ValidationError", None)
            inputs.put_defaults_into_words(components)
            merge_patch.describe(schema)
            openapi.finish(schema, _json_routes(app))
            examples.add_examples(schema, demo_examples.IDS if settings().sandbox else {})
            app.openapi_schema = schema
        return app.openapi_schema

    return build
