"""The docs page, offline: its script and style are part of the project."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

STATIC = Path(__file__).parent / "static"


def mount(app: FastAPI) -> None:
    """Serve `/docs` (with a working Authorize button) from our own files; `/` leads there."""

    async def page(_request: Request) -> Response:
        html = get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Beatrice",
            swagger_js_url="/docs/static/swagger-ui-bundle.js",
            swagger_css_url="/docs/static/swagger-ui.css",
            swagger_favicon_url="data:,",
            swagger_ui_parameters={"persistAuthorization": True, "docExpansion": "none", "tryItOutEnabled": True},
        )
        return HTMLResponse(html.body)

    async def home(_request: Request) -> Response:
        return RedirectResponse("/docs")

    app.mount("/docs/static", StaticFiles(directory=STATIC), name="docs_static")
    app.add_route("/docs", page, include_in_schema=False)
    app.add_route("/", home, include_in_schema=False)
