"""The application: routers, problem handlers, middleware, probes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

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
from app.http import docs, examples, problems
from app.http.middleware import Edge
from app.http.route import BeatriceRoute
from app.http.schemas import FieldError, Problem

ASK_EVERY = 1.0
"""Seconds."""
DESCRIPTION = "Territorial welfare: company credit, local care, booking and settlement. Times are UTC, money is cents."


def create_app(database: Database) -> FastAPI:
    """Build the API on a database; the caller owns the database's life."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await database.dispose()

    app = FastAPI(
        title="Beatrice",
        version="1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if settings().shows_docs else None,
        redirect_slashes=False,
        exception_handlers=_handlers(),
        separate_input_output_schemas=False,
    )
    app.state.database = database
    payment_days.load_calendars()
    app.state.sweeps = api.SWEEPS
    app.state.passes = api.PASSES
    app.state.refusals = Sample()
    for router in api.ROUTERS + (api.SANDBOX_ROUTERS if settings().sandbox else ()):
        app.router.routes.extend(router.routes)  # include_router would match every request twice
    if settings().shows_docs:
        docs.mount(app)
    _probes(app)
    if settings().shows_metrics:
        _metrics(app)
    app.openapi = _openapi(app)  # type: ignore[method-assign]
    app.add_middleware(Edge, sandbox=settings().sandbox, requests_per_minute=settings().requests_per_minute)
    return app


def _handlers() -> dict[int | type[Exception], Callable[[Request, Exception], Coroutine[None, None, Response]]]:
    kinds = (AppError, RequestValidationError, HTTPException, DBAPIError, SQLAlchemyError)
    return dict.fromkeys(kinds, problems.handle)


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
            return problems.response(Busy(), problems.request_id_of(request))
        return JSONResponse({"status": "ok"})

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
                title=app.title, version=app.version, description=app.description, routes=app.router.routes
            )
            components = schema.setdefault("components", {}).setdefault("schemas", {})
            for model in (Problem, FieldError):
                components[model.__name__] = model.model_json_schema(
                    ref_template="#/components/schemas/{model}", mode="serialization"
                )
                components[model.__name__].pop("$defs", None)
            components.pop("HTTPValidationError", None)
            components.pop("ValidationError", None)
            _secure(schema)
            examples.add_examples(schema)
            app.openapi_schema = schema
        return app.openapi_schema

    return build


def _secure(schema: examples.Document) -> None:
    """Name the two ways in, and which routes need them."""
    schema["components"]["securitySchemes"] = {
        "password": {"type": "oauth2", "flows": {"password": {"tokenUrl": "/v1/auth/token", "scopes": {}}}},
        "bearer": {"type": "http", "scheme": "bearer", "description": "A session token or an API key"},
    }
    public = {
        route.operation_id
        for router in api.ROUTERS
        for route in router.routes
        if isinstance(route, BeatriceRoute) and route.access.permission == "public"
    }
    for path in schema["paths"].values():
        for operation in path.values():
            if operation.get("operationId") not in public:
                operation["security"] = [{"password": []}, {"bearer": []}]
