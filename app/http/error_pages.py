"""A page for each error code: where the `type` of a problem leads a programmer who meets it."""

from collections.abc import Iterator
from html import escape
from http import HTTPStatus

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app.actor import Locale
from app.edge.request import spoken
from app.errors import AppError, NotFound, error_classes
from app.http import problems
from app.http.translation import translated

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""Text and links only."""
WORDS: dict[Locale, dict[str, str]] = {
    "it": {"all": "Tutti i codici di errore", "status": "Stato HTTP", "docs": "Documentazione dell'API"},
    "en": {"all": "All error codes", "status": "HTTP status", "docs": "API documentation"},
}


def meanings() -> dict[str, list[type[AppError]]]:
    """Return the classes of each public code: some codes are raised for several reasons."""
    found: dict[str, list[type[AppError]]] = {}
    for kind in error_classes():
        if kind.__module__.startswith("app."):
            found.setdefault(kind.code, []).append(kind)
    return dict(sorted(found.items()))


def mount(app: FastAPI) -> None:
    """Serve `/errors` and `/errors/{code}`, in the language that is asked for."""

    async def every(request: Request) -> Response:
        language = spoken(request.headers.get("accept-language")) or "it"
        listed = "".join(f'<li><a href="/errors/{code}">{code}</a></li>' for code in meanings())
        return _page(language, WORDS[language]["all"], f"<ul>{listed}</ul>")

    async def one(request: Request) -> Response:
        kinds = meanings().get(request.path_params["code"])
        language = spoken(request.headers.get("accept-language")) or "it"
        if kinds is None:
            return problems.response(NotFound(), problems.request_id_of(request), language)
        return _page(language, kinds[0].code, "".join(_told(kinds, language)))

    app.add_route("/errors", every, include_in_schema=False)
    app.add_route("/errors/{code}", one, include_in_schema=False)


def _told(kinds: list[type[AppError]], language: Locale) -> Iterator[str]:
    words = WORDS[language]
    for status in dict.fromkeys(kind.status for kind in kinds):
        phrase = translated(HTTPStatus(status).phrase, language)
        yield f"<p>{words['status']}: {status} {escape(phrase)}</p>"
    for text in dict.fromkeys(translated(kind.message(), language) for kind in kinds):
        yield f"<p>{escape(text)}</p>"
    yield f'<p><a href="/errors">{words["all"]}</a>, <a href="/docs">{words["docs"]}</a></p>'


def _page(language: Locale, title: str, body: str) -> Response:
    html = (
        f'<!DOCTYPE html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title}</title><link rel="icon" href="data:,"></head><body><h1>{title}</h1>{body}</body></html>'
    )
    headers = {"Content-Security-Policy": POLICY, "Content-Language": language, "Vary": "Accept-Language"}
    return HTMLResponse(html, headers={**headers, "Cache-Control": "public, max-age=3600"})
