"""The HTML face of the edge: one router per audience, pages (GET) and forms (POST), each standing for an endpoint.

From that endpoint a page takes permission, proof, key and audit entry, so that it can never allow more.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qs, quote, unquote, urlencode

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match

from app.edge import idempotency
from app.edge.access import ORDINARY_BYTES, Access, BodyKind
from app.edge.at import Place
from app.edge.permissions import permissions_of
from app.edge.route import METHODS_WITH_BODY, EdgeRoute, Handler
from app.errors import AppError, StepUpRequired, Unauthorised
from app.http import body, problems
from app.http.audiences import Routes
from app.portal import forms, render, wire

F = TypeVar("F", bound=Callable[..., object])
OK = 200
FORM = "application/x-www-form-urlencoded"
RESUMED = "resumed"
Resuming = tuple[Response, dict[str, list[str]], str | None]
"""The redirect that a page takes the place of, what was typed on it, and for whom it is drawn."""
PATIENCE = 25
WAIT = 0.2
"""Seconds between looks at what the first of two clicks came to."""
REDRAWN = frozenset({400, 401, 403, 409, 412, 422})
"""Refusals of a form that are shown beside it, with what was typed."""


class CrossSite(AppError, status=403, code="cross_site"):
    """This form was sent from another site: open the page here and send it again."""


class PageRoute(EdgeRoute):
    """A page; `page` is the address to which its form belongs, with the same path parameters."""

    page: ClassVar[str | None] = None

    def __init__(self, path: str, endpoint: Callable[..., object], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        options |= {"include_in_schema": False, "response_model": None}
        super().__init__(path, endpoint, **options)
        self.belongs_to: str | None = getattr(endpoint, "__belongs_to__", None)

    async def answer(self, handler: Handler, request: Request) -> Response:
        """Let a second click wait for the answer of the first: its refusal would hide a booking that was made."""
        if request.method in METHODS_WITH_BODY and not wire.same_origin(request.headers):
            raise CrossSite
        for _ in range(PATIENCE):
            try:
                return await _resumed(request, await super().answer(handler, request))
            except idempotency.KeyInUse:
                await asyncio.sleep(WAIT)
            except RequestValidationError as error:
                raise problems.from_validation(error) from None
        raise idempotency.KeyInUse

    def key_of(self, request: Request, raw: bytes) -> str:  # noqa: ARG002 - the JSON face finds its key there
        keys = parse_qs(raw.decode("utf-8", "replace")).get(forms.KEY, [])
        if len(keys) != 1 or not 1 <= len(keys[0]) <= forms.KEY_MAX or not keys[0].isalnum():
            raise idempotency.KeyMissing
        return f"page:{keys[0]}"

    async def read(self, request: Request) -> bytes:
        raw = await body.read_body(request, self.access, declared=True, required=False)
        if request.headers.get("content-type", "").startswith(FORM):
            request.state.kept = forms.kept(raw)
        return raw

    async def refuse(self, error: AppError, request: Request) -> Response:
        here = request.url.path
        if self.belongs_to is not None:
            here = self.belongs_to.format(**request.path_params)
        if isinstance(error, Unauthorised):
            return await self._unknown(request, here, error)
        if isinstance(error, StepUpRequired):
            return await _asked_first(request, "/step_up", here, error)
        if self.belongs_to is not None and error.status in REDRAWN and not isinstance(error, CrossSite):
            drawn = await draw(request, here, error.status, forms.Refused(error, await forms.typed(request)))
            if drawn is None:
                raise RuntimeError(f"{here}: no page draws this form")
            return drawn
        return render.problem(request, error)

    async def _unknown(self, request: Request, here: str, error: AppError) -> Response:
        """Answer whose session is none: forget it, and let her log in, where that helps."""
        if self.access.permission == "public" and request.method != "POST":
            return _forgotten(request, RedirectResponse(str(request.url.replace(scheme="", netloc="")), 303))
        ended = {"done": "ended"} if "authorization" in request.headers else {}
        if self.access.permission == "public":
            return _forgotten(request, to(here, **ended))
        return _forgotten(request, await _asked_first(request, "/login", here, error, **ended))


async def draw(
    request: Request, path: str, status: int, came_back: forms.Refused, *, token: str | None = None, **query: str
) -> Response | None:
    """Draw a page of ours as the answer to this request, in a transaction of its own; None where there is no such page.

    With a token (`""`: a stranger's) it is drawn for whom that names.
    """
    scope = {**request.scope, "method": "GET", "path": path, "raw_path": quote(path).encode()}
    scope |= {"query_string": urlencode(query).encode(), "state": {"refused": came_back}}
    if token is not None:
        kept = [pair for pair in scope["headers"] if pair[0] != b"authorization"]
        scope["headers"] = kept + ([(b"authorization", f"Bearer {token}".encode())] if token else [])
    for route in request.app.router.routes:
        if isinstance(route, PageRoute):
            match, child = route.matches(scope)
            if match is Match.FULL:
                drawn = await route.get_route_handler()(Request({**scope, **child}))
                if drawn.status_code == OK:  # not refused itself
                    drawn.status_code = status
                return drawn
    return None


async def _asked_first(request: Request, path: str, here: str, error: AppError, **said: str) -> Response:
    """Lead to the page that asks who somebody is; what she typed goes along, and comes back with `resuming`."""
    kept: str = getattr(request.state, "kept", "")
    if kept:
        came_back = forms.Refused(None, {"next": [here], forms.KEPT: [kept]})
        token = "" if isinstance(error, Unauthorised) else None
        drawn = await draw(request, path, error.status, came_back, token=token, **said)
        if drawn is not None:
            return drawn
    return to(path, next=here, **said)


def resuming(request: Request, form: forms.Typed, answer: Response, token: str | None = None) -> Response:
    """Let the page of a form that was interrupted come back with what was typed, once this answer counts."""
    if form.get(forms.KEPT):
        waiting: Resuming = answer, forms.unkept(str(form[forms.KEPT])), token
        request.state.resuming = waiting
    return answer


async def _resumed(request: Request, answer: Response) -> Response:
    waiting: Resuming | None = getattr(request.state, "resuming", None)
    if waiting is None or waiting[0] is not answer:
        return answer
    _, values, token = waiting
    path = answer.headers["location"].partition("?")[0]
    drawn = await draw(request, path, OK, forms.Refused(None, values), token=token, done=RESUMED)
    if drawn is None or drawn.status_code != OK:
        return answer
    for cookie in answer.headers.getlist("set-cookie"):
        drawn.headers.append("set-cookie", cookie)
    return drawn


class Pages(APIRouter):
    """The pages of one audience."""

    def page(self, path: str, stands_for: Callable[..., object] | None = None) -> Callable[[F], F]:
        """Draw what an endpoint answers (None: a page that asks nothing of anybody)."""
        return self._declared(path, ["GET", "HEAD"], replace(_access(stands_for), step_up=None))

    def form(
        self,
        path: str,
        stands_for: Callable[..., object],
        *,
        page: str,
        body: BodyKind = "form",
        max_bytes: int = ORDINARY_BYTES,
    ) -> Callable[[F], F]:
        """Take a form and call the endpoint; a refusal is drawn on the `page` that the form stands on."""
        access = replace(_access(stands_for), body=body, max_bytes=max_bytes)
        return self._declared(path, ["POST"], access, page)

    def _declared(self, path: str, methods: list[str], access: Access, page: str | None = None) -> Callable[[F], F]:
        def declare(endpoint: F) -> F:
            endpoint.__access__ = access  # type: ignore[attr-defined]
            endpoint.__belongs_to__ = page  # type: ignore[attr-defined]
            self.add_api_route(path, endpoint, methods=methods)
            return endpoint

        return declare


def pages(of: Routes) -> Pages:
    """Return a router of pages for the audience of an API router: same tenant check, same database role."""
    audience = of.route_class.audience  # type: ignore[attr-defined]
    kind = type(f"{audience.name.title()}Page", (PageRoute,), {"audience": audience})
    prefix = of.prefix.removeprefix("/v1")
    return Pages(prefix=prefix, route_class=kind, redirect_slashes=False, dependencies=of.dependencies)


def _access(endpoint: Callable[..., object] | None) -> Access:
    access: Access | None = getattr(endpoint, "__access__", None)
    return Access("public") if access is None else access


def may(at: Place, endpoint: Callable[..., object]) -> bool:
    """Whether the caller's roles here allow an endpoint: for what a page shows beside what it stands for."""
    return _access(endpoint).permission in permissions_of(at.actor.roles)


def to(path: str, **query: str) -> RedirectResponse:
    """Lead on to a page of ours after a form."""
    said = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
    return RedirectResponse(path + ("?" + said if said else ""), 303)


def onward(given: str | None, otherwise: str) -> str:
    """Return where to go after logging in: a path of ours, never another host."""
    path = unquote(given or "")
    return path if forms.OWN_PATH.fullmatch(path) and not path.startswith("//") else otherwise


def _forgotten(request: Request, answer: Response) -> Response:
    """Let the browser forget a session that has ended."""
    answer.delete_cookie(wire.cookie_name(request.scope), path="/", secure=wire.is_secure(request.scope), httponly=True)
    return answer
