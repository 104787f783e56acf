"""The one route class: body guard, first statement, permission, endpoint, key row, COMMIT, answer."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import Response

from app.db import Database
from app.errors import AppError, Busy, Forbidden, Invalid, NotFound, Unauthorised
from app.http import body, idempotency, problems
from app.http.access import Access
from app.http.edge import Audience, Opened, authorise, bearer, open_request
from app.http.etag import PreconditionFailed, PreconditionRequired, set_content_etag
from app.http.permissions import ALL_PERMISSIONS
from app.http.problems import RateLimited
from app.http.schemas import Page

Handler = Callable[[Request], Awaitable[Response]]
ATTEMPTS = 3
ORDINARY_BYTES = 64 * 1024
KEPT_REFUSALS = frozenset({404, 409, 422})
INTEGER = re.compile(r"-?[0-9]{1,20}")
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class RepeatedParameter(AppError, status=400, code="repeated_parameter"):
    """A query parameter that takes one value was given twice."""


class BeatriceRoute(APIRoute):
    """A route of one audience; subclasses made by audiences.py set `audience`."""

    audience: ClassVar[Audience] = Audience("public")

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        access: Access | None = getattr(endpoint, "__access__", None)
        if access is None or access.permission not in ALL_PERMISSIONS:
            raise RuntimeError(f"{path}: declare a known permission with @access")
        self.access = access
        options["operation_id"] = endpoint.__name__
        methods = set(options.get("methods") or ())
        options["responses"] = {
            **problems.described(_documented(access, self.audience, methods, path)),
            **(options.get("responses") or {}),
        }
        if access.idempotent:
            extra = options.get("openapi_extra") or {}
            options["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", []), idempotency.PARAMETER]}
        super().__init__(path, endpoint, **options)
        query = [field for field in get_flat_params(self.dependant) if isinstance(field.field_info, Query)]
        self.query_names = {field.alias for field in query}
        self.repeatable = {field.alias for field in query if "list" in str(field.field_info.annotation)}
        self.shows_one = methods == {"GET"} and not _is_page(self.response_model)
        self.integers = {field.alias for field in query if re.search(r"\bint\b", str(field.field_info.annotation))}

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await _respond(self, handler, request)
            except Exception as error:
                if isinstance(error, AppError):
                    return problems.response(error, problems.request_id_of(request))
                raise

        return handle


def _is_page(model: Any) -> bool:  # noqa: ANN401 - FastAPI's
    return isinstance(model, type) and issubclass(model, Page)


def _documented(access: Access, audience: Audience, methods: set[str], path: str) -> dict[int, list[type[AppError]]]:
    kinds: list[type[AppError]] = [Invalid, Busy, RateLimited, RepeatedParameter]
    if access.permission != "public":
        kinds += [Unauthorised]
    if access.permission not in {"public", "session"}:
        kinds += [Forbidden]
    if "{" in path or audience.tenant or access.body != "form":
        kinds += [NotFound]
    if methods & METHODS_WITH_BODY:
        kinds += [body.MalformedBody, body.BodyTooLarge, body.UnsupportedMediaType, body.BodyTooSlow]
    if access.permission == "public":
        kinds += [Unauthorised]
    if "PATCH" in methods:
        kinds += [PreconditionRequired, PreconditionFailed]
    if access.idempotent:
        kinds += [idempotency.KeyMissing, idempotency.KeyInUse, idempotency.KeyReused]
    grouped: dict[int, list[type[AppError]]] = {}
    for kind in dict.fromkeys([*kinds, *access.errors]):
        grouped.setdefault(kind.status, []).append(kind)
    return grouped


async def _respond(route: BeatriceRoute, handler: Handler, request: Request) -> Response:
    access = route.access
    _check_query(route, request)
    raw = b""
    if request.method in METHODS_WITH_BODY:
        declared = route.body_field is not None or access.body in {"csv", "json_or_csv"}
        required = route.body_field is not None and route.body_field.field_info.is_required()
        if access.max_bytes > ORDINARY_BYTES:
            await _require_identity(route, request)  # reading so much is work that no stranger gets done
        try:
            raw = await body.read_body(request, access, declared=declared, required=required)
        except AppError:
            await _require_identity(route, request)
            raise
    key = None
    rehearsal = access.rehearses and request.query_params.get("dry_run", "").lower() in {"true", "1"}
    if access.idempotent and not rehearsal:
        try:
            key = idempotency.key_of(request)
        except AppError:
            await _require_identity(route, request)
            raise
    for attempt in range(ATTEMPTS):
        try:
            return await _attempt(route, handler, request, key, raw)
        except DBAPIError as error:
            if not problems.retryable(error) or attempt == ATTEMPTS - 1:
                raise problems.from_database(error) from error
            await asyncio.sleep(random.uniform(0.01, 0.2))  # noqa: S311 - jitter
    raise Busy


async def _require_identity(route: BeatriceRoute, request: Request) -> None:
    """A stranger learns 401 or 404 before what is wrong with the body."""
    database: Database = request.app.state.database
    token_hash = bearer(request)
    async with database.session() as session:
        opened = await open_request(session, request, route.audience, token_hash=token_hash, key=None, fingerprint=None)
        await session.rollback()
    authorise(route.access, route.audience, opened, presented=token_hash is not None)


async def _attempt(route: BeatriceRoute, handler: Handler, request: Request, key: str | None, raw: bytes) -> Response:
    access = route.access
    database: Database = request.app.state.database
    token_hash = bearer(request)
    print_ = idempotency.fingerprint(request, raw) if key is not None else None
    async with database.session() as session:
        opened = await open_request(
            session, request, route.audience, token_hash=token_hash, key=key, fingerprint=print_
        )
        actor = authorise(access, route.audience, opened, presented=token_hash is not None)
        if (answered := _answered(opened)) is not None:
            await session.rollback()
            return answered
        request.state.session = session
        request.state.actor = actor
        request.scope["actor_kind"] = actor.kind
        try:
            response = await handler(request)
            if route.shows_one:
                set_content_etag(response)
            if key is not None and print_ is not None and access.stores_answer and actor.id is not None:
                await idempotency.keep(session, actor.id, key, print_, response)
        except AppError as error:
            await (session.commit() if error.commits else session.rollback())
            if key is None or print_ is None or not _is_kept(error) or actor.id is None:
                raise
            refusal = problems.response(error, problems.request_id_of(request))
            return await _keep_refusal(database, request, route, key, print_, refusal)
        except DBAPIError as error:
            await session.rollback()
            if problems.constraint_name(error) == "idempotency_key_pkey":
                raise idempotency.KeyInUse from error
            if key is None or print_ is None or problems.retryable(error):
                raise
            refused = problems.from_database(error)
            if not _is_kept(refused):
                raise refused from error
            refusal = problems.response(refused, problems.request_id_of(request))
            return await _keep_refusal(database, request, route, key, print_, refusal)
        await session.commit()
    return response


def _is_kept(error: AppError) -> bool:
    """Business refusals are kept under the key; validation is not, wherever it was found out."""
    return error.status in KEPT_REFUSALS and not isinstance(error, Invalid)


def _answered(opened: Opened) -> Response | None:
    match opened.key_state:
        case "in_use":
            raise idempotency.KeyInUse
        case "reused":
            raise idempotency.KeyReused
        case "answered" if opened.principal_id is not None and opened.sealed_answer is not None:
            return idempotency.replay(opened.principal_id, opened.sealed_answer)
        case _:
            return None


async def _keep_refusal(
    database: Database, request: Request, route: BeatriceRoute, key: str, print_: bytes, refusal: Response
) -> Response:
    """Store a business refusal in its own short transaction; whoever stored an answer first is right."""
    token_hash = bearer(request)
    async with database.session() as session:
        opened = await open_request(
            session, request, route.audience, token_hash=token_hash, key=key, fingerprint=print_
        )
        if (answered := _answered(opened)) is not None:
            await session.rollback()
            return answered
        if opened.principal_id is not None:
            await idempotency.keep(session, opened.principal_id, key, print_, refusal)
        await session.commit()
    return refusal


def _check_query(route: BeatriceRoute, request: Request) -> None:
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in route.query_names:
            raise Invalid("/query", "extra_forbidden", "an unknown query parameter was given")
        if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
            raise Invalid(f"/query/{name}", "nul_character", "NUL is not allowed in text")
        if name in seen and name not in route.repeatable:
            raise RepeatedParameter
        if name in route.integers and INTEGER.fullmatch(value) is None:
            raise Invalid(f"/query/{name}", "int_parsing", "must be an integer in plain digits")
        seen.add(name)
