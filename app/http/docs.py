"""The docs page, offline: Swagger UI from the locked package fastapi-swagger, the page and its policy our own."""

import json
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from app.http import caching
from app.http.etag import set_content_etag

DOCUMENT_SECONDS = 300
PAGE = Path(__file__).parent / "docs.html"
STATIC = Path(__file__).parent / "static"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from another host, nothing inline: who reads the docs logs in on this page."""


def introduction(*, sandbox: bool) -> str:
    """Return what the document and its page say first; the demo's logins only where there is a demo."""
    parts = ("introduction.md", "introduction_sandbox.md") if sandbox else ("introduction.md",)
    return "".join((PAGE.parent / part).read_text(encoding="utf-8") for part in parts)


def _written(app: FastAPI) -> bytes:
    return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()


def mount(app: FastAPI) -> None:
    """Serve `/docs` (with a working Authorize button) without asking another host."""

    async def page(_request: Request) -> Response:
        return FileResponse(PAGE, headers={"Content-Security-Policy": POLICY})

    async def document(request: Request) -> Response:
        if not hasattr(app.state, "document"):
            app.state.document = await run_in_threadpool(_written, app)  # takes a second, once
        answer = Response(app.state.document, media_type="application/json")
        set_content_etag(answer)
        caching.let_keep(answer, DOCUMENT_SECONDS)
        return caching.unless_known(request, answer)

    files = StaticFiles(directory=STATIC, packages=[("fastapi_swagger", "resources")])
    app.mount("/docs/static", files, name="docs_static")
    app.add_route("/openapi.json", document, include_in_schema=False)
    app.add_route("/docs", page, include_in_schema=False)
