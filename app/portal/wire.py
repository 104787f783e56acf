"""The browser's side of a request: its cookies become the headers that the edge reads, on pages only.

`/v1` never sees a cookie and pages never see an Authorization header, so neither can be used for the other.
"""

from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.config import settings
from app.edge.request import SPOKEN
from app.identity import devices

MACHINE = ("/v1", "/docs", "/openapi.json", "/static", "/hsds", "/errors", "/livez", "/readyz", "/metrics")
"""Paths that programs use: what begins so is no page."""
LANGUAGE = "beatrice_language"


def cookie_name(scope: Scope) -> str:
    """Return the session cookie's name: bound to this host and to https wherever there is https."""
    return "__Host-beatrice" if is_secure(scope) else "beatrice"


def is_secure(scope: Scope) -> bool:
    return scope["scheme"] == "https" or not settings().sandbox


def is_page(path: str) -> bool:
    return not any(path == start or path.startswith(start + "/") for start in MACHINE)


def cookies_of(headers: Headers) -> dict[str, str]:
    """Read the cookies; a header that is none holds none."""
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(headers.get("cookie", "")).items()}
    except CookieError:
        return {}


def same_origin(headers: Headers) -> bool:
    """Whether a page of ours sent this (Go's CrossOriginProtection: Sec-Fetch-Site, else Origin against Host)."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


class Browser:
    """ASGI layer outside the edge, so that limits count the person whom the cookie names."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and is_page(scope["path"]):
            cookies = cookies_of(Headers(scope=scope))
            kept = [pair for pair in scope["headers"] if pair[0] not in {b"cookie", b"authorization"}]
            if token := cookies.get(cookie_name(scope)):
                kept.append((b"authorization", b"Bearer " + token.encode("latin-1", "replace")))
            if device := cookies.get(devices.cookie_name()):
                kept.append((b"cookie", f"{devices.cookie_name()}={device}".encode("latin-1", "replace")))
            if (chosen := cookies.get(LANGUAGE)) in SPOKEN:
                kept = [pair for pair in kept if pair[0] != b"accept-language"]
                kept.append((b"accept-language", chosen.encode()))
            scope = {**scope, "headers": kept}
        await self.app(scope, receive, send)
