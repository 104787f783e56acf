"""The one owner of a request's transaction: first statement, permission, endpoint, audit, key row, COMMIT, answer.

A face (JSON, pages) is a subclass that says how a key is read, a body guarded and a refusal drawn.
"""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar, TypeVar

import structlog
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.actor import ANONYMOUS, Actor
from app.db import APP, Database, open_unit_of_work
from app.edge import act as acts
from app.edge import idempotency, refusals
from app.edge.access import ORDINARY_BYTES, Access
from app.edge.act import Act
from app.edge.at import Place
from app.edge.permissions import ALL_PERMISSIONS
from app.edge.refused import Sample, is_told
from app.edge.request import Audience, Opened, authorise, bearer, language_of, open_request, tenant_of
from app.errors import AppError, Busy, Invalid

log = structlog.get_logger()
T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
ATTEMPTS = 3
KEPT_REFUSALS = frozenset({404, 409, 422})
YES = frozenset({"1", "true", "t", "yes", "y", "on"})
"""What a query parameter may say for true, as pydantic reads it."""
METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class EdgeRoute(APIRoute, ABC):
    """A route of one audience; subclasses made for an audience set `audience`."""

    audience: ClassVar[Audience] = Audience("public")

    def __init__(self, path: str, endpoint: Callable[..., object], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        access: Access | None = getattr(endpoint, "__access__", None)
        if access is None or access.permission not in ALL_PERMISSIONS:
            raise RuntimeError(f"{path}: declare a known permission")
        self.access = access
        super().__init__(path, endpoint, **options)

    @abstractmethod
    def key_of(self, request: Request, raw: bytes) -> str:
        """Return the key of a command, or raise KeyMissing."""

    @abstractmethod
    async def refuse(self, error: AppError, request: Request) -> Response:
        """Draw a refusal."""

    @abstractmethod
    async def read(self, request: Request) -> bytes:
        """Read the body, guarded, and leave it where the framework looks for it."""

    def check_query(self, request: Request) -> None:
        """Refuse query parameters that are none."""

    def finish(self, request: Request, response: Response, place: Place) -> Response:  # noqa: ARG002 - for faces
        """Return the answer with what follows from request and place: its tag, where it may be kept."""
        return response

    def get_route_handler(self) -> Callable[[Request], Coroutine[None, None, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await self.answer(handler, request)
            except AppError as error:
                await self._tell(request, error)
                return await self.refuse(error, request)

        return handle

    async def _tell(self, request: Request, error: AppError) -> None:
        """Write a refusal of rights or proof into the audit trail: its own transaction was rolled back."""
        presented = request.headers.get("authorization") is not None
        placed = getattr(request.state, "place", None) is not None
        if not is_told(error, self.access, presented=presented, placed=placed):
            return
        sample: Sample = request.app.state.refusals
        times = sample.take(acts.origin_of(request).address, time.monotonic())
        if times == 0:
            return
        opened: Opened | None = getattr(request.state, "opened", None)
        if opened is None:
            acts.come_from(acts.origin_of(request))
        actor = ANONYMOUS
        if opened is not None and opened.principal_kind is not None:
            actor = Actor(opened.principal_kind, opened.principal_id, opened.organisation_id)
        action = (self.access.audit or ".".join(self.name.rpartition("_")[::2])) + ".refused"
        subject = tenant_of(request, self.audience)
        kind = action.partition(".")[0] if subject is None else self.audience.scope or "organisation"
        database: Database = request.app.state.database
        try:
            async with database.session() as session:
                await open_unit_of_work(session, APP)
                await acts.record_and_commit(
                    session, acts.new_act(actor, action, kind, subject, refusal=error.code, times=times)
                )
        except (SQLAlchemyError, OSError) as failure:
            log.warning("refusal_not_recorded", error_class=type(failure).__name__)

    async def answer(self, handler: Handler, request: Request) -> Response:
        """Answer one request; raises AppError for every refusal that is not kept under a key."""
        self.check_query(request)
        raw = b""
        if request.method in METHODS_WITH_BODY:
            if self.access.max_bytes > ORDINARY_BYTES:
                await self._require_identity(request)  # reading so much is work that no stranger gets done
            raw = await self._or_identity(request, self.read(request))
        key = None
        if self.access.idempotent and not self._rehearsal(request):
            key = await self._or_identity(request, self._key(request, raw))
        for attempt in range(ATTEMPTS):
            try:
                return await self._attempt(handler, request, key, raw)
            except DBAPIError as error:
                if not _worth_another_try(error) or attempt == ATTEMPTS - 1:
                    raise refusals.from_database(error) from error
                await asyncio.sleep(random.uniform(0.01, 0.2))  # noqa: S311 - jitter
        raise Busy

    def _rehearsal(self, request: Request) -> bool:
        return self.access.rehearses and request.query_params.get("dry_run", "").lower() in YES

    async def _key(self, request: Request, raw: bytes) -> str:
        return self.key_of(request, raw)

    async def _or_identity(self, request: Request, work: Awaitable[T]) -> T:
        """Do the work; a stranger learns 401 or 404 before what is wrong with the body or key."""
        try:
            return await work
        except AppError:
            await self._require_identity(request)
            raise

    async def _require_identity(self, request: Request) -> None:
        database: Database = request.app.state.database
        token_hash = bearer(request)
        async with database.session() as session:
            opened = await open_request(
                session, request, self.audience, token_hash=token_hash, key=None, fingerprint=None
            )
            await session.rollback()
        _known(request, opened)
        authorise(self.access, self.audience, opened, presented=token_hash is not None)

    async def _attempt(self, handler: Handler, request: Request, key: str | None, raw: bytes) -> Response:
        database: Database = request.app.state.database
        token_hash = bearer(request)
        print_ = idempotency.fingerprint(request, raw) if key is not None else b""
        async with database.session() as session:
            opened = await open_request(
                session, request, self.audience, token_hash=token_hash, key=key, fingerprint=print_ or None
            )
            _known(request, opened)
            actor = authorise(self.access, self.audience, opened, presented=token_hash is not None)
            if (answered := _answered(opened, key, print_)) is not None:
                await session.rollback()
                return answered
            place = Place(session, actor, language_of(request, actor), tenant_of(request, self.audience))
            request.state.place = place
            try:
                response = await handler(request)
                response = self.finish(request, response, place)
                act = self._act(request, place)
            except AppError as error:
                await (session.commit() if error.commits else session.rollback())
                if key is None or not _is_kept(error) or actor.id is None:
                    raise
                return await self._keep_refusal(request, key, print_, error)
            except DBAPIError as error:
                await session.rollback()
                if key is None or refusals.retryable(error):
                    raise
                refused = refusals.from_database(error)
                if not _is_kept(refused):
                    raise refused from error
                return await self._keep_refusal(request, key, print_, refused)
            # The last statement brings COMMIT along; the answer leaves when both have succeeded.
            if key is not None and self.access.stores_answer and actor.id is not None:
                await idempotency.keep_and_commit(session, actor.id, key, print_, response, act)
            elif act is not None:
                await acts.record_and_commit(session, act)
            else:
                await session.commit()
        return response

    def _act(self, request: Request, place: Place) -> Act | None:
        """Return the audit entry that the route declares; a rehearsal does nothing that one could tell of."""
        if self.access.audit is None or self._rehearsal(request):
            return None
        named = [value for name, value in request.path_params.items() if name.endswith("_id")]
        subject = place.subject or (ids.split(str(named[-1]))[1] if named else None)
        kind = self.access.audit.partition(".")[0] if place.shown is None else "organisation"
        return acts.new_act(place.actor, self.access.audit, kind, subject, shown=place.shown)

    async def _keep_refusal(self, request: Request, key: str, print_: bytes, error: AppError) -> Response:
        """Store a business refusal in its own short transaction; whoever stored an answer first is right."""
        database: Database = request.app.state.database
        refusal = await self.refuse(error, request)
        async with database.session() as session:
            opened = await open_request(
                session, request, self.audience, token_hash=bearer(request), key=key, fingerprint=print_
            )
            if (answered := _answered(opened, key, print_)) is not None:
                await session.rollback()
                return answered
            if opened.principal_id is not None:
                await idempotency.keep_and_commit(session, opened.principal_id, key, print_, refusal)
        return refusal


def _known(request: Request, opened: Opened) -> None:
    """Keep who calls for the log and for what is told of a refusal."""
    request.state.opened = opened
    request.scope["actor_kind"] = opened.principal_kind or "anonymous"
    request.scope["actor_id"] = opened.principal_id


def _worth_another_try(error: DBAPIError) -> bool:
    """Whether a second try may do better: after a deadlock, or to replay the answer that somebody stored meanwhile."""
    return refusals.retryable(error) or refusals.constraint_name(error) in idempotency.KeyInUse.constraints


def _is_kept(error: AppError) -> bool:
    """Business refusals are kept under the key; validation is not, wherever it was found out."""
    return error.status in KEPT_REFUSALS and not isinstance(error, Invalid)


def _answered(opened: Opened, key: str | None, print_: bytes) -> Response | None:
    match opened.key_state:
        case "in_use":
            raise idempotency.KeyInUse
        case "reused":
            raise idempotency.KeyReused
        case "answered" if key and opened.principal_id is not None and opened.sealed_answer is not None:
            return idempotency.replay(opened.principal_id, key, print_, opened.sealed_answer)
        case _:
            return None
